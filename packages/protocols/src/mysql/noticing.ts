import { encodePacket } from './frame.ts';
import { lenencBytes } from './messages/fields.ts';
import { decodeOk } from './messages/result.ts';

/** Warnings have two bytes for their number. */
const WARNINGS_MAX = 0xffff;

/** The code of a warning that has no code of its own (ER_UNKNOWN_ERROR). */
const CODE = '1105';

/** A client that is told of a warning asks for it so. */
const SHOW_WARNINGS = /^\s*show\s+warnings\s*;?\s*$/i;

export function asksForWarnings(text: string): boolean {
  return SHOW_WARNINGS.test(text);
}

/** Counts one warning more in an OK or an EOF, in place; one without room for a number stays as it is. */
export function countWarning(kind: 'ok' | 'end', payload: Buffer): void {
  const at = kind === 'ok' ? decodeOk(payload).infoAt - 2 : 1;
  if (payload.length < at + 2) return;
  payload.writeUInt16LE(Math.min(payload.readUInt16LE(at) + 1, WARNINGS_MAX), at);
}

/** What a rule has to say as one row more of SHOW WARNINGS, in front of the end of it: Level, Code, Message. */
export function warningRow(notice: string, end: Buffer): Buffer {
  const sequence = end[3] ?? 0;
  const cells = ['Warning', CODE, notice].map((cell) => lenencBytes(Buffer.from(cell)));
  const after = Buffer.from(end);
  after[3] = (sequence + 1) & 0xff;
  return Buffer.concat([encodePacket(sequence, ...cells), after]);
}
