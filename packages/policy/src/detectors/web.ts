import { indexOfByte } from './bytes.ts';
import type { Found, ScanEntity } from './detector.ts';
import { BITS } from './survey.ts';

const DOT = 0x2e;
const COLON = 0x3a;
const DASH = 0x2d;
const SLASH = 0x2f;
const URL_BYTES_MAX = 4_096;
const HEX_RUN_MAX = 64;
const HOST_BYTES_MAX = 253;
/** With an address of version 4 at its end. */
const IPV6_BYTES_MAX = 45;

/** Addresses of version 4, and of version 6 in every way of writing them. */
export const IP_ADDRESS: ScanEntity = {
  entity: 'IP_ADDRESS',
  hints: { bytes: [DOT, COLON] },
  bits: BITS.address4 | BITS.address6,
  find: (bytes, found, bits) => {
    if (bits & BITS.address4) findIpv4(bytes, found);
    if (bits & BITS.address6) findIpv6(bytes, found);
  },
};

/** Six pairs with colons or dashes, and three groups of four with dots. */
export const MAC_ADDRESS: ScanEntity = {
  entity: 'MAC_ADDRESS',
  hints: { bytes: [COLON, DASH, DOT] },
  bits: BITS.hardware,
  find: (bytes, found) => {
    for (const sign of [COLON, DASH]) {
      findHexRuns(bytes, sign, (from, to) => {
        if (to - from === 17 && count(bytes, from, to, sign) === 5 && isEvery(bytes, from, 3, sign)) found(from, to, 0.7);
      });
    }
    findHexRuns(bytes, DOT, (from, to) => {
      if (to - from === 14 && count(bytes, from, to, DOT) === 2 && isEvery(bytes, from, 5, DOT)) found(from, to, 0.5);
    });
  },
};

/** With a scheme, with `www.`, and names of hosts under the common top-level domains. */
export const URL_ENTITY: ScanEntity = {
  entity: 'URL',
  hints: { bytes: [DOT, SLASH] },
  bits: BITS.scheme | BITS.host,
  find: (bytes, found, bits) => {
    if (bits & BITS.scheme) findSchemes(bytes, found);
    if (bits & BITS.host) findHosts(bytes, found);
  },
};

function findSchemes(bytes: Buffer, found: Found): void {
  let after = 0;
  for (let at = indexOfByte(bytes, COLON, 0); at >= 0; at = indexOfByte(bytes, COLON, at + 1)) {
    if (bytes[at + 1] !== SLASH || bytes[at + 2] !== SLASH) continue;
    let from = at;
    while (from > after && at - from < 16 && SCHEME[bytes[from - 1] ?? 0]) from--;
    if (from === at) continue;
    const to = urlEnd(bytes, at + 3);
    if (to < at + 5) continue;
    found(from, to, 0.6);
    after = to;
    at = to - 3;
  }
}

function findIpv6(bytes: Buffer, found: Found): void {
  findHexRuns(bytes, COLON, (from, to) => {
    // A time has two.
    if (count(bytes, from, to, COLON) < 6 && !hasPair(bytes, from, to)) return;
    if (to - from <= IPV6_BYTES_MAX && isIpv6(bytes, from, to)) found(from, to, 0.6);
  });
}

function findIpv4(bytes: Buffer, found: Found): void {
  for (let at = indexOfByte(bytes, DOT, 0); at >= 0; at = indexOfByte(bytes, DOT, at + 1)) {
    let from = at;
    while (from > 0 && at - from < 4 && isDigit(bytes[from - 1])) from--;
    if (from === at || bytes[from - 1] === DOT || isWord(bytes[from - 1])) continue;
    const to = ipv4End(bytes, from);
    if (to === 0) continue;
    found(from, to, 0.6);
    at = to;
  }
}

/** RFC 4291, 2.2: eight groups of up to four digits, zeros as two colons once, the last two groups as an address of version 4. */
function isIpv6(bytes: Buffer, from: number, to: number): boolean {
  let groups = 0;
  let hasZeros = false;
  let at = from;
  if (bytes[at] === COLON && bytes[++at] !== COLON) return false;
  while (at < to) {
    if (bytes[at] === COLON) {
      if (hasZeros) return false;
      hasZeros = true;
      at++;
      continue;
    }
    const start = at;
    while (at < to && bytes[at] !== COLON && bytes[at] !== DOT) at++;
    if (bytes[at] === DOT && at < to) {
      if (!isIpv4(bytes, start, to)) return false;
      groups += 2;
      break;
    }
    if (at - start > 4) return false;
    groups++;
    if (at < to && ++at === to) return false;
  }
  return hasZeros ? groups < 8 : groups === 8;
}

function isIpv4(bytes: Buffer, from: number, to: number): boolean {
  let at = from;
  for (let part = 0; part < 4; part++) {
    const start = at;
    let value = 0;
    while (at < to && at - start < 4 && isDigit(bytes[at])) value = value * 10 + (bytes[at++] ?? 0) - 0x30;
    if (at === start || value > 255 || (at - start > 1 && bytes[start] === 0x30)) return false;
    if (part < 3 && (at >= to || bytes[at++] !== DOT)) return false;
  }
  return at === to;
}

