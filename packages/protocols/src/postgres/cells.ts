import type { HideValue } from '@hoop/core/answer';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { HIDDEN_PARTS_MAX } from './limits.ts';
import { INET_V4, INET_V6, inet, int8, macaddr, numeric } from './rendering.ts';
import { arrayParts, multirangeEnds, type Parts, rangeEnds, recordParts } from './structures.ts';
import { decodeBytes, encodeBytes, hexIn, maskHex, mendArray, mendJson } from './texts.ts';
import { JSON_TEXT, type Kind, kindOf } from './types.ts';

/** How a column's values are written, as far as it is known. */
export interface Written {
  readonly kind: Kind;
  readonly format: 'text' | 'binary' | undefined;
}

/** Values in values: no deeper than anybody nests them. Below, they are one value. */
const DEPTH_MAX = 16;

/**
 * Hides what the mask finds in one value; the same buffer when it finds nothing. A value whose type has no room for what is
 * shown instead becomes null, which is no value.
 */
export function maskCell(cell: Buffer, { kind, format }: Written, mask: Mask, counts: MaskCounts): Buffer | null {
  if (format === 'text') return maskText(cell, kind, mask, counts);
  if (format === 'binary') return maskBinary(cell, kind, mask, counts, 0);
  const shown = maskText(cell, kind, mask, counts);
  return shown === cell ? maskBinary(cell, kind, mask, counts, 0) : shown;
}

/** What became of a cell: it stays where it is, it is to have no value, or nothing was done and `maskCell` has to. */
export type Outcome = 'kept' | 'null' | 'left';

/**
 * `maskCell` of the cell in [from, to), where it stands.
 * @param mask one that hides in place
 * @param mayHaveHex whether anything in `bytes` may be bytes in hexadecimal digits
 */
export function hideCellIn(
  bytes: Buffer,
  { from, to }: { readonly from: number; readonly to: number },
  { kind, format }: Written,
  mask: Mask,
  mayHaveHex: boolean,
  counts: MaskCounts,
): Outcome {
  if (kind.as !== 'text' && format !== 'text') {
    return format === 'binary' && kind.as === 'scalar' && kind.isWhole && kind.sample.length < digitsMin(mask) ? 'kept' : 'left';
  }
  if (kind.as === 'bytes' || (mayHaveHex && bytes.subarray(from, to).includes(HEX_SIGN))) return 'left';
  switch (kind.as) {
    case 'scalar':
      if (hasExponent(bytes, from, to)) return 'left';
      return mask.hideIn?.(bytes, from, to, counts) ? 'null' : 'kept';
    case 'range':
      return mask.hideIn?.(bytes, from, to, counts) ? 'null' : 'kept';
    case 'json':
    case 'jsonb':
    case 'array':
      return mask.suspectsIn?.(bytes, from, to) === false ? 'kept' : 'left';
    default:
      mask.hideIn?.(bytes, from, to, counts);
      return 'kept';
  }
}

const HEX_SIGN = 0x5c;

/** A number with an exponent is looked at written out. */
function hasExponent(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === 0x65 && bytes[at + 1] === 0x2b) return true;
  return false;
}

/** Hides one value whole. */
export function hideCell(cell: Buffer, { kind, format }: Written, hide: HideValue, counts: MaskCounts): Buffer | null {
  if (kind.as === 'text') return hide(cell, counts);
  if (kind.as === 'bytes' && format !== undefined) {
    const bytes = format === 'text' ? decodeBytes(cell) : cell;
    const shown = hide(bytes ?? cell, counts);
    return shown && format === 'text' ? encodeBytes(shown) : shown;
  }
  // Counted, and nothing of it is shown: no other type has room for any text.
  hide(cell, counts);
  return null;
}

/** What one value says, in texts: each as a person would read it. */
export function* textsOf(cell: Buffer, { kind, format }: Written): Generator<Buffer> {
  if (format !== 'binary') {
    yield cell;
    yield* hexIn(cell);
  }
  if (format !== 'text') yield* binaryTexts(cell, kind, 0);
}

