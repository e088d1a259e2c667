import { TargetFault } from '@hoop/core/errors';
import { Fields } from './fields.ts';

/** Column types. (MySQL Internals, "Column Types") */
export const TYPE = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  varchar: 15,
  bit: 16,
  newDecimal: 246,
  string: 254,
} as const;

/** Numbers and times: their text is made of digits, and nothing that identifies a person by words can be in it. */
const NO_TEXT: ReadonlySet<number> = new Set([
  ...[TYPE.decimal, TYPE.tiny, TYPE.short, TYPE.long, TYPE.float, TYPE.double, TYPE.null, TYPE.timestamp, TYPE.longlong],
  ...[TYPE.int24, TYPE.date, TYPE.time, TYPE.datetime, TYPE.year, TYPE.newDecimal],
]);

export function mayHoldText(type: number): boolean {
  return !NO_TEXT.has(type);
}

/** Bytes of a value in the binary format; `timed`: a length byte in front; undefined: a length of variable size in front. */
const SIZES: ReadonlyMap<number, 0 | 1 | 2 | 4 | 8 | 'timed'> = new Map<number, 0 | 1 | 2 | 4 | 8 | 'timed'>([
  [TYPE.null, 0],
  [TYPE.tiny, 1],
  [TYPE.short, 2],
  [TYPE.year, 2],
  [TYPE.long, 4],
  [TYPE.int24, 4],
  [TYPE.float, 4],
  [TYPE.longlong, 8],
  [TYPE.double, 8],
  [TYPE.timestamp, 'timed'],
  [TYPE.date, 'timed'],
  [TYPE.datetime, 'timed'],
  [TYPE.time, 'timed'],
]);

/** Types with a length in front: strings, blobs, decimals, bits, json, geometry, enums. */
const WITH_LENGTH: ReadonlySet<number> = new Set([0, 15, 16, 242, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255]);

/** How a value of this type stands in the binary format. @throws TargetFault for a type that nobody knows: what follows it cannot be found */
export function binarySize(type: number): 0 | 1 | 2 | 4 | 8 | 'timed' | 'lenenc' {
  const size = SIZES.get(type);
  if (size !== undefined) return size;
  if (WITH_LENGTH.has(type)) return 'lenenc';
  throw new TargetFault('target_protocol', `The target sent a column of type ${type}, which is not known here`);
}

/** The cells of a row in the text format; null for NULL. @throws PeerFault `bad_message` */
export function decodeTextRow(payload: Buffer): (Buffer | null)[] {
  const fields = new Fields(payload);
  const cells: (Buffer | null)[] = [];
  while (fields.left > 0) {
    if (payload[fields.at] === NULL_CELL) {
      fields.int(1);
      cells.push(null);
    } else cells.push(fields.lenencBytes());
  }
  return cells;
}

export const NULL_CELL = 0xfb;

/** Bit of a column in the NULL bitmap of a binary row: the first two bits are not used. */
export function isNullInBitmap(bitmap: Buffer, column: number, offset: number): boolean {
  const bit = column + offset;
  return ((bitmap[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}
