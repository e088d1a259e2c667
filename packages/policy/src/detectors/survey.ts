import { DIGIT_ZEROS, DROPPED, LOOK_ALIKES } from './characters.ts';

/** What is in a text at all, as bits: what has to be there for a detector to be worth a try. */
export const BITS = {
  digit: 1,
  letter: 2,
  /** Has to be undone before the text can be read. */
  odd: 4,
  /** `x@y` */
  mail: 8,
  /** Numbers with dots. */
  address4: 16,
  /** Hexadecimal digits with colons. */
  address6: 32,
  /** Pairs of hexadecimal digits, or groups of four with dots. */
  hardware: 64,
  /** `://` */
  scheme: 128,
  /** A dot between letters or digits, a letter behind it. */
  host: 256,
  /** `---` or `--B` */
  dashes: 512,
} as const;

const DOT = 0x2e;
const COLON = 0x3a;
const DASH = 0x2d;
const SLASH = 0x2f;
const AT = 0x40;
const PERCENT = 0x25;

/** A sign that means something only beside others. */
const SIGN = 4_096;

/** First bytes of characters that are read as others, or are written with more bytes than they need. */
const LEADS: ReadonlySet<number> = new Set([
  ...[0xc0, 0xc1, 0xe0, 0xf0, 0xf8],
  ...[...DROPPED, ...LOOK_ALIKES.keys(), ...DIGIT_ZEROS, ...DIGIT_ZEROS.map((zero) => zero + 9)].map(leadOf),
  ...[0xff01, 0xff5e].map(leadOf),
]);

function leadOf(point: number): number {
  return Buffer.from(String.fromCodePoint(point))[0] ?? 0;
}

const KIND = Uint16Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0x09 || byte === 0x1b || byte === 0x5c) return BITS.odd;
  if (byte >= 0x80) return BITS.letter | (LEADS.has(byte) ? BITS.odd : 0);
  if (byte >= 0x30 && byte <= 0x39) return BITS.digit;
  if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) return BITS.letter;
  return [DOT, COLON, DASH, AT, PERCENT].includes(byte) ? SIGN : 0;
});

/** Whether a text with this byte in it has to be undone first. */
export function isOdd(byte: number): boolean {
  return ((KIND[byte] ?? 0) & BITS.odd) !== 0;
}

export function isSign(byte: number): boolean {
  return KIND[byte] === SIGN;
}

/** Looks at every byte once, and closer at a few signs, as far as there is none of `stop`. */
export function survey(bytes: Uint8Array, from = 0, to = bytes.length, stop = 0): number {
  let bits = 0;
  for (let at = from; at < to; at++) {
    const kind = KIND[bytes[at] ?? 0] ?? 0;
    bits |= kind;
    if (kind === SIGN) bits |= signAt(bytes, at);
    if ((bits & stop) !== 0) return bits;
  }
  return bits;
}

/** What is at a sign. May be wrong only in saying too much. */
export function signAt(bytes: Uint8Array, at: number): number {
  const next = bytes[at + 1] ?? 0;
  const kind = CLASS[next] ?? 0;
  switch (bytes[at]) {
    case DOT: {
      if ((kind & WORD) === 0) return 0;
      const before = CLASS[bytes[at - 1] ?? 0] ?? 0;
      let bits = (kind & LETTER) !== 0 && ((before & WORD) !== 0 || isDotOrDash(bytes[at - 1])) ? BITS.host : 0;
      if ((kind & before & DIGIT) !== 0 && (bytes[at + 2] === DOT || bytes[at + 3] === DOT || bytes[at + 4] === DOT)) bits |= BITS.address4;
      if ((kind & before & HEX) !== 0 && bytes[at + 5] === DOT) bits |= BITS.hardware;
      return bits;
    }
    case COLON: {
      if (next === SLASH) return bytes[at + 2] === SLASH ? BITS.scheme : 0;
      if (next === COLON) return BITS.address6;
      if ((kind & HEX) === 0) return 0;
      // An address has two colons in a row, which were seen then, or six; a time has two.
      const second = colonBehind(bytes, at);
      if (second === 0 || colonBehind(bytes, second) === 0) return 0;
      return second === at + 3 ? BITS.address6 | BITS.hardware : BITS.address6;
    }
    case DASH:
      if (next === DASH) return BITS.dashes;
      return bytes[at + 3] === DASH && bytes[at + 6] === DASH ? BITS.hardware : 0;
    case AT:
      return (kind & WORD) !== 0 || isDotOrDash(next) ? BITS.mail : 0;
    default:
      return isHex(next) && isHex(bytes[at + 2]) ? BITS.odd : 0;
  }
}

/** The next colon, at most four characters between; 0 when there is none. */
function colonBehind(bytes: Uint8Array, from: number): number {
  for (let at = from + 2; at < from + 6; at++) if (bytes[at] === COLON) return at;
  return 0;
}

const WORD = 1;
const LETTER = 2;
const DIGIT = 4;
const HEX = 8;

const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80) return WORD | LETTER;
  if (byte >= 0x30 && byte <= 0x39) return WORD | DIGIT | HEX;
  const low = byte | 0x20;
  return low >= 0x61 && low <= 0x7a ? WORD | LETTER | (low <= 0x66 ? HEX : 0) : 0;
});

function isHex(byte: number | undefined): boolean {
  return ((CLASS[byte ?? 0] ?? 0) & HEX) !== 0;
}

function isDotOrDash(byte: number | undefined): boolean {
  return byte === DOT || byte === DASH;
}
