import { isUtf8 } from 'node:buffer';

/** Of one run; what is longer is hidden behind its first part, or not at all. */
const DECODED_BYTES_MAX = 64 * 1024;
const HEX_DIGITS_MIN = 18;
/** So many characters of Base64 show whether it is a text. */
const BASE_SAMPLE = 16;

/** What a run of letters and digits says when it is hexadecimal or Base64; undefined when neither gives a text. */
export function decodedText(bytes: Buffer, from: number, to: number): Buffer | undefined {
  const end = Math.min(to, from + DECODED_BYTES_MAX * 2);
  const length = end - from;
  // Most runs are neither: a look at their first bytes says so before any of it is decoded.
  if (length >= HEX_DIGITS_MIN && length % 2 === 0 && isHexOfText(bytes, from, end)) {
    const text = Buffer.from(bytes.toString('latin1', from, end), 'hex');
    if (isText(text)) return text;
  }
  if (!isBaseOfText(bytes, from, Math.min(end, from + BASE_SAMPLE))) return undefined;
  const text = Buffer.from(bytes.toString('latin1', from, end), 'base64');
  return isText(text) ? text : undefined;
}

const SAMPLE_BYTES = 256;

/** Characters that people read; a few others may be among them. */
function isText(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, SAMPLE_BYTES);
  const sample = new Sample();
  for (let at = 0; at < length; at++) sample.add(bytes[at] ?? 0);
  return sample.isLikely() && (sample.isLatin() || isUtf8(bytes));
}

/** What the first bytes of a text say about it. */
class Sample {
  #length = 0;
  #odd = 0;
  #high = 0;
  #before = 0;
  #isBroken = false;

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
    return this.#length > 0 && this.#odd * 10 <= this.#length && (this.isLatin() || !this.#isBroken);
  }

  /** Few letters of other scripts: it need not be checked that they are written in UTF-8. */
  isLatin(): boolean {
    return this.#high * 3 <= this.#length;
  }
}

function isHexOfText(bytes: Buffer, from: number, to: number): boolean {
  const sample = new Sample();
  const end = Math.min(to, from + 2 * SAMPLE_BYTES);
  for (let at = from; at < end; at += 2) {
    const high = HEX[bytes[at] ?? 0] ?? -1;
    const low = HEX[bytes[at + 1] ?? 0] ?? -1;
    if (high < 0 || low < 0) return false;
    sample.add(high * 16 + low);
  }
  if (!sample.isLikely()) return false;
  for (let at = end; at < to; at++) if ((HEX[bytes[at] ?? 0] ?? -1) < 0) return false;
  return true;
}

function isBaseOfText(bytes: Buffer, from: number, to: number): boolean {
  const sample = new Sample();
  let value = 0;
  let bits = 0;
  for (let at = from; at < to; at++) {
    const six = BASE_64[bytes[at] ?? 0] ?? -1;
    if (six < 0) continue;
    value = ((value << 6) | six) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    sample.add((value >> bits) & 0xff);
  }
  return sample.isLikely() && (sample.isLatin() || isUtf8(Buffer.from(bytes.toString('latin1', from, to), 'base64')));
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