/** Where four numbers up to 255 end; 0 when they do not stand there. Five parts are a version or an object identifier. */
function ipv4End(bytes: Buffer, from: number): number {
  let at = from;
  for (let part = 0; part < 4; part++) {
    const start = at;
    let value = 0;
    while (at - start < 4 && isDigit(bytes[at])) value = value * 10 + (bytes[at++] ?? 0) - 0x30;
    if (at === start || at - start > 3 || value > 255) return 0;
    if (part < 3 && bytes[at++] !== DOT) return 0;
  }
  return isWord(bytes[at]) || (bytes[at] === DOT && isDigit(bytes[at + 1])) ? 0 : at;
}

/** Runs of hexadecimal digits with a sign among them; the scheme of an address, `12:30:45`, and all else is for the caller to judge. */
function findHexRuns(bytes: Buffer, sign: number, found: (from: number, to: number) => void): void {
  for (let at = indexOfByte(bytes, sign, 0); at >= 0; at = indexOfByte(bytes, sign, at + 1)) {
    let from = at;
    while (from > 0 && at - from < HEX_RUN_MAX && isHexOr(bytes[from - 1], sign)) from--;
    let to = at + 1;
    while (to < bytes.length && isHexOr(bytes[to], sign)) to++;
    const isWhole = to - from <= HEX_RUN_MAX && !isWord(bytes[from - 1]) && !isWord(bytes[to]);
    if (isWhole) found(from, bytes[to - 1] === DOT && sign !== DOT ? to - 1 : to);
    at = to - 1;
  }
}

function isHexOr(byte: number | undefined, sign: number): boolean {
  if (byte === undefined) return false;
  return (
    byte === sign || isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66) || (sign === COLON && byte === DOT)
  );
}

function count(bytes: Buffer, from: number, to: number, sign: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) if (bytes[at] === sign) sum++;
  return sum;
}

/** Two colons in a row stand for zeros. */
function hasPair(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from + 1; at < to; at++) if (bytes[at] === COLON && bytes[at - 1] === COLON) return true;
  return false;
}

function isEvery(bytes: Buffer, from: number, step: number, sign: number): boolean {
  for (let at = from + step - 1; at < from + step * 3 - 1; at += step) if (bytes[at] !== sign) return false;
  return true;
}

function urlEnd(bytes: Buffer, from: number): number {
  let to = from;
  while (to < bytes.length && to - from < URL_BYTES_MAX && URL_BYTES[bytes[to] ?? 0]) to++;
  while (to > from && TRAILING[bytes[to - 1] ?? 0]) to--;
  return to;
}

const TOP_LEVEL: ReadonlySet<number> = new Set(
  (
    'com org net edu gov mil int io dev app info biz co ai me tv xyz cloud online site shop store tech uk de fr it es nl be ch at pl se no fi dk ' +
    'ie pt cz ru ua br mx ar cl au nz jp cn kr in sg hk tw th za us ca eu'
  )
    .split(' ')
    .map((name) => lettersOf(Buffer.from(name), 0, name.length)),
);

/** At most six letters as one number, in upper or lower case. */
function lettersOf(bytes: Uint8Array, from: number, to: number): number {
  let letters = 0;
  for (let at = from; at < to; at++) letters = (letters << 5) | ((bytes[at] ?? 0) & 0x1f);
  return letters;
}

const TOP_LEVEL_MAX = 6;

/** Behind each dot: a top-level domain that ends there makes a host of what stands before it. */
function findHosts(bytes: Buffer, found: Found): void {
  let after = 0;
  for (let at = indexOfByte(bytes, DOT, 0); at >= 0; at = indexOfByte(bytes, DOT, at + 1)) {
    if (at < after) continue;
    let end = at + 1;
    while (end - at < 8 && isLetter(bytes[end])) end++;
    if (end - at < 3 || isWord(bytes[end]) || bytes[end] === 0x40 || (bytes[end] === DOT && isWord(bytes[end + 1]))) continue;
    if (end - at - 1 > TOP_LEVEL_MAX || !TOP_LEVEL.has(lettersOf(bytes, at + 1, end))) continue;
    let from = at;
    while (from > after && at - from < HOST_BYTES_MAX && HOST[bytes[from - 1] ?? 0]) from--;
    if (from === at || bytes[from - 1] === 0x40 || bytes[from] === DOT) continue;
    const to = bytes[end] === SLASH || bytes[end] === COLON ? urlEnd(bytes, end) : end;
    found(from, to, 0.5);
    after = to;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a));
}

function isWord(byte: number | undefined): boolean {
  return isDigit(byte) || isLetter(byte) || byte === 0x5f || (byte ?? 0) >= 0x80;
}

const HOST = Uint8Array.from({ length: 256 }, (_, byte) => (isDigit(byte) || isLetter(byte) || byte === DOT || byte === DASH ? 1 : 0));
const SCHEME = Uint8Array.from({ length: 256 }, (_, byte) => (isDigit(byte) || isLetter(byte) || byte === 0x2b ? 1 : 0));
const URL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte > 0x20 && byte !== 0x7f && !'"<>\\^`{|}'.includes(String.fromCharCode(byte)) ? 1 : 0,
);
const TRAILING = Uint8Array.from({ length: 256 }, (_, byte) => (".,;:!?)]}'".includes(String.fromCharCode(byte)) ? 1 : 0));
