import { int32 } from './frame.ts';

/** The parts of a binary value that is made of others: what is written between them, and the type of each where it is known. */
export interface Parts {
  readonly values: readonly { readonly type: number | undefined; readonly value: Buffer | null }[];
  /** The whole again, with other values in it. */
  join(values: readonly (Buffer | null)[]): Buffer;
}

const ARRAY_HEAD_BYTES = 12;
const DIMENSIONS_MAX = 6;
const HAS_NULLS = 1;

/** Int32 dimensions, flags, type; Int32 size and first index of each dimension; then the elements. (array_recv) Undefined: it is none. */
export function arrayParts(bytes: Buffer): Parts | undefined {
  if (bytes.length < ARRAY_HEAD_BYTES) return undefined;
  const dimensions = bytes.readInt32BE(0);
  const flags = bytes.readInt32BE(4);
  const type = bytes.readUInt32BE(8);
  if (dimensions < 0 || dimensions > DIMENSIONS_MAX || flags < 0 || flags > HAS_NULLS) return undefined;
  const start = ARRAY_HEAD_BYTES + dimensions * 8;
  if (bytes.length < start) return undefined;
  let count = dimensions === 0 ? 0 : 1;
  for (let at = ARRAY_HEAD_BYTES; at < start; at += 8) count *= bytes.readInt32BE(at);
  const found = lengthsAndValues(bytes, start, count);
  if (!found) return undefined;
  return {
    values: found.map((value) => ({ type, value })),
    join: (values) => {
      const head = Buffer.from(bytes.subarray(0, start));
      if (values.includes(null)) head.writeInt32BE(HAS_NULLS, 4);
      return Buffer.concat([head, ...values.flatMap(withLength)]);
    },
  };
}

/** Int32 columns; for each its Int32 type, Int32 length (-1: null) and bytes. (record_recv) Undefined: it is none. */
export function recordParts(bytes: Buffer): Parts | undefined {
  if (bytes.length < 4) return undefined;
  const count = bytes.readInt32BE(0);
  // A column has eight bytes at least.
  if (count < 0 || count > (bytes.length - 4) / 8) return undefined;
  const values: { type: number; value: Buffer | null }[] = [];
  let at = 4;
  for (let left = count; left > 0; left--) {
    if (at + 8 > bytes.length) return undefined;
    const type = bytes.readUInt32BE(at);
    const length = bytes.readInt32BE(at + 4);
    at += 8;
    if (length < -1 || at + Math.max(length, 0) > bytes.length) return undefined;
    values.push({ type, value: length < 0 ? null : bytes.subarray(at, at + length) });
    at += Math.max(length, 0);
  }
  if (at !== bytes.length) return undefined;
  return {
    values,
    join: (shown) =>
      Buffer.concat([int32(count), ...shown.flatMap((value, index) => [uint32(values[index]?.type ?? 0), ...withLength(value)])]),
  };
}

const EMPTY = 0x01;
const FROM_INFINITE = 0x08;
const TO_INFINITE = 0x10;

/** A byte of flags, then the ends that there are. (range_recv) Undefined: it is none. */
export function rangeEnds(bytes: Buffer): readonly Buffer[] | undefined {
  const flags = bytes[0];
  if (flags === undefined) return undefined;
  const count = flags & EMPTY ? 0 : 2 - (flags & FROM_INFINITE ? 1 : 0) - (flags & TO_INFINITE ? 1 : 0);
  return lengthsAndValues(bytes, 1, count)?.filter((value) => value !== null);
}

/** Int32 count, then ranges. (multirange_recv) Undefined: it is none. */
export function multirangeEnds(bytes: Buffer): readonly Buffer[] | undefined {
  if (bytes.length < 4) return undefined;
  const ranges = lengthsAndValues(bytes, 4, bytes.readInt32BE(0));
  const ends: Buffer[] = [];
  for (const range of ranges ?? []) {
    const found = range && rangeEnds(range);
    if (!found) return undefined;
    ends.push(...found);
  }
  return ranges && ends;
}

function lengthsAndValues(bytes: Buffer, start: number, count: number): (Buffer | null)[] | undefined {
  if (count < 0 || count > (bytes.length - start) / 4) return undefined;
  const values: (Buffer | null)[] = [];
  let at = start;
  for (let left = count; left > 0; left--) {
    if (at + 4 > bytes.length) return undefined;
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < -1 || at + Math.max(length, 0) > bytes.length) return undefined;
    values.push(length < 0 ? null : bytes.subarray(at, at + length));
    at += Math.max(length, 0);
  }
  return at === bytes.length ? values : undefined;
}

function withLength(value: Buffer | null): Buffer[] {
  return value ? [int32(value.length), value] : [int32(-1)];
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
