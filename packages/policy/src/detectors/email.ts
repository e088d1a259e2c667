import { indexOfByte } from './bytes.ts';

const AT = 0x40;
const OPENING_BRACE = 0x7b;
const APOSTROPHE = 0x27;
const PERCENT = 0x25;

/** Bytes of the local part and of a domain. Bytes over 127 count as letters: an address may be in any script. */
const LOCAL = byteTable((byte) => isLetterOrDigit(byte) || "!#$%&'*+-/=?^_`{|}~.".includes(String.fromCharCode(byte)) || byte > 127);
const DOMAIN = byteTable((byte) => isLetterOrDigit(byte) || byte === 0x2d || byte === 0x2e || byte > 127);

const LOCAL_BYTES_MAX = 64;
const DOMAIN_BYTES_MAX = 255;

/** Whether there can be an address at all. One native scan. */
export function mayHoldEmail(bytes: Buffer): boolean {
  return bytes.includes(AT);
}

/** Calls `found` with the byte range of each address: a local part, an at sign, a domain with a dot in it. Linear. */
export function findEmails(bytes: Buffer, found: (from: number, to: number) => void): void {
  let after = 0;
  for (let at = indexOfByte(bytes, AT, 0); at >= 0; at = indexOfByte(bytes, AT, at + 1)) {
    let from = at;
    while (from > after && at - from < LOCAL_BYTES_MAX && LOCAL[bytes[from - 1] ?? 0] && !isLengthByte(bytes, from - 1)) from--;
    // An array or a quotation begins there; an address that really does loses nothing by it.
    while (from < at - 1 && (bytes[from] === OPENING_BRACE || bytes[from] === APOSTROPHE)) from++;
    let to = at + 1;
    while (to < bytes.length && to - at <= DOMAIN_BYTES_MAX && DOMAIN[bytes[to] ?? 0]) to++;
    while (to > at + 1 && (bytes[to - 1] === 0x2e || bytes[to - 1] === 0x2d)) to--;
    if (from === at || !hasDomain(bytes, at + 1, to)) continue;
    found(from, to);
    after = to;
  }
}

/** Whether the value in [from, to) is an address as `findEmails` finds it, and nothing else. */
export function isEmail(bytes: Buffer, from: number, to: number): boolean {
  const first = bytes[from];
  if (first === OPENING_BRACE || first === APOSTROPHE) return false;
  let at = from;
  // What is written as a percent sign may be read as something else.
  while (at < to && LOCAL[bytes[at] ?? 0] === 1 && bytes[at] !== PERCENT) at++;
  if (at === from || at - from > LOCAL_BYTES_MAX || bytes[at] !== AT || to - at > DOMAIN_BYTES_MAX) return false;
  for (let end = at + 1; end < to; end++) if (DOMAIN[bytes[end] ?? 0] !== 1) return false;
  const last = bytes[to - 1];
  return last !== 0x2e && last !== 0x2d && hasDomain(bytes, at + 1, to);
}

/** Inside a binary format a length stands before a text; a text itself has no such control bytes in it. */
function isLengthByte(bytes: Buffer, at: number): boolean {
  return at > 0 && (bytes[at - 1] ?? 0) < 0x09;
}

/** At least two labels, none of them empty, the last of two bytes or more. */
function hasDomain(bytes: Buffer, from: number, to: number): boolean {
  let label = 0;
  let labels = 0;
  for (let at = from; at < to; at++) {
    if (bytes[at] !== 0x2e) label++;
    else if (label === 0) return false;
    else {
      labels++;
      label = 0;
    }
  }
  return labels >= 1 && label >= 2;
}

function isLetterOrDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function byteTable(matches: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (matches(byte) ? 1 : 0));
}
