import { DIGIT_ZEROS, DROPPED, LOOK_ALIKES } from './characters.ts';

/**
 * A text as detectors read it: full-width and foreign digits as ASCII digits, every blank as a space, every dash as `-`, without what
 * nobody sees (zero-width characters, colours of a terminal), with the escapes of JSON and of URLs undone.
 */
export interface View {
  readonly bytes: Buffer;
  /** Where byte `at` of the view stands in the text, from and to. Longer than the view. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

const ESC = 0x1b;
const BACKSLASH = 0x5c;
const PERCENT = 0x25;
/** A separator that no detector reads over. */
const BREAK = 0x0b;
const ESCAPE_BYTES_MAX = 256;

/** Where a view is written. */
interface Room {
  readonly bytes: Buffer;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** The beginnings of `bytes`, by their length, as far as they are short: to cut one out takes longer than to read it. */
  readonly short: readonly Buffer[];
}

const SHORT_BYTES_MAX = 64;

/** Room for views of so many bytes, to be used for one after the other. */
export function roomFor(bytes: number): Room {
  const room = Buffer.allocUnsafe(bytes);
  const short = Array.from({ length: Math.min(bytes, SHORT_BYTES_MAX) }, (_, length) => room.subarray(0, length));
  return { bytes: room, from: new Uint32Array(bytes), to: new Uint32Array(bytes), short };
}

/** The view of a text. Linear; takes nine bytes for each of the text. @param room is written over, and big enough */
export function viewOf(text: Buffer, room: Room): View {
  return new Reader(text, room).read();
}

/** What may stand for something else than itself. */
const IS_ODD = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x09 || byte >= 0x80 || byte === ESC || byte === BACKSLASH || byte === PERCENT ? 1 : 0,
);

class Reader {
  readonly #text: Buffer;
  readonly #bytes: Buffer;
  readonly #from: Uint32Array;
  readonly #to: Uint32Array;
  readonly #room: Room;
  #length = 0;

  constructor(text: Buffer, room: Room) {
    this.#text = text;
    this.#room = room;
    this.#bytes = room.bytes;
    this.#from = room.from;
    this.#to = room.to;
  }

  read(): View {
    const text = this.#text;
    const bytes = this.#bytes;
    const from = this.#from;
    const to = this.#to;
    // Nearly every byte stays as it is: for these nothing but local variables is used.
    let length = 0;
    for (let at = 0; at < text.length; ) {
      const byte = text[at] ?? 0;
      if (IS_ODD[byte] === 0) {
        bytes[length] = byte;
        from[length] = at;
        to[length++] = ++at;
        continue;
      }
      this.#length = length;
      if (byte >= 0x80) at = this.#wide(at, byte);
      else if (byte < 0x09) at = this.#low(at);
      else if (byte === ESC) at = this.#escape(at);
      else if (byte === BACKSLASH) at = this.#backslash(at);
      else at = this.#percent(at);
      length = this.#length;
    }
    return { bytes: this.#room.short[length] ?? bytes.subarray(0, length), from, to };
  }

  /** Behind a terminal's control sequence. */
  #escape(at: number): number {
    const text = this.#text;
    const kind = text[at + 1] ?? 0;
    const limit = Math.min(text.length, at + ESCAPE_BYTES_MAX);
    if (kind === 0x5b) {
      for (let end = at + 2; end < limit; end++) if ((text[end] ?? 0) >= 0x40 && (text[end] ?? 0) <= 0x7e) return end + 1;
      return at + 2;
    }
    if (kind === 0x5d) {
      let end = Math.max(at + 2, this.#openUntil);
      for (; end < limit; end++) {
        if (text[end] === 0x07) return end + 1;
        if (text[end] === ESC && text[end + 1] === BACKSLASH) return end + 2;
      }
      this.#openUntil = end;
    }
    return at + 1;
  }

  /** No title of a terminal ends before this place: of many that do not end, each would look for its end again. */
  #openUntil = 0;

  #put(byte: number, from: number, to: number): void {
    this.#bytes[this.#length] = byte;
    this.#from[this.#length] = from;
    this.#to[this.#length++] = to;
  }

