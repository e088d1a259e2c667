import type { Mask, MaskCounts } from '@hoop/core/gate';
import { sequenceAt } from './escapes.ts';
import { MASK_CONTEXT_BYTES, MASK_HOLD_BYTES_MAX, MASK_RUN_BYTES_MAX } from './limits.ts';
import { hideFirst, IN_TOKEN, OpenValue } from './open-value.ts';

const ESC = 0x1b;

/** Output divided into what is seen and what steers: `text` is the seen bytes, `from[i]` where byte i of it stood. */
interface Seen {
  readonly text: Buffer;
  readonly from: Uint32Array;
}

/**
 * Hides values in a stream of output, however it is cut and whatever colours stand between their letters. The end of a chunk that
 * may be the beginning of a value is held back until `flush`; what was passed on before helps to recognise what follows.
 */
export class MaskStream {
  /** Bytes that are not passed on yet. */
  #held: Buffer = Buffer.alloc(0);
  /** The seen text that was passed on last, as it was before masking. */
  #context: Buffer = Buffer.alloc(0);
  #open = new OpenValue();

  /** True while something is held back. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Another one in the same state, to try something on. */
  copy(): MaskStream {
    const other = new MaskStream();
    other.#held = this.#held;
    other.#context = this.#context;
    other.#open = this.#open.copy();
    return other;
  }

