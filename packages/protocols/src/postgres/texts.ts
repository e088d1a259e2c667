import type { Mask, MaskCounts } from '@hoop/core/gate';
import { MENDED_BYTES_MAX } from './limits.ts';
import { type Kind, kindOf } from './types.ts';

/*
 * Texts with a form of their own, in which something was hidden: they must be read again by whoever gets them.
 */

interface Word {
  readonly from: number;
  readonly to: number;
}

/** What bytes look like in a text: this, and two digits each. */
const HEX_MARK = '\\x';
const BACKSLASH = 0x5c;

const HEX_DIGIT = Uint8Array.from({ length: 256 }, (_, byte) => (/[0-9a-f]/i.test(String.fromCharCode(byte)) ? 1 : 0));

/** Where a text has bytes in hexadecimal digits: a scan, because they may be as many as a value has. */
function* hexRuns(text: Buffer): Generator<Word> {
  // Looking for one byte first is many times as fast.
  if (text.indexOf(BACKSLASH) < 0) return;
  for (let at = text.indexOf(HEX_MARK); at >= 0; at = text.indexOf(HEX_MARK, at)) {
    const from = at + HEX_MARK.length;
    at = hexEnd(text, from);
    if (at > from) yield { from, to: at };
  }
}

/** The end of as many digits as make whole bytes. */
function hexEnd(text: Buffer, from: number): number {
  let at = from;
  while (HEX_DIGIT[text[at] ?? 0] === 1) at++;
  return at - ((at - from) % 2);
}

/** Hides inside of what a text has of bytes in hexadecimal digits; the same buffer when nothing was found. */
export function maskHex(text: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const parts: Buffer[] = [];
  let after = 0;
  for (const { from, to } of hexRuns(text)) {
    const bytes = Buffer.from(text.toString('latin1', from, to), 'hex');
    const masked = mask.suspects(bytes) ? mask.apply(bytes, counts) : bytes;
    if (masked === bytes) continue;
    parts.push(text.subarray(after, from), Buffer.from(masked.toString('hex')));
    after = to;
  }
  return parts.length === 0 ? text : Buffer.concat([...parts, text.subarray(after)]);
}

/** What a text has of bytes in hexadecimal digits. */
export function hexIn(text: Buffer): Buffer[] {
  return Array.from(hexRuns(text), ({ from, to }) => Buffer.from(text.toString('latin1', from, to), 'hex'));
}

/** Bytes as a text has them, in either of the two ways of `bytea_output`. Undefined: they are not. */
export function decodeBytes(text: Buffer): Buffer | undefined {
  if (text.length >= 2 && text.toString('latin1', 0, 2) === HEX_MARK) {
    return hexEnd(text, 2) === text.length ? Buffer.from(text.toString('latin1', 2), 'hex') : undefined;
  }
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    bytes[length++] = byte;
    if (byte !== BACKSLASH) continue;
    if (text[at + 1] === BACKSLASH) at++;
    else {
      const octal = text.toString('latin1', at + 1, at + 4);
      if (!/^[0-3][0-7]{2}$/.test(octal)) return undefined;
      bytes[length - 1] = Number.parseInt(octal, 8);
      at += 3;
    }
  }
  return bytes.subarray(0, length);
}

export function encodeBytes(bytes: Buffer): Buffer {
  return Buffer.from(`${HEX_MARK}${bytes.toString('hex')}`);
}

const QUOTE = 0x22;

/** Where a text that has a form has its words: strings in quotes, and what stands bare between the signs that divide. A scan, because a word may be as long as a value. */
function wordsIn(text: Buffer, isBreak: Uint8Array): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < text.length; ) {
    const from = at;
    if (text[at] === QUOTE) {
      for (at++; at < text.length && text[at] !== QUOTE; at++) if (text[at] === BACKSLASH) at++;
      at = Math.min(at + 1, text.length);
    } else while (at < text.length && text[at] !== QUOTE && isBreak[text[at] ?? 0] === 0) at++;
    if (at > from) words.push({ from, to: at });
    else at++;
  }
  return words;
}

function breaks(signs: string): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (signs.includes(String.fromCharCode(byte)) ? 1 : 0));
}

/** The text again, with other words in it. */
function reworded(text: Buffer, words: readonly Word[], word: (written: string, index: number) => string): Buffer {
  const parts: Buffer[] = [];
  let after = 0;
  words.forEach(({ from, to }, index) => {
    const written = text.toString('latin1', from, to);
    const shown = word(written, index);
    if (shown === written) return;
    parts.push(text.subarray(after, from), Buffer.from(shown, 'latin1'));
    after = to;
  });
  return Buffer.concat([...parts, text.subarray(after)]);
}

const JSON_BREAKS = breaks(' \t\r\n,:{}[]');
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** JSON again, of JSON in which something was hidden: where a number stood, there is none. Null when it cannot be mended. */
export function mendJson(masked: Buffer): Buffer | null {
  if (isJson(masked)) return masked;
  if (masked.length > MENDED_BYTES_MAX) return null;
  const text = reworded(masked, wordsIn(masked, JSON_BREAKS), (word) => (isJsonWord(word) ? word : 'null'.padEnd(word.length)));
  return isJson(text) ? text : null;
}

function isJsonWord(word: string): boolean {
  return word.startsWith('"') || word === 'true' || word === 'false' || word === 'null' || NUMBER.test(word);
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

const ARRAY_BREAKS = breaks('{},');
/** Of boxes, which are divided by another sign. */
const BOX = 603;

/**
 * An array again, of one in which something was hidden: an element that has no room for what is shown instead is no value.
 * Null when it cannot be mended.
 */
export function mendArray(original: Buffer, masked: Buffer, of: number): Buffer | null {
  if (original.length > MENDED_BYTES_MAX) return null;
  const [before, after] = [wordsIn(original, ARRAY_BREAKS), wordsIn(masked, ARRAY_BREAKS)];
  if (of === BOX || before.length !== after.length || !betweenWords(original, before).equals(betweenWords(masked, after))) return null;
  const kind = kindOf(of);
  return reworded(original, before, (element, index) => {
    const { from, to } = after[index] ?? { from: 0, to: 0 };
    const shown = masked.toString('latin1', from, to);
    return shown === element ? element : elementShown(shown, kind);
  });
}

function betweenWords(text: Buffer, words: readonly Word[]): Buffer {
  return reworded(text, words, () => '"');
}

const NO_VALUE = 'NULL';

function elementShown(shown: string, kind: Kind): string {
  if (kind.as === 'text' || kind.as === 'unknown') return shown;
  if ((kind.as === 'json' || kind.as === 'jsonb') && shown.startsWith('"')) {
    const mended = mendJson(Buffer.from(shown.slice(1, -1).replace(/\\(.)/gs, '$1'), 'latin1'));
    return mended ? `"${mended.toString('latin1').replace(/["\\]/g, '\\$&')}"` : NO_VALUE;
  }
  // Its digits were masked as bytes, and are digits again.
  if (kind.as === 'bytes' && /^"\\\\x[0-9a-f]*"$/i.test(shown)) return shown;
  return NO_VALUE;
}
