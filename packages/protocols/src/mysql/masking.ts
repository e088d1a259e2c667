import type { Denial } from '@hoop/core/action';
import { TargetFault } from '@hoop/core/errors';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { narrowed } from './cells.ts';
import { encodePacket, PAYLOAD_BYTES_MAX } from './frame.ts';
import { COLUMN_TAIL_BYTES } from './messages/column.ts';
import { Fields, lenencBytes } from './messages/fields.ts';
import { decodeOk } from './messages/result.ts';
import type { Kind } from './walk.ts';

/** Replaces a text; gives the text itself when it may stay. */
export type Retell = (text: Buffer) => Buffer;

/** What a mask makes of a text in a message. Texts of wide letters come when a session asked for its answers in them. */
export function masked(mask: Mask, counts: MaskCounts): Retell {
  return (text) => {
    if (text.includes(0)) {
      const letters = narrowed(text);
      const shown = mask.suspects(letters) ? mask.apply(letters, counts) : letters;
      if (shown !== letters) return shown;
    }
    return mask.suspects(text) ? mask.apply(text, counts) : text;
  };
}

/** The same message with other texts; the payload itself when nothing in it changed. @throws PeerFault `bad_message` */
export function retell(kind: Kind, payload: Buffer, by: Retell): Buffer {
  switch (kind) {
    case 'error':
      return retellError(payload, by);
    case 'ok':
      return retellOk(payload, by);
    case 'column':
      return retellColumn(payload, by);
    default:
      return payload;
  }
}

/** Why a message must not be shown. @throws PeerFault `bad_message` */
export function forbiddenMessage(kind: Kind, payload: Buffer, forbids: (text: Buffer) => Denial | undefined): Denial | undefined {
  let denial: Denial | undefined;
  retell(kind, payload, (text) => {
    denial ??= forbids(text) ?? (text.includes(0) ? forbids(narrowed(text)) : undefined);
    return text;
  });
  return denial;
}

/** The message of an error, which may quote a value. */
function retellError(payload: Buffer, by: Retell): Buffer {
  // 0xff, code, and with a state `#` and five characters.
  const from = payload[3] === STATE_MARK ? 9 : 3;
  const message = payload.subarray(from);
  const shown = by(message);
  return shown === message ? payload : Buffer.concat([payload.subarray(0, from), shown]);
}

/** The text of an OK. */
function retellOk(payload: Buffer, by: Retell): Buffer {
  const { infoAt } = decodeOk(payload);
  const info = payload.subarray(infoAt);
  if (info.length === 0) return payload;
  // Servers write it with its length in front; the manual has it without.
  const inner = info.subarray(info[0] === 0xfc ? 3 : 1);
  const isPrefixed = lenencBytes(inner).equals(info);
  const text = isPrefixed ? inner : info;
  const shown = by(text);
  return shown === text ? payload : Buffer.concat([payload.subarray(0, infoAt), isPrefixed ? lenencBytes(shown) : shown]);
}

/** Names in a column definition, and the default behind it: a name may be made of data. */
function retellColumn(payload: Buffer, by: Retell): Buffer {
  const fields = new Fields(payload);
  let changed = false;
  const parts: Buffer[] = [];
  for (let name = 0; name < NAMES_OF_COLUMN; name++) {
    const value = fields.lenencBytes();
    const shown = by(value);
    changed ||= shown !== value;
    parts.push(lenencBytes(shown));
  }
  const tail = fields.bytes(Math.min(fields.left, COLUMN_TAIL_BYTES));
  const rest = fields.rest();
  const shown = rest.length > 0 ? by(rest) : rest;
  return changed || shown !== rest ? Buffer.concat([...parts, tail, shown]) : payload;
}

const STATE_MARK = 0x23;

/** Catalog, schema, table, original table, name, original name. */
const NAMES_OF_COLUMN = 6;

/** A message that is one packet. @throws TargetFault `message_too_large` */
export function encodeOne(sequence: number, payload: Buffer): Buffer {
  if (payload.length >= PAYLOAD_BYTES_MAX) {
    throw new TargetFault(
      'message_too_large',
      `A message of ${payload.length} bytes cannot be masked; the limit is ${PAYLOAD_BYTES_MAX - 1}`,
    );
  }
  return encodePacket(sequence, payload);
}
