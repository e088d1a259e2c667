import type { Mask, MaskCounts } from '@hoop/core/gate';
import { code, cstring, encodeMessage, HEADER_BYTES } from './frame.ts';
import { errorFields } from './messages/error.ts';
import { Fields } from './messages/fields.ts';
import { maskHex } from './texts.ts';

/** Hides what the mask finds in one whole message that is no row; the message itself when it finds nothing. @throws PeerFault `bad_message` */
export function maskMessage(type: number, message: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const body = message.subarray(HEADER_BYTES);
  switch (String.fromCharCode(type)) {
    case 'E':
    case 'N':
      return maskErrorFields(type, message, body, mask, counts);
    case 'A':
      return maskNotification(message, body, mask, counts);
    case 'S':
      return maskParameter(message, body, mask, counts);
    case 'T':
      return maskColumnNames(message, body, mask, counts);
    default:
      return message;
  }
}

function maskWords(words: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  return mask.apply(maskHex(words, mask, counts), counts);
}

/** Fields of an error that are the server's own: severity, SQLSTATE, positions, a line of its source. */
const CODES = new Set(['S', 'V', 'C', 'P', 'p', 'L']);

function maskErrorFields(type: number, message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  let changed = false;
  const fields = errorFields(body).map(({ name, value }) => {
    const masked = CODES.has(name) ? value : maskWords(value, mask, counts);
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
  const masked = maskWords(payload, mask, counts);
  return masked === payload ? message : encodeMessage(String.fromCharCode(code('A')), processId, channel, masked, Buffer.alloc(1));
}

/** ParameterStatus: String name, String value. A setting can hold anything, and its new value is told to the client. */
function maskParameter(message: Buffer, body: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const fields = new Fields(body);
  const name = fields.cstring();
  const value = Buffer.from(fields.cstring(), 'utf8');
  const masked = maskWords(value, mask, counts);
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