function maskText(cell: Buffer, kind: Kind, mask: Mask, counts: MaskCounts): Buffer | null {
  if (kind.as === 'bytes') {
    const bytes = decodeBytes(cell);
    if (bytes) {
      const masked = valueShown(bytes, mask, counts);
      return masked === bytes ? cell : masked && encodeBytes(masked);
    }
  }
  const text = maskHex(cell, mask, counts);
  const shown = valueShown(text, mask, counts);
  if (shown === text) return kind.as === 'scalar' && isLong(text, mask, counts) ? null : text;
  if (shown === null) return null;
  switch (kind.as) {
    case 'scalar':
    case 'range':
    case 'bytes':
      return null;
    case 'json':
    case 'jsonb':
      return mendJson(shown);
    case 'array':
      return mendArray(text, shown, kind.of);
    default:
      return shown;
  }
}

/** A number with an exponent, written out, has something to hide. */
function isLong(text: Buffer, mask: Mask, counts: MaskCounts): boolean {
  if (!text.includes('e+')) return false;
  const written = Buffer.from(String(Number(text.toString('latin1'))));
  return valueShown(written, mask, counts) !== written;
}

function valueShown(value: Buffer, mask: Mask, counts: MaskCounts): Buffer | null {
  if (!mask.suspects(value)) return value;
  return mask.applyToValue ? mask.applyToValue(value, counts) : mask.apply(value, counts);
}

function maskBinary(cell: Buffer, kind: Kind, mask: Mask, counts: MaskCounts, depth: number): Buffer | null {
  switch (kind.as) {
    case 'text':
    case 'json':
      return maskText(cell, kind, mask, counts);
    case 'jsonb': {
      const text = cell.subarray(1);
      const shown = maskText(text, JSON_TEXT, mask, counts);
      return shown === text ? cell : shown && Buffer.concat([cell.subarray(0, 1), shown]);
    }
    case 'bytes':
      return valueShown(cell, mask, counts);
    case 'scalar': {
      const text = kind.render(cell);
      if (text === undefined) return maskUnknown(cell, mask, counts, depth);
      if (kind.isWhole && text.length < digitsMin(mask)) return cell;
      return isHidden(text, mask, counts) ? null : cell;
    }
    case 'range': {
      const ends = kind.isMulti ? multirangeEnds(cell) : rangeEnds(cell);
      if (!ends) return maskUnknown(cell, mask, counts, depth);
      for (const end of ends) if (maskBinary(end, kindOf(kind.of), mask, counts, depth + 1) !== end) return null;
      return cell;
    }
    case 'array':
    case 'record': {
      const parts = kind.as === 'array' ? arrayParts(cell) : recordParts(cell);
      return parts && depth < DEPTH_MAX ? maskParts(cell, parts, mask, counts, depth) : maskUnknown(cell, mask, counts, depth);
    }
    default:
      return maskUnknown(cell, mask, counts, depth);
  }
}

function isHidden(text: string, mask: Mask, counts: MaskCounts): boolean {
  const bytes = Buffer.from(text, 'latin1');
  return valueShown(bytes, mask, counts) !== bytes;
}

/** Null: more of it would be hidden than can be kept apart. */
function maskParts(cell: Buffer, parts: Parts, mask: Mask, counts: MaskCounts, depth: number): Buffer | null {
  const hidden = new Map<number, Buffer | null>();
  let index = -1;
  for (const { type, value } of parts.each()) {
    index++;
    if (!value) continue;
    const shown = maskBinary(value, kindOf(type), mask, counts, depth + 1);
    if (shown === value) continue;
    if (hidden.size >= HIDDEN_PARTS_MAX) return null;
    hidden.set(index, shown);
  }
  return hidden.size > 0 ? parts.with(hidden) : cell;
}

/** Of a type that nobody knows here: taken for what it looks like. */
function maskUnknown(cell: Buffer, mask: Mask, counts: MaskCounts, depth: number): Buffer | null {
  const parts = depth < DEPTH_MAX ? partsOf(cell) : undefined;
  if (parts) return maskParts(cell, parts, mask, counts, depth);
  const ends = depth < DEPTH_MAX ? endsOf(cell) : [];
  for (const end of ends) if (maskUnknown(end, mask, counts, depth + 1) !== end) return null;
  const text = guessed(cell);
  if (text !== undefined && isHidden(text, mask, counts)) return null;
  if (!mask.suspects(cell)) return cell;
  const shown = mask.applyToValue ? mask.applyToValue(cell, counts) : mask.apply(cell, counts);
  // A text in the midst of what has a form of its own: it must not get another length.
  return shown && shown.length !== cell.length && !isPlain(cell) ? null : shown;
}

