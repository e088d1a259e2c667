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
  json: 245,
  newDecimal: 246,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
} as const;

/** Bytes of a value in the binary format; `timed`: a length byte in front. */
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
  while (fields.left > 0) cells.push(fields.cell());
  return cells;
}

/** The NULL bitmap of a binary row leaves its first two bits out; that of an execution's parameters leaves none. */
export const NULL_BITMAP_OFFSET = 2;

/** Bit of a column in a NULL bitmap. */
export function isNullInBitmap(bitmap: Buffer, column: number, offset: number): boolean {
  const bit = column + offset;
  return ((bitmap[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}

export function setNullInBitmap(bitmap: Buffer, column: number, offset: number): void {
  const bit = column + offset;
  bitmap[bit >>> 3] = (bitmap[bit >>> 3] ?? 0) | (1 << (bit & 7));
}