  /** What may be passed on now. */
  push(chunk: Buffer, mask: Mask | undefined, counts: MaskCounts): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const keep = mask ? heldFrom(bytes) : bytes.length;
    this.#held = Buffer.from(bytes.subarray(keep));
    return this.#pass(bytes.subarray(0, keep), bytes, mask, counts);
  }

  /** Passes on what is held: its rest has not come in time, or never will. */
  flush(mask: Mask | undefined, counts: MaskCounts): Buffer {
    const bytes = this.#held;
    this.#held = Buffer.alloc(0);
    return this.#pass(bytes, bytes, mask, counts);
  }

  /** `bytes` is the beginning of `whole`; what stands behind it only helps to recognise. */
  #pass(bytes: Buffer, whole: Buffer, mask: Mask | undefined, counts: MaskCounts): Buffer {
    if (!mask) this.#open.forget();
    if (!mask || bytes.length === 0) return bytes;
    if (!this.#open.isOpen && isPlain(whole)) {
      const all = Buffer.concat([this.#context, whole]);
      if (!mask.suspects(all)) {
        this.#context = contextOf(all.subarray(0, this.#context.length + bytes.length));
        return bytes;
      }
    }
    const seen = seenIn(whole);
    const text = Buffer.concat([this.#context, seen.text]);
    const ownEnd = lowerBound(seen.from, bytes.length);
    const context = this.#context.length;
    const taken = this.#open.take(seen.text.subarray(0, ownEnd));
    const known = text.subarray(0, context + ownEnd);
    const masked = mask.suspects(text) ? mask.apply(text, {}) : text;
    const passed = maskStrings(bytes, mask, counts);
    this.#context = contextOf(known);
    if (masked !== text && (mask.keepsLength === false || masked.length !== text.length)) {
      const shown = maskLengths(known, context, taken, mask, counts);
      this.#open.note(known, shown.whole);
      return Buffer.concat([shown.own, ...steeringIn(passed, seen, ownEnd)]);
    }
    const result = masked === text ? passed : maskSeen(passed, seen, ownEnd, text, masked, context, mask, counts);
    this.#open.note(known, masked === text ? known : masked.subarray(0, known.length));
    return taken > 0 ? withFirstHidden(result, bytes, seen, taken) : result;
  }
}

/**
 * Masks the end of a text by a mask that changes lengths. What stands before `context` was shown already: where a value goes over that
 * place, the rest of it is hidden as far as the next blank.
 */
function maskLengths(text: Buffer, context: number, taken: number, mask: Mask, counts: MaskCounts): { own: Buffer; whole: Buffer } {
  const found: MaskCounts = {};
  const known: MaskCounts = {};
  const whole = mask.apply(text, found);
  const before = mask.apply(text.subarray(0, context), known);
  if (taken === 0 && whole.subarray(0, before.length).equals(before)) {
    countMore(known, found, counts);
    return { own: whole.subarray(before.length), whole };
  }
  let rest = context + taken;
  while (taken === 0 && rest < text.length && !isBlank(text[rest] ?? 0)) rest++;
  const first = Buffer.from(text.subarray(context, rest));
  hideFirst(first, first.length);
  return { own: Buffer.concat([first, mask.apply(text.subarray(rest), counts)]), whole };
}

/** With the seen bytes hidden that belong to a value that began before. */
function withFirstHidden(result: Buffer, bytes: Buffer, seen: Seen, taken: number): Buffer {
  const hidden = result === bytes ? Buffer.from(bytes) : result;
  const first = Buffer.from(seen.text.subarray(0, taken));
  hideFirst(first, taken);
  for (let index = 0; index < taken; index++) hidden[seen.from[index] ?? 0] = first[index] ?? 0;
  return hidden;
}

/** The last bytes, and a long word that stands there from its beginning. */
function contextOf(text: Buffer): Buffer {
  const floor = Math.max(0, text.length - MASK_RUN_BYTES_MAX);
  let from = Math.max(0, text.length - MASK_CONTEXT_BYTES);
  let start = text.length;
  while (start > floor && IN_TOKEN[text[start - 1] ?? 0] === 1) start--;
  if (start < from) from = start;
  return Buffer.from(text.subarray(from));
}

/** Without anything that steers: then it need not be taken apart to see whether there is something in it. */
function isPlain(bytes: Buffer): boolean {
  return !STEERING.test(bytes.toString('latin1'));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const STEERING = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;

function maskSeen(
  bytes: Buffer,
  seen: Seen,
  ownEnd: number,
  text: Buffer,
  masked: Buffer,
  context: number,
  mask: Mask,
  counts: MaskCounts,
): Buffer {
  const own = text.subarray(context, context + ownEnd);
  const ownMasked = masked.subarray(context, context + ownEnd);
  if (ownMasked.equals(own)) return bytes;
  const result = Buffer.from(bytes);
  for (let index = 0; index < ownEnd; index++) result[seen.from[index] ?? 0] = ownMasked[index] ?? 0;
  countNew(text, context, ownEnd, mask, counts);
  return result;
}

/** The control sequences of a run of output, in order. */
function steeringIn(bytes: Buffer, seen: Seen, ownEnd: number): Buffer[] {
  const parts: Buffer[] = [];
  let after = 0;
  for (let index = 0; index < ownEnd; index++) {
    const at = seen.from[index] ?? 0;
    if (at > after) parts.push(bytes.subarray(after, at));
    after = at + 1;
  }
  parts.push(bytes.subarray(after));
  return parts;
}

/** A window's title may hold anything, too. It is masked by itself. */
function maskStrings(bytes: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  let result = bytes;
  for (let at = bytes.indexOf(ESC); at >= 0; at = bytes.indexOf(ESC, at + 1)) {
    const { end = bytes.length, kind } = sequenceAt(bytes, at);
    if (kind !== 'string') continue;
    const payload = bytes.subarray(at + 2, end);
    const masked = mask.suspects(payload) ? mask.apply(payload, counts) : payload;
    if (masked === payload) continue;
    if (result === bytes) result = Buffer.from(bytes);
    // The place is kept: a title that got longer is cut, one that got shorter is filled.
    result.fill(0x23, at + 2, at + 2 + payload.length);
    masked.copy(result, at + 2, 0, payload.length);
  }
  return result;
}

function seenIn(bytes: Buffer): Seen {
  const from = new Uint32Array(bytes.length);
  const text = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] ?? 0;
    if (byte === ESC) {
      at = Math.max(sequenceAt(bytes, at).end ?? bytes.length, at + 1);
      continue;
    }
    if (isSeen(byte)) {
      text[length] = byte;
      from[length++] = at;
    }
    at++;
  }
  return { text: text.subarray(0, length), from: from.subarray(0, length) };
}

/** Everything but control characters; those that part words are kept. */
function isSeen(byte: number): boolean {
  return byte >= 0x20 ? byte !== 0x7f : byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** How many of the ascending numbers are below `limit`. */
function lowerBound(ascending: Uint32Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Where the part begins that may be the beginning of a value: the last word, and the words before it as far as each has a digit
 * in it, because card and account numbers are written in groups.
 */
function heldFrom(bytes: Buffer): number {
  const floor = Math.max(0, bytes.length - MASK_HOLD_BYTES_MAX);
  let from = wordStart(bytes, bytes.length, Math.max(0, bytes.length - MASK_RUN_BYTES_MAX));
  while (from > floor && bytes[from - 1] === 0x20) {
    const before = wordStart(bytes, from - 1, floor);
    if (before === from - 1 || !hasDigit(bytes, before, from - 1)) break;
    from = before;
  }
  return from;
}

function wordStart(bytes: Buffer, end: number, floor: number): number {
  let at = end;
  while (at > floor && !isBlank(bytes[at - 1] ?? 0)) at--;
  return at;
}

function hasDigit(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((bytes[at] ?? 0) >= 0x30 && (bytes[at] ?? 0) <= 0x39) return true;
  return false;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** Counts what is found up to here and was not found before: what was passed on was counted then, and what is held will be. */
function countNew(text: Buffer, context: number, ownEnd: number, mask: Mask, counts: MaskCounts): void {
  const before: MaskCounts = {};
  const now: MaskCounts = {};
  mask.apply(text.subarray(0, context), before);
  mask.apply(text.subarray(0, context + ownEnd), now);
  countMore(before, now, counts);
}

function countMore(before: MaskCounts, now: MaskCounts, counts: MaskCounts): void {
  for (const [name, count] of Object.entries(now)) {
    const more = count - (before[name] ?? 0);
    if (more > 0) counts[name] = (counts[name] ?? 0) + more;
  }
}