  /** Either UTF-16, where a zero stands beside every letter, or a binary format, where lengths stand before texts. */
  #low(at: number): number {
    const text = this.#text;
    const isSixteen = text[at] === 0 && text[at - 1] !== 0 && text[at + 1] !== 0 && (text[at - 2] === 0 || text[at + 2] === 0);
    if (isSixteen) return at + 1;
    let end = at + 1;
    while (end < text.length && (text[end] ?? 0) < 0x09) end++;
    // Of a length that is written in several bytes the last one may look like a letter.
    if (end - at >= 2 && end < text.length) end++;
    this.#put(BREAK, at, end);
    return end;
  }

  #wide(at: number, lead: number): number {
    const text = this.#text;
    const size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    let point = size === 1 ? 0 : lead & (0xff >> (size + 1));
    for (let index = 1; index < size; index++) {
      const next = text[at + index] ?? 0;
      if ((next & 0xc0) !== 0x80) return this.#keep(at, at + 1);
      point = (point << 6) | (next & 0x3f);
    }
    if (size === 1) return this.#keep(at, at + 1);
    const ascii = asciiOf(point);
    if (ascii === 0) return this.#keep(at, at + size);
    if (ascii !== GONE) this.#put(ascii, at, at + size);
    return at + size;
  }

  /** Letters of other scripts stay as they are: detectors take bytes over 127 for letters. */
  #keep(from: number, to: number): number {
    for (let at = from; at < to; at++) this.#put(this.#text[at] ?? 0, at, at + 1);
    return to;
  }

  #backslash(at: number): number {
    const text = this.#text;
    const next = text[at + 1] ?? 0;
    if (next === 0x75) {
      const point = hexOf(text, at + 2, 4);
      if (point >= 0) {
        const ascii = point < 0x80 ? point : asciiOf(point);
        if (ascii !== GONE) this.#put(ascii === 0 ? FOREIGN : ascii, at, at + 6);
        return at + 6;
      }
    }
    if (next === 0x78) {
      const point = hexOf(text, at + 2, 2);
      // Many pairs behind one `\x` are a byte string in hexadecimal digits, which is read elsewhere.
      if (point > 0 && point < 0x80 && hexOf(text, at + 4, 2) < 0) {
        this.#put(point, at, at + 4);
        return at + 4;
      }
      this.#put(BREAK, at, at + 2);
      return at + 2;
    }
    const plain = ESCAPED[next] ?? 0;
    if (plain === 0) {
      this.#put(BACKSLASH, at, at + 1);
      return at + 1;
    }
    this.#put(plain, at, at + 2);
    return at + 2;
  }

  #percent(at: number): number {
    const point = hexOf(this.#text, at + 1, 2);
    if (point < 0x20) {
      this.#put(point === 0x0a || point === 0x0d ? 0x0a : PERCENT, at, point >= 0 ? at + 3 : at + 1);
      return point >= 0 ? at + 3 : at + 1;
    }
    // The no-break space of UTF-8, written as an URL.
    if (point === 0xc2 && this.#text[at + 3] === PERCENT && hexOf(this.#text, at + 4, 2) === 0xa0) {
      this.#put(0x20, at, at + 6);
      return at + 6;
    }
    this.#put(point, at, at + 3);
    return at + 3;
  }
}

/** What stands behind a backslash in JSON and in dumps of databases. */
const ESCAPED: Readonly<Record<number, number>> = {
  34: 34, // "
  39: 39, // '
  47: 47, // /
  92: 92, // \
  98: 8,
  102: 12,
  110: 10,
  114: 13,
  116: 9,
};

/** For a character that nobody sees. */
const GONE = 0xff;
/** Any letter of another script. */
const FOREIGN = 0x80;

/** The ASCII character that a code point stands for; 0 for a character of its own, `GONE` for one that nobody sees. */
function asciiOf(point: number): number {
  if (point < READ_AS.length) return READ_AS[point] ?? 0;
  // Mathematical digits come in five styles.
  return point >= 0x1d7ce && point <= 0x1d7ff ? 0x30 + ((point - 0x1d7ce) % 10) : 0;
}

/** Of the first 65536 code points. */
const READ_AS = new Uint8Array(65_536);
for (const zero of DIGIT_ZEROS) for (let digit = 0; digit < 10; digit++) READ_AS[zero + digit] = 0x30 + digit;
for (const [point, ascii] of LOOK_ALIKES) READ_AS[point] = ascii;
for (let point = 0xff01; point <= 0xff5e; point++) READ_AS[point] = point - 0xfee0;
// Written with more bytes than it needs: no decoder should take that, and some do.
for (let point = 0; point < 0x80; point++) READ_AS[point] = point === 0 ? BREAK : point;
for (const point of DROPPED) READ_AS[point] = GONE;

function hexOf(text: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = 0; index < digits; index++) {
    const digit = HEX[text[at + index] ?? 0] ?? 0;
    if (digit === 0) return -1;
    value = value * 16 + digit - 1;
  }
  return value;
}

/** One more than the digit's value; 0 for what is none. */
const HEX = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 0 : value + 1;
});
