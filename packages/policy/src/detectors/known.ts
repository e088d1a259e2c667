import type { Finding } from './search.ts';

/** Longer values hardly ever come again. */
const VALUE_BYTES_MAX = 48;
const PLACES = 512;
/** No value has this tag. */
const FREE = 0;

/**
 * What is known of short values, for the case that they come again: columns hold the same names, days and states row after row. Of a
 * value that came once nothing but a hash is kept; one that comes a second time is kept until another one needs its place.
 */
export class Known<T = Finding[]> {
  readonly #folds: Uint8Array;
  readonly #tags = new Int32Array(PLACES);
  /** 0 where only the tag is known. */
  readonly #lengths = new Uint8Array(PLACES);
  readonly #bytes = new Uint8Array(PLACES * VALUE_BYTES_MAX);
  readonly #all: (T | undefined)[] = Array.from({ length: PLACES });
  /** Of the value that was asked for last. */
  #tag = FREE;

  /** @param folds what each byte counts as: values that differ in nothing else are one */
  constructor(folds: Uint8Array = SAME) {
    this.#folds = folds;
  }

  /** Whether values of so many bytes are kept. */
  static keeps(length: number): boolean {
    return length > 0 && length <= VALUE_BYTES_MAX;
  }

  /** What is known of the value in [from, to), at most 48 bytes long. Every byte is compared. @param tag its hash, after folding */
  get(value: Uint8Array, from = 0, to = value.length, tag = tagOf(value, from, to)): T | undefined {
    const length = to - from;
    this.#tag = tag;
    const place = placeOf(tag);
    if (this.#tags[place] !== tag || this.#lengths[place] !== length) return undefined;
    const start = place * VALUE_BYTES_MAX;
    const bytes = this.#bytes;
    const folds = this.#folds;
    for (let at = 0; at < length; at++) if (bytes[start + at] !== folds[value[from + at] ?? 0]) return undefined;
    return this.#all[place];
  }

  /** Whether the value that was asked for last came before, or another one with its hash. */
  get cameBefore(): boolean {
    return this.#tags[placeOf(this.#tag)] === this.#tag;
  }

  /** What is to be known of the value that was asked for last. */
  add(value: Uint8Array, known: T | undefined, from = 0, to = value.length): void {
    const tag = this.#tag;
    const place = placeOf(tag);
    if (this.#tags[place] !== tag) {
      this.#tags[place] = tag;
      if (this.#lengths[place] !== 0) this.#forget(place);
      return;
    }
    const start = place * VALUE_BYTES_MAX;
    for (let at = from; at < to; at++) this.#bytes[start + at - from] = this.#folds[value[at] ?? 0] ?? 0;
    this.#lengths[place] = to - from;
    this.#all[place] = known;
  }

  /** What is of no use is not left in memory. */
  #forget(place: number): void {
    this.#bytes.fill(0, place * VALUE_BYTES_MAX, (place + 1) * VALUE_BYTES_MAX);
    this.#lengths[place] = 0;
    this.#all[place] = undefined;
  }
}

const SAME = Uint8Array.from({ length: 256 }, (_, byte) => byte);

const TAG_SEED = 0x811c9dc5;

/** A hash of the value in [from, to); different values may have the same. */
export function tagOf(value: Uint8Array, from = 0, to = value.length): number {
  let tag = TAG_SEED;
  for (let at = from; at < to; at++) tag = tagged(tag, value[at] ?? 0);
  return tag | 1;
}

/** One byte more of a value. */
export function tagged(tag: number, byte: number): number {
  return Math.imul(tag ^ byte, 0x01000193);
}

function placeOf(tag: number): number {
  return ((tag >>> 1) ^ (tag >>> 17)) & (PLACES - 1);
}