function partsOf(cell: Buffer): Parts | undefined {
  const parts = arrayParts(cell) ?? recordParts(cell);
  return parts && parts.count > 0 ? parts : undefined;
}

/** Of what may be a range. */
function endsOf(cell: Buffer): Iterable<Buffer> {
  return rangeEnds(cell) ?? multirangeEnds(cell) ?? [];
}

/** An int8 of more digits is more often the number that a float8 is made of. */
const GUESSED_DIGITS_MAX = 18;

/**
 * What a value may be whose type is not known, where it looks like that and like nothing else: an address, an int8, a numeric. Dates and
 * times look like any number and are not guessed; other numbers have no more than ten digits.
 */
function guessed(cell: Buffer): string | undefined {
  if (cell.length === 6 && !isPlain(cell)) return macaddr(cell);
  if (cell.length === 8) {
    const address = cell[0] === INET_V4 ? inet(cell) : undefined;
    const number = address === undefined ? int8(cell) : undefined;
    if (address !== undefined || (number !== undefined && number.length <= GUESSED_DIGITS_MAX)) return address ?? number;
  }
  if (cell.length < 10) return undefined;
  return cell.length === 20 && cell[0] === INET_V6 ? inet(cell) : numeric(cell);
}

function isPlain(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function* binaryTexts(cell: Buffer, kind: Kind, depth: number): Generator<Buffer> {
  if (kind.as === 'scalar') {
    const text = kind.render(cell);
    if (text !== undefined) yield Buffer.from(text, 'latin1');
    return;
  }
  const ends = depth < DEPTH_MAX && (kind.as === 'range' || kind.as === 'unknown') ? endsOf(cell) : [];
  for (const end of ends) yield* binaryTexts(end, kindOf(kind.as === 'range' ? kind.of : undefined), depth + 1);
  const mayHaveParts = kind.as === 'array' || kind.as === 'record' || kind.as === 'unknown';
  const parts = mayHaveParts && depth < DEPTH_MAX ? partsOf(cell) : undefined;
  for (const { type, value } of parts?.each() ?? []) if (value) yield* binaryTexts(value, kindOf(type), depth + 1);
  if (parts || kind.as === 'range') return;
  const text = kind.as === 'unknown' ? guessed(cell) : undefined;
  if (text !== undefined) yield Buffer.from(text, 'latin1');
  yield kind.as === 'jsonb' ? cell.subarray(1) : cell;
  if (kind.as !== 'bytes') yield* hexIn(cell);
}

/** From how many digits on a number may have to be hidden, by mask: so that short ones need no look. */
const DIGITS_MIN = new WeakMap<Mask, number>();
const PROBED_DIGITS_MAX = 24;

function digitsMin(mask: Mask): number {
  const known = DIGITS_MIN.get(mask);
  if (known !== undefined) return known;
  let least = 1;
  while (least < PROBED_DIGITS_MAX && !mask.suspects(Buffer.alloc(least, '7'))) least++;
  DIGITS_MIN.set(mask, least);
  return least;
}

/**
 * Whether each value of a column must be looked at, even where a mask suspects nothing in the bytes that came: what is
 * in a binary number does not stand there as a text.
 */
export function needsLook({ kind, format }: Written, mask: Mask): boolean {
  if (format === 'text') return false;
  switch (kind.as) {
    case 'scalar':
      return kind.isWhole ? kind.sample.length >= digitsMin(mask) : mask.suspects(Buffer.from(kind.sample));
    case 'array':
    case 'range':
      return needsLook({ kind: kindOf(kind.of), format }, mask);
    case 'record':
    case 'unknown':
      return true;
    default:
      return false;
  }
}

/** A quick look at a run of bytes for what `suspects` does not see: bytes that are written as digits. */
export function mayHoldHex(bytes: Buffer): boolean {
  return bytes.includes('\\x');
}
