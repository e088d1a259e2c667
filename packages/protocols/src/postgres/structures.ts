import { int32 } from './frame.ts';

export interface Part {
  /** Its type where it is known. */
  readonly type: number | undefined;
  readonly value: Buffer | null;
}

/** A binary value that is made of others. They are made one by one: there may be millions. */
export interface Parts {
  readonly count: number;
  each(): Iterable<Part>;
  /** The whole again, with other values in the places of these. */
  with(shown: ReadonlyMap<number, Buffer | null>): Buffer;
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
  if (!isWhole(bytes, start, count, 0)) return undefined;
  return {
    count,
    each: () => partsIn(bytes, start, count, () => type),
    with: (shown) => {
      const head = Buffer.from(bytes.subarray(0, start));
      for (const value of shown.values()) if (value === null) head.writeInt32BE(HAS_NULLS, 4);
      return replaced(head, bytes, start, count, 0, shown);
    },
  };
}

const TYPE_BYTES = 4;

/** Int32 columns; for each its Int32 type, Int32 length (-1: null) and bytes. (record_recv) Undefined: it is none. */
export function recordParts(bytes: Buffer): Parts | undefined {
  if (bytes.length < 4) return undefined;
  const count = bytes.readInt32BE(0);
  if (!isWhole(bytes, 4, count, TYPE_BYTES)) return undefined;
  return {
    count,
    each: () => partsIn(bytes, 4, count, (at) => bytes.readUInt32BE(at), TYPE_BYTES),
    with: (shown) => replaced(bytes.subarray(0, 4), bytes, 4, count, TYPE_BYTES, shown),
  };
}

const EMPTY = 0x01;
const FROM_INFINITE = 0x08;
const TO_INFINITE = 0x10;

/** A byte of flags, then the ends that there are. (range_recv) Undefined: it is none. */
export function rangeEnds(bytes: Buffer): Iterable<Buffer> | undefined {
  const flags = bytes[0];
  if (flags === undefined) return undefined;
  const count = flags & EMPTY ? 0 : 2 - (flags & FROM_INFINITE ? 1 : 0) - (flags & TO_INFINITE ? 1 : 0);
  return isWhole(bytes, 1, count, 0) ? valuesIn(bytes, 1, count) : undefined;
}

/** Int32 count, then ranges. (multirange_recv) Undefined: it is none. */
export function multirangeEnds(bytes: Buffer): Iterable<Buffer> | undefined {
  if (bytes.length < 4) return undefined;
  const count = bytes.readInt32BE(0);
  if (!isWhole(bytes, 4, count, 0)) return undefined;
  for (const range of valuesIn(bytes, 4, count)) if (!rangeEnds(range)) return undefined;
  return endsOfAll(bytes, count);
}

function* endsOfAll(bytes: Buffer, count: number): Generator<Buffer> {
  for (const range of valuesIn(bytes, 4, count)) yield* rangeEnds(range) ?? [];
}

/** Whether so many values follow, each behind `before` bytes and its Int32 length (-1: null), and nothing else. */
function isWhole(bytes: Buffer, start: number, count: number, before: number): boolean {
  if (!(count >= 0 && count <= (bytes.length - start) / (4 + before))) return false;
  let at = start;
  for (let left = count; left > 0; left--) {
    const from = at + before + 4;
    if (from > bytes.length) return false;
    const length = bytes.readInt32BE(from - 4);
    at = from + Math.max(length, 0);
    if (length < -1 || at > bytes.length) return false;
  }
  return at === bytes.length;
}

function* partsIn(bytes: Buffer, start: number, count: number, typeAt: (at: number) => number, before = 0): Generator<Part> {
  let at = start;
  for (let left = count; left > 0; left--) {
    const type = typeAt(at);
    const from = at + before + 4;
    const length = bytes.readInt32BE(from - 4);
    at = from + Math.max(length, 0);
    yield { type, value: length < 0 ? null : bytes.subarray(from, at) };
  }
}

function* valuesIn(bytes: Buffer, start: number, count: number): Generator<Buffer> {
  for (const { value } of partsIn(bytes, start, count, () => 0)) if (value) yield value;
}

/** What is not replaced is taken in runs. */
function replaced(
  head: Buffer,
  bytes: Buffer,
  start: number,
  count: number,
  before: number,
  shown: ReadonlyMap<number, Buffer | null>,
): Buffer {
  const parts: Buffer[] = [head];
  let after = start;
  let at = start;
  for (let index = 0; index < count; index++) {
    const lengthAt = at + before;
    at = lengthAt + 4 + Math.max(bytes.readInt32BE(lengthAt), 0);
    const value = shown.get(index);
    if (value === undefined) continue;
    parts.push(bytes.subarray(after, lengthAt), int32(value ? value.length : -1));
    if (value) parts.push(value);
    after = at;
  }
  return Buffer.concat([...parts, bytes.subarray(after)]);
}
