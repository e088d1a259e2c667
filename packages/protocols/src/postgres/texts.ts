import type { Mask, MaskCounts } from '@hoop/core/gate';
import { type Kind, kindOf } from './types.ts';

/*
 * Texts with a form of their own, in which something was hidden: they must be read again by whoever gets them.
 */

/** What bytes look like in a text: `\x` and two digits each. */
const HEX = /\\x((?:[0-9a-f]{2})+)/gi;
const HEX_MARK = '\\x';
const BACKSLASH = 0x5c;

/** Looking for one byte first is many times as fast. */
function hasHex(text: Buffer): boolean {
  return text.indexOf(BACKSLASH) >= 0 && text.includes(HEX_MARK);
}

/** Hides inside of what a text has of bytes in hexadecimal digits; the same buffer when nothing was found. */
export function maskHex(text: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  if (!hasHex(text)) return text;
  let changed = false;
  const shown = text.toString('latin1').replace(HEX, (written, digits: string) => {
    const bytes = Buffer.from(digits, 'hex');
    if (!mask.suspects(bytes)) return written;
    const masked = mask.apply(bytes, counts);
    changed ||= masked !== bytes;
    return masked === bytes ? written : `${HEX_MARK}${masked.toString('hex')}`;
  });
  return changed ? Buffer.from(shown, 'latin1') : text;
}

/** What a text has of bytes in hexadecimal digits. */
export function hexIn(text: Buffer): Buffer[] {
  if (!hasHex(text)) return [];
  return Array.from(text.toString('latin1').matchAll(HEX), ([, digits]) => Buffer.from(digits ?? '', 'hex'));
}

/** Bytes as a text has them, in either of the two ways of `bytea_output`. Undefined: they are not. */
export function decodeBytes(text: Buffer): Buffer | undefined {
  const written = text.toString('latin1');
  if (written.startsWith(HEX_MARK)) {
    const digits = written.slice(2);
    return /^(?:[0-9a-f]{2})*$/i.test(digits) ? Buffer.from(digits, 'hex') : undefined;
  }
  if (/\\(?!\\|[0-3][0-7]{2})/.test(written.replaceAll('\\\\', ''))) return undefined;
  const plain = written.replace(/\\(\\|[0-3][0-7]{2})/g, (_, what: string) =>
    what === '\\' ? what : String.fromCharCode(Number.parseInt(what, 8)),
  );
  return Buffer.from(plain, 'latin1');
}

export function encodeBytes(bytes: Buffer): Buffer {
  return Buffer.from(`${HEX_MARK}${bytes.toString('hex')}`);
}

/** A string, or what stands bare: a number, a word. */
const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[^\s,:{}[\]"]+/gs;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** JSON again, of JSON in which something was hidden: where a number stood, there is none. Null when it cannot be mended. */
export function mendJson(masked: Buffer): Buffer | null {
  if (isJson(masked)) return masked;
  const mended = masked
    .toString('latin1')
    .replace(JSON_TOKEN, (token) =>
      token.startsWith('"') || token === 'true' || token === 'false' || token === 'null' || NUMBER.test(token)
        ? token
        : 'null'.padEnd(token.length),
    );
  const text = Buffer.from(mended, 'latin1');
  return isJson(text) ? text : null;
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

const ELEMENT = /"(?:[^"\\]|\\.)*"|[^{},"]+/gs;
/** Of boxes, which are divided by another sign. */
const BOX = 603;

/**
 * An array again, of one in which something was hidden: an element that has no room for what is shown instead is no value.
 * Null when it cannot be mended.
 */
export function mendArray(original: Buffer, masked: Buffer, of: number): Buffer | null {
  const before = original.toString('latin1');
  const after = masked.toString('latin1');
  const hidden = after.match(ELEMENT) ?? [];
  if (of === BOX || after.replace(ELEMENT, '"') !== before.replace(ELEMENT, '"')) return null;
  const kind = kindOf(of);
  let index = 0;
  const mended = before.replace(ELEMENT, (element) => {
    const shown = hidden[index++] ?? element;
    return shown === element ? element : elementShown(shown, kind);
  });
  return Buffer.from(mended, 'latin1');
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
