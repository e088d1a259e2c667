/** Of one run; what is longer is hidden behind its first part, or not at all. */
const DECODED_BYTES_MAX = 64 * 1024;
const HEX_DIGITS_MIN = 18;
/** So many characters of Base64 show whether it is a text. */
const BASE_SAMPLE = 16;

/** What is decoded is written here, one text after the other: hostile content has sixty thousand of them in a megabyte. */
export const DECODED = Buffer.allocUnsafe((DECODED_BYTES_MAX * 2 * 3) / 4);

/** The beginnings of it that are short, by their length: to cut one out takes longer than to decode it. */
const SHORT_TEXTS = Array.from({ length: 64 }, (_, length) => DECODED.subarray(0, length));

/**
 * What a run of letters and digits says when it is hexadecimal or Base64; undefined when neither gives a text. The next call writes over
 * what is given back.
 */
export function decodedText(bytes: Buffer, from: number, to: number): Buffer | undefined {
  const end = Math.min(to, from + DECODED_BYTES_MAX * 2);
  const length = end - from;
  // Most runs are neither: a look at their first bytes says so before any of it is decoded.
  if (length >= HEX_DIGITS_MIN && length % 2 === 0) {
    const text = hexText(bytes, hasPrefix(bytes, from) ? from + 2 : from, end);
    if (text) return text;
  }
  const first = baseText(bytes, from, Math.min(end, from + BASE_SAMPLE));
  return first && length > BASE_SAMPLE ? baseText(bytes, from, end) : first;
}

/** `0x6164…`, as MySQL and SQL Server write bytes. */
function hasPrefix(bytes: Buffer, from: number): boolean {
  return bytes[from] === ZERO && ((bytes[from + 1] ?? 0) | CASE_BIT) === LETTER_X;
}

const ZERO = 0x30;
const LETTER_X = 0x78;
/** In it small letters differ from large ones. */
const CASE_BIT = 0x20;

const SAMPLE_BYTES = 256;

/** What the first bytes of a text say about it. */
class Sample {
  #length = 0;
  #odd = 0;
  #high = 0;
  #before = 0;
  #isBroken = false;

  begin(): void {
    this.#length = 0;
    this.#odd = 0;
    this.#high = 0;
    this.#before = 0;
    this.#isBroken = false;
  }

  add(byte: number): void {
    this.#length++;
    if (byte >= 0x80) {
      this.#high++;
      if (this.#before < 0x80 && (byte < 0xc2 || byte > 0xf4)) this.#isBroken = true;
    } else {
      if ((byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) || byte === 0x7f) this.#odd++;
      if (this.#before >= 0xc2) this.#isBroken = true;
    }
    this.#before = byte;
  }

  /** A `false` is certain. */
  isLikely(): boolean {
    return this.#length > 0 && this.#odd * 10 <= this.#length && (this.#isLatin() || !this.#isBroken);
  }

  /** Whether the first bytes of `DECODED` are characters that people read; a few others may be among them. */
  isText(length: number): boolean {
    return this.isLikely() && (this.#isLatin() || isUtf8(DECODED, length));
  }

  /** Few letters of other scripts: it need not be checked that they are written in UTF-8. */
  #isLatin(): boolean {
    return this.#high * 3 <= this.#length;
  }
}

/** A call into the runtime, and a buffer to call it with, would take longer than most texts have bytes for. (RFC 3629) */
function isUtf8(bytes: Uint8Array, length: number): boolean {
  for (let at = 0; at < length; ) {
    const lead = bytes[at++] ?? 0;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const size = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (at + size > length) return false;
    const second = bytes[at] ?? 0;
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (let index = 1; index < size; index++) if (((bytes[at + index] ?? 0) & 0xc0) !== 0x80) return false;
    at += size;
  }
  return true;
}

/** One for all: no two texts are looked at at the same time. */
const SAMPLE = new Sample();

function hexText(bytes: Buffer, from: number, to: number): Buffer | undefined {
  SAMPLE.begin();
  let length = 0;
  for (let at = from; at < to; at += 2) {
    const high = HEX[bytes[at] ?? 0] ?? -1;
    const low = HEX[bytes[at + 1] ?? 0] ?? -1;
    if (high < 0 || low < 0) return undefined;
    const byte = high * 16 + low;
    DECODED[length++] = byte;
    if (length <= SAMPLE_BYTES) SAMPLE.add(byte);
    if (length === SAMPLE_BYTES && !SAMPLE.isLikely()) return undefined;
  }
  return SAMPLE.isText(length) ? (SHORT_TEXTS[length] ?? DECODED.subarray(0, length)) : undefined;
}

function baseText(bytes: Buffer, from: number, to: number): Buffer | undefined {
  SAMPLE.begin();
  const length = decodeBase(bytes, from, to);
  for (let at = 0; at < length && at < SAMPLE_BYTES; at++) SAMPLE.add(DECODED[at] ?? 0);
  return SAMPLE.isText(length) ? (SHORT_TEXTS[length] ?? DECODED.subarray(0, length)) : undefined;
}

/** Into `DECODED`. Says how many bytes it is. What is no character of Base64, such as the end of a line, is passed over. */
function decodeBase(bytes: Buffer, from: number, to: number): number {
  let length = 0;
  let value = 0;
  let bits = 0;
  for (let at = from; at < to; at++) {
    const six = BASE_64[bytes[at] ?? 0] ?? -1;
    if (six < 0) continue;
    value = ((value << 6) | six) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    DECODED[length++] = (value >> bits) & 0xff;
  }
  return length;
}

const HEX = Int8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? -1 : value;
});

/** Both alphabets of RFC 4648. */
const BASE_64 = Int8Array.from({ length: 256 }, (_, byte) => {
  const at = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_'.indexOf(String.fromCharCode(byte));
  return at >= 64 ? 62 + (at % 2) : at;
});
