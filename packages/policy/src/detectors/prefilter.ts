import { isAscii } from 'node:buffer';
import type { Hints } from './detector.ts';
import { hasRun, IN_CODE, IN_RUN, RUN_BYTES_MIN } from './runs.ts';

const DIGIT = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x30 && byte <= 0x39 ? 1 : 0));
/** Three separators at most stand between digits that are counted together. */
const GAP_MAX = 3;

/** First bytes of characters that are read as others: of them only some are, and the closer look knows which. */
const LEADS = [0xe2, 0xef, 0xc2, 0xc0, 0xc1, 0xd9, 0xdb, 0xe0, 0xf0];
const ESC = 0x1b;
/** What escapes in JSON and in URLs begin with. */
const DISGUISES = [0x5c, 0x25];

/** Says of a run of bytes whether anything can be in it. A `false` is certain. */
export function prefilter(hints: readonly Hints[]): (bytes: Buffer) => boolean {
  if (hints.length === 0) return () => false;
  if (hints.some(({ words }) => words)) return () => true;
  const signs = [...new Set(hints.flatMap(({ bytes }) => bytes ?? []))];
  const digits = Math.min(...hints.map((each) => each.digits ?? Number.POSITIVE_INFINITY));
  const run = Math.min(...hints.map((each) => each.run ?? Number.POSITIVE_INFINITY));
  const texts = [...new Set(hints.flatMap((each) => each.texts ?? []))];
  const quick = tableOf(signs);
  return (bytes) => {
    if (bytes.length <= SHORT_BYTES_MAX) {
      let seen = 0;
      for (let at = 0; at < bytes.length; at++) seen |= quick[bytes[at] ?? 0] ?? 0;
      if (seen & SUSPECT) return true;
      if ((seen & HAS_DIGIT) !== 0 && Number.isFinite(digits) && hasDigits(bytes, digits)) return true;
      if (bytes.length >= RUN_BYTES_MIN && hasRun(bytes, RUN_BYTES_MIN, Number.isFinite(run) ? IN_RUN : IN_CODE)) return true;
      for (const text of texts) if (bytes.includes(text)) return true;
      return false;
    }
    for (const sign of signs) if (bytes.includes(sign)) return true;
    if (Number.isFinite(digits) && hasDigits(bytes, digits)) return true;
    if (Number.isFinite(run) ? hasRun(bytes, run, IN_RUN) : hasRun(bytes, RUN_BYTES_MIN, IN_CODE)) return true;
    for (const text of texts) if (bytes.includes(text)) return true;
    return isDisguised(bytes);
  };
}

/** Of a text that is not longer it is quicker to look at each byte once. */
const SHORT_BYTES_MAX = 512;
const SUSPECT = 1;
const HAS_DIGIT = 2;

function tableOf(signs: readonly number[]): Uint8Array {
  const suspects = new Set([...signs, ...LEADS, ...DISGUISES, ESC]);
  return Uint8Array.from({ length: 256 }, (_, byte) => (suspects.has(byte) ? SUSPECT : 0) | (DIGIT[byte] === 1 ? HAS_DIGIT : 0));
}

/** Whether `least` digits follow each other, at most three other bytes between two of them. */
export function hasDigits(bytes: Buffer, least: number): boolean {
  const { length } = bytes;
  // Of any four bytes in a row within such digits one is a digit: it is enough to look at four here and there.
  const step = least - GAP_MAX;
  if (step <= GAP_MAX + 1) {
    for (let at = 0; at < length; at++) if (DIGIT[bytes[at] ?? 0] === 1 && countDigits(bytes, at, least) >= least) return true;
    return false;
  }
  for (let at = 0; at < length; at += step) {
    const some = isDigit(bytes, at) | isDigit(bytes, at + 1) | isDigit(bytes, at + 2) | isDigit(bytes, at + GAP_MAX);
    if (some === 0) continue;
    let hit = at;
    while (isDigit(bytes, hit) === 0) hit++;
    if (countDigits(bytes, hit, least) >= least) return true;
  }
  return false;
}

function isDigit(bytes: Buffer, at: number): number {
  return DIGIT[bytes[at] ?? 0] ?? 0;
}

/** Digits around a place, in both directions. */
function countDigits(bytes: Buffer, at: number, enough: number): number {
  let count = 1;
  for (let before = at - 1, gap = 0; before >= 0 && gap <= GAP_MAX && count < enough; before--) {
    if (DIGIT[bytes[before] ?? 0] === 1) {
      count++;
      gap = 0;
    } else gap++;
  }
  for (let after = at + 1, gap = 0; after < bytes.length && gap <= GAP_MAX && count < enough; after++) {
    if (DIGIT[bytes[after] ?? 0] === 1) {
      count++;
      gap = 0;
    } else gap++;
  }
  return count;
}

/** Whether something is written in another way than it is read: other digits, escapes of JSON and of URLs, colours. */
function isDisguised(bytes: Buffer): boolean {
  if (!isAscii(bytes)) for (const lead of LEADS) if (bytes.includes(lead)) return true;
  if (bytes.includes(ESC)) return true;
  if (bytes.includes('\\u')) return true;
  for (let at = bytes.indexOf(0x25); at >= 0; at = bytes.indexOf(0x25, at + 1)) {
    if (isHexDigit(bytes[at + 1]) && isHexDigit(bytes[at + 2])) return true;
  }
  return false;
}

function isHexDigit(byte: number | undefined): boolean {
  return byte !== undefined && (DIGIT[byte] === 1 || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66));
}
