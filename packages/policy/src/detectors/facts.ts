import { CLASS, DIGIT, FOREIGN, LETTER } from './classes.ts';
import { tagged } from './known.ts';
import { isOdd } from './survey.ts';

const VALUE_BYTES_MAX = 48;
const SEED = 0x811c9dc5;
const ZERO = 0x30;
const PERCENT = 0x25;
const AT = 0x40;

/** Every digit as a zero, so that what is left of a value is its shape. */
export const FOLDS = Uint8Array.from({ length: 256 }, (_, byte) => (CLASS[byte] === DIGIT ? ZERO : byte));

/** What stands in a value. */
const HAS_DIGIT = 1;
/** Letters. */
const HAS_LETTER = 2;
/** What has to be looked at closer, whatever is around it. */
const HAS_ODD = 4;
const HAS_AT = 8;

const SEEN = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (isOdd(byte)) return HAS_ODD;
  if (CLASS[byte] === DIGIT) return HAS_DIGIT;
  if (byte === AT) return HAS_AT;
  return CLASS[byte] === LETTER || CLASS[byte] === FOREIGN || byte === PERCENT ? HAS_LETTER : 0;
});

/** What is to be known of a short value before anybody looks at it closer. */
export class Facts {
  static readonly BYTES_MAX = VALUE_BYTES_MAX;

  /** A hash of the value; after `take` one of its shape. */
  tag = 0;
  shapeTag = 0;
  /** Whether it has digits, and nothing beside them but signs. */
  isNumeric = false;
  /** Whether it has to be undone before it can be read. */
  isOdd = false;
  hasAt = false;
  /** Its digits after `take`: from the first on, from the second on, and so forth. */
  readonly digits: readonly Uint8Array[];
  readonly #digits = new Uint8Array(VALUE_BYTES_MAX);
  /** Room for a value, by its length. */
  readonly #rooms: readonly Buffer[] = Array.from({ length: VALUE_BYTES_MAX + 1 }, (_, length) => Buffer.alloc(length));

  constructor() {
    this.digits = Array.from({ length: VALUE_BYTES_MAX }, (_, at) => this.#digits.subarray(at));
  }

  read(bytes: Uint8Array, from: number, to: number): void {
    let tag = SEED;
    let seen = 0;
    let at = from;
    // Four bytes at a time: what takes long is to wait for the product before.
    for (; at + 4 <= to; at += 4) {
      const first = bytes[at] ?? 0;
      const second = bytes[at + 1] ?? 0;
      const third = bytes[at + 2] ?? 0;
      const fourth = bytes[at + 3] ?? 0;
      seen |= (SEEN[first] ?? 0) | (SEEN[second] ?? 0) | (SEEN[third] ?? 0) | (SEEN[fourth] ?? 0);
      tag = tagged(tag, first | (second << 8) | (third << 16) | (fourth << 24));
      tag ^= tag >>> 15;
    }
    for (; at < to; at++) {
      const byte = bytes[at] ?? 0;
      seen |= SEEN[byte] ?? 0;
      tag = tagged(tag, byte);
    }
    this.tag = tag | 1;
    this.isNumeric = seen === HAS_DIGIT;
    this.isOdd = (seen & HAS_ODD) !== 0;
    this.hasAt = (seen & HAS_AT) !== 0;
  }

  /** A copy of the value, for as long as no other one is taken: cutting it out would make something new for each. */
  take(bytes: Uint8Array, from: number, to: number): Buffer {
    const room = this.#rooms[to - from] ?? Buffer.alloc(to - from);
    const digits = this.#digits;
    let shapeTag = SEED;
    let count = 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      room[at - from] = byte;
      const fold = FOLDS[byte] ?? 0;
      shapeTag = tagged(shapeTag, fold);
      // What is no digit is written over by the next one.
      digits[count] = byte;
      if (fold === ZERO) count++;
    }
    this.shapeTag = shapeTag | 1;
    return room;
  }
}
