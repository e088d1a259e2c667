import type { Mask, MaskCounts } from '@hoop/core/gate';
import { code, cstring, encodeMessage, HEADER_BYTES, int32 } from './frame.ts';
import { errorFields } from './messages/error.ts';
import { Fields } from './messages/fields.ts';
import { decodeDataRow, encodeDataRow } from './messages/row.ts';

/** Hides what the mask finds in one whole message; the message itself when it finds nothing. @throws PeerFault `bad_message` */
export function maskMessage(type: number, message: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const body = message.subarray(HEADER_BYTES);
  switch (String.fromCharCode(type)) {
    case 'D':
      return maskRow(message, body, mask, counts);
    case 'd': {
      const masked = mask.apply(body, counts);
      return masked === body ? message : encodeMessage('d', masked);
    }
    case 'E':
    case 'N':
      return maskErrorFields(type, message, body, mask, counts);
    case 'A':
      return maskNotification(message, body, mask, counts);
    case 'V':
      return maskFunctionResult(message, body, mask, counts);
    case 'S':
      return maskParameter(message, body, mask, counts);
    case 'T':
      return maskColumnNames(message, body, mask, counts);
    default:
      return message;
  }
}

/**
 * Every cell, in both formats: the binary format of a text is the text, and a text inside an array, a record or json
 * stands there as it is. A mask that keeps the length cannot break a binary value that it is inside of.
 */
function maskRow(message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  let changed = false;
  const cells = decodeDataRow(body).map((cell) => {
    if (!cell || !mask.suspects(cell)) return cell;
    const masked = mask.apply(cell, counts);
    changed ||= masked !== cell;
    return masked;
  });
  return changed ? encodeDataRow(cells) : message;
}

function maskErrorFields(type: number, message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  let changed = false;
  const fields = errorFields(body).map(({ name, value }) => {
    const masked = mask.apply(value, counts);
    changed ||= masked !== value;
    return Buffer.concat([Buffer.from(name), masked, Buffer.alloc(1)]);
  });
  return changed ? encodeMessage(String.fromCharCode(type), ...fields, Buffer.alloc(1)) : message;
}

/** NotificationResponse: Int32 process id, String channel, String payload. */
function maskNotification(message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const fields = new Fields(body);
  const processId = fields.bytes(4);
  const channel = cstring(fields.cstring());
  const payload = Buffer.from(fields.cstring(), 'utf8');
  const masked = mask.apply(payload, counts);
  return masked === payload ? message : encodeMessage(String.fromCharCode(code('A')), processId, channel, masked, Buffer.alloc(1));
}

/** FunctionCallResponse: Int32 length (-1: null), then the value. */
function maskFunctionResult(message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const fields = new Fields(body);
  if (fields.int32() < 0) return message;
  const value = fields.rest();
  const masked = mask.apply(value, counts);
  return masked === value ? message : encodeMessage('V', int32(masked.length), masked);
}

/** ParameterStatus: String name, String value. A setting can hold anything, and its new value is told to the client. */
function maskParameter(message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const fields = new Fields(body);
  const name = fields.cstring();
  const value = Buffer.from(fields.cstring(), 'utf8');
  const masked = mask.apply(value, counts);
  return masked === value ? message : encodeMessage('S', name, masked, Buffer.alloc(1));
}

/** A column's name may be made of data, by a function that makes its own statements. */
function maskColumnNames(message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const fields = new Fields(body);
  const count = fields.bytes(2);
  const parts: Buffer[] = [count];
  let changed = false;
  for (let left = count.readInt16BE(0); left > 0; left--) {
    const name = Buffer.from(fields.cstring(), 'utf8');
    const masked = mask.apply(name, counts);
    changed ||= masked !== name;
    parts.push(masked, Buffer.alloc(1), fields.bytes(COLUMN_BYTES));
  }
  return changed ? encodeMessage('T', ...parts) : message;
}

/** What stands behind a column's name: table, column, type, size, modifier, format. */
const COLUMN_BYTES = 18;
