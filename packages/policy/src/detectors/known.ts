import type { Finding } from './search.ts';

/** Shorter values are searched as quickly as they are looked up, longer ones hardly ever come again. */
const VALUE_BYTES_MIN = 8;
const VALUE_BYTES_MAX = 48;
const PLACES = 512;
const SEED = 0x811c9dc5;
/** No value has this tag. */
const FREE = 0;

/**
 * What was found in short values, for the case that they come again: columns hold the same names, days and states row after row. Of a
 * value that came once nothing but a hash is kept; one that comes a second time is kept until another one needs its place.
 */
export class Known {
  readonly #tags = new Int32Array(PLACES);
  /** 0 where only the tag is known. */
  readonly #lengths = new Uint8Array(PLACES);
  readonly #bytes = new Uint8Array(PLACES * VALUE_BYTES_MAX);
  readonly #findings: (Finding[] | undefined)[] = Array.from({ length: PLACES });
  /** Of the value that was asked for last. */
  #tag = FREE;

  /** Whether values of so many bytes are kept: no other ones may be asked for. */
  static keeps(length: number): boolean {
    return length >= VALUE_BYTES_MIN && length <= VALUE_BYTES_MAX;
  }

  /** What was found in the value, if that is known. Every byte is compared. */
  get(value: Buffer): Finding[] | undefined {
    const { length } = value;
    const tag = tagOf(value);
    this.#tag = tag;
    const place = placeOf(tag);
    if (this.#tags[place] !== tag || this.#lengths[place] !== length) return undefined;
    const start = place * VALUE_BYTES_MAX;
    for (let at = 0; at < length; at++) if (this.#bytes[start + at] !== value[at]) return undefined;
    return this.#findings[place];
  }

  /** What was found in the value that was asked for last. */
  add(value: Buffer, findings: Finding[]): void {
    const tag = this.#tag;
    const place = placeOf(tag);
    if (this.#tags[place] !== tag) {
      this.#tags[place] = tag;
      if (this.#lengths[place] !== 0) this.#forget(place);
      return;
    }
    this.#bytes.set(value, place * VALUE_BYTES_MAX);
    this.#lengths[place] = value.length;
    this.#findings[place] = findings;
  }

  /** What is of no use is not left in memory. */
  #forget(place: number): void {
    this.#bytes.fill(0, place * VALUE_BYTES_MAX, (place + 1) * VALUE_BYTES_MAX);
    this.#lengths[place] = 0;
    this.#findings[place] = undefined;
  }
}

/** A hash of the value; different values may have the same. */
export function tagOf(value: Uint8Array): number {
  let tag = SEED;
  for (let at = 0; at < value.length; at++) tag = Math.imul(tag ^ (value[at] ?? 0), 0x01000193);
  return tag | 1;
}

function placeOf(tag: number): number {
  return ((tag >>> 1) ^ (tag >>> 17)) & (PLACES - 1);
}
