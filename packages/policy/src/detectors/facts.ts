import { CLASS, DIGIT, RAW } from './classes.ts';
import { tagged } from './known.ts';

const VALUE_BYTES_MAX = 48;
const SEED = 0x811c9dc5;
const ZERO = 0x30;

/** Every digit as a zero, so that what is left of a value is its shape. */
export const FOLDS = Uint8Array.from({ length: 256 }, (_, byte) => (CLASS[byte] === DIGIT ? ZERO : byte));

const PLAIN = 0;
const HAS_DIGIT = 1;
/** Letters, and what has to be undone. */
const HAS_MORE = 2;

const SEEN = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (CLASS[byte] === DIGIT) return HAS_DIGIT;
  return RAW[byte] === 0 || '.:-@'.includes(String.fromCharCode(byte)) ? PLAIN : HAS_MORE;
});

/** What is to be known of a short value before anybody looks at it closer, all of it read in one pass. */
export class Facts {
  static readonly BYTES_MAX = VALUE_BYTES_MAX;

  /** A hash of the value, and one of its shape. */
  tag = 0;
  shapeTag = 0;
  /** Whether it has digits, and nothing beside them but signs. */
  isNumeric = false;
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
    let shapeTag = SEED;
    let seen = 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      seen |= SEEN[byte] ?? 0;
      tag = tagged(tag, byte);
      shapeTag = tagged(shapeTag, FOLDS[byte] ?? 0);
    }
    this.tag = tag | 1;
    this.shapeTag = shapeTag | 1;
    this.isNumeric = seen === HAS_DIGIT;
  }

  /** A copy of the value, for as long as no other one is taken: cutting it out would make something new for each. */
  take(bytes: Uint8Array, from: number, to: number): Buffer {
    const room = this.#rooms[to - from] ?? Buffer.alloc(to - from);
    const digits = this.#digits;
    let count = 0;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      room[at - from] = byte;
      if (CLASS[byte] === DIGIT) digits[count++] = byte;
    }
    return room;
  }
}
