import type { AnswerColumn } from '@hoop/core/answer';
import { PeerFault } from '@hoop/core/errors';
import { Fields } from './fields.ts';
import { TYPE } from './row.ts';

/** What decides how a column's values stand in a row. (MySQL Internals, "ColumnDefinition41") */
export interface Shape {
  readonly type: number;
  /** Number of the collation; texts of numbers and times are in it too. */
  readonly charset: number;
  readonly flags: number;
}

/** Bits of a column's flags. (MySQL Internals, "Column Definition Flags") */
const FLAG = { notNull: 0x0001, unsigned: 0x0020, enum: 0x0100, set: 0x0800 } as const;

/** Behind the names: 0x0c, character set, length, type, flags, decimals, two zero bytes. */
export const COLUMN_TAIL_BYTES = 13;
const CHARSET_FROM_END = 12;
const TYPE_FROM_END = 6;
const FLAGS_FROM_END = 5;

/** @throws PeerFault `bad_message` */
export function decodeShape(payload: Buffer): Shape {
  const end = payload.length;
  if (end < COLUMN_TAIL_BYTES) throw new PeerFault('bad_message', 'A packet has less in it than it says');
  return {
    type: payload[end - TYPE_FROM_END] ?? 0,
    charset: payload.readUInt16LE(end - CHARSET_FROM_END),
    flags: payload.readUInt16LE(end - FLAGS_FROM_END),
  };
}

/** The name that the client shows, and where the server says that the values come from. @throws PeerFault `bad_message` */
export function decodeDescription(payload: Buffer): AnswerColumn {
  const fields = new Fields(payload);
  fields.lenencBytes();
  const schema = fields.lenencBytes().toString('utf8');
  fields.lenencBytes();
  const table = fields.lenencBytes().toString('utf8');
  const name = fields.lenencBytes().toString('utf8');
  const column = fields.lenencBytes().toString('utf8');
  // What is computed has neither.
  if (table === '' || column === '') return { name };
  return { name, origin: { ...(schema === '' ? {} : { schema }), table, column } };
}

/** Takes the promise back that no value is missing: one that has to be hidden may be shown as none. In place: the packet keeps its length. */
export function allowNull(payload: Buffer): void {
  const at = payload.length - FLAGS_FROM_END;
  if (payload.length >= COLUMN_TAIL_BYTES) payload[at] = (payload[at] ?? 0) & ~FLAG.notNull;
}

export function isUnsigned({ flags }: Shape): boolean {
  return (flags & FLAG.unsigned) !== 0;
}

/**
 * What may stand in place of a value: `text`: any; `json`: what is JSON; `none`: nothing, because programs read a number, a time, a member
 * of a list or a shape there. Of a type that nobody knows nothing is known.
 */
export function roomOf({ type, flags }: Shape): 'text' | 'json' | 'none' {
  if (type === TYPE.json) return 'json';
  if (!TEXTS.has(type) || (flags & (FLAG.enum | FLAG.set)) !== 0) return 'none';
  return 'text';
}

/** Strings, and blobs of all sizes. */
const TEXTS: ReadonlySet<number> = new Set([
  ...[TYPE.varchar, TYPE.tinyBlob, TYPE.mediumBlob, TYPE.longBlob, TYPE.blob, TYPE.varString, TYPE.string],
]);

/**
 * True for a collation of ucs2, utf16, utf16le and utf32, in which a letter is no single byte. A session may ask for its answers in them.
 * MariaDB counts those without padding from 1024 on, and those of UCA 14 from 2048 on, with the character set in bits of its own.
 */
export function isWide(charset: number): boolean {
  if (charset >= UCA14_FROM) return (charset - UCA14_FROM) >>> UCA14_CHARSET_BITS >= UCA14_WIDE;
  const known = charset & (NO_PAD_FROM - 1);
  return WIDE.has(known) || WIDE_RANGES.some(([from, to]) => known >= from && known <= to);
}

const NO_PAD_FROM = 1_024;
const UCA14_FROM = 2_048;
const UCA14_CHARSET_BITS = 8;
const UCA14_WIDE = 2;
const WIDE: ReadonlySet<number> = new Set([35, 54, 55, 56, 60, 61, 62, 90, 159]);
const WIDE_RANGES: readonly (readonly [from: number, to: number])[] = [
  [101, 151],
  [160, 183],
  [640, 767],
];
