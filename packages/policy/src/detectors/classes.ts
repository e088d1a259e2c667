import { isOdd, isSign } from './survey.ts';

/** Between two groups of a code: ` - ` at most. */
export const GAP_MAX = 3;
export const SPACE = 0x20;
const DOT = 0x2e;
/** Between a month and its day, with the day's first digit. */
const BEFORE_NUMBER_MAX = 4;

export const LETTER = 1;
export const DIGIT = 2;
export const FOREIGN = 3;
export const SIGN = 4;
const ODD = 5;

/** Letters, digits, bytes of other scripts, and the signs that other detectors want to know of. */
export const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return DIGIT;
  if ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) return LETTER;
  return byte >= 0x80 ? FOREIGN : isSign(byte) ? SIGN : 0;
});

/** The same of a text that nothing was undone in. */
export const RAW = CLASS.map((kind, byte) => (isOdd(byte) ? ODD : kind));

/** Small letters, and what stands between words. */
export const DULL = RAW.map((kind, byte) => (kind === 0 || (kind === LETTER && byte >= 0x61) ? 1 : 0));

/** A letter in upper case, a digit as it is; 0 for what stands between. */
export const UPPER = Uint8Array.from({ length: 256 }, (_, byte) => {
  const kind = CLASS[byte];
  return kind === LETTER ? byte & 0xdf : kind === DIGIT || kind === FOREIGN ? byte : 0;
});

/** What may stand between the groups of one code. */
export const JOINS = Uint8Array.from({ length: 256 }, (_, byte) => (' -./_+'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** Behind a number that is not at its end yet: of a code, of a telephone, of a day, of a house. */
export const GOES_ON = Uint8Array.from({ length: 256 }, (_, byte) => (' -./()_+:'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** Whether a digit comes soon, behind blanks and dots. */
export function isBeforeNumber(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < from + BEFORE_NUMBER_MAX && at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== SPACE && byte !== DOT) return at > from && CLASS[byte] === DIGIT;
  }
  return false;
}

/** Bytes of other scripts count as capitals: what they are is seen in the lists. */
export function isCapital(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte >= 0x80;
}

/** Whether what stands between two groups can be inside of one code. */
export function isGap(bytes: Buffer, from: number, to: number): boolean {
  if (to - from > GAP_MAX) return false;
  for (let at = from; at < to; at++) if (JOINS[bytes[at] ?? 0] === 0) return false;
  return true;
}

/** A letter or a digit, of any script. */
export function isInRun(byte: number): boolean {
  const kind = CLASS[byte] ?? 0;
  return kind !== 0 && kind < SIGN;
}
