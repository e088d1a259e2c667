import { isDate } from './checks.ts';
import type { Found, WordEntity } from './detector.ts';
import { KINDS, kindsOf } from './words.ts';

const COLON = 0x3a;
/** The longest name of a month. */
const MONTH_BYTES_MAX = 11;

/** Days as numbers in the usual orders, days with the month's name, and the time behind a day. A time alone scores low. */
export const DATE_TIME: WordEntity = {
  entity: 'DATE_TIME',
  hints: { digits: 1 },
  kinds: KINDS.month,
  skips: true,
  number(bytes, from, _, found) {
    if (!isDigit(bytes[from])) return;
    const size = numberEnd(bytes, from) - from;
    if (size === 4) yearFirst(bytes, from, found);
    else if (size <= 2) dayFirst(bytes, from, found);
  },
  mayBe(bytes, from, _, __, end) {
    if (!isDigit(bytes[from])) return false;
    const first = Math.min(numberEnd(bytes, from), end);
    if (first - from === 4) return isTwice(bytes, first, end);
    if (first - from > 2 || first === end) return false;
    if (bytes[first] === COLON) return true;
    if (isSign(bytes[first]) && isDigit(bytes[first + 1])) return isTwice(bytes, first, end);
    const behind = isLetter(bytes[first]) ? first + 2 : first;
    let at = behind;
    while (at < end && at - behind < 6 && (bytes[at] === 0x20 || bytes[at] === 0x2d || bytes[at] === 0x2e)) at++;
    return at > first && at < end && isMonth(bytes, at, Math.min(wordEnd(bytes, at), end));
  },
  block(bytes, from, to, kinds, found) {
    if (kinds & KINDS.month) monthFirst(bytes, from, to, found);
  },
};

/** Whether the sign that stands here comes once more, with at most two digits between. */
function isTwice(bytes: Buffer, at: number, end: number): boolean {
  const second = numberEnd(bytes, at + 1);
  return isSign(bytes[at]) && second - at <= 3 && second < end && bytes[second] === bytes[at];
}

/** 2026-11-21, 2026/11/21, 2026.11.21, with a time of ISO 8601 or RFC 3339. */
function yearFirst(bytes: Buffer, from: number, found: Found): void {
  const sign = bytes[from + 4];
  if (!isSign(sign)) return;
  const month = numberEnd(bytes, from + 5);
  if (bytes[month] !== sign || month - from - 5 > 2) return;
  const day = numberEnd(bytes, month + 1);
  if (day - month - 1 > 2 || day === month + 1) return;
  if (!isDate(value(bytes, from, from + 4), value(bytes, from + 5, month), value(bytes, month + 1, day))) return;
  found(from, timeEnd(bytes, day), 0.6);
}

/** 21.11.2026, 11/21/2026, 21-11-26, 21 November 2026, 21-Nov-2026; a time alone. */
function dayFirst(bytes: Buffer, from: number, found: Found): void {
  const first = numberEnd(bytes, from);
  const sign = bytes[first];
  if (sign === 0x3a) {
    const end = timeAt(bytes, from);
    if (end > from) found(from, end, 0.3);
    return;
  }
  let at = first;
  // 1st, 2nd, 3rd, 4th
  if (isOrdinal(bytes, at)) at += 2;
  if (isSign(sign) && isDigit(bytes[at + 1])) {
    const second = numberEnd(bytes, at + 1);
    if (bytes[second] !== sign || second - at - 1 > 2) return;
    const end = numberEnd(bytes, second + 1);
    const size = end - second - 1;
    if (size !== 4 && size !== 2) return;
    const a = value(bytes, from, first);
    const b = value(bytes, at + 1, second);
    const year = value(bytes, second + 1, end) + (size === 2 ? 2000 : 0);
    if (isDate(year, b, a) || isDate(year, a, b)) found(from, timeEnd(bytes, end), size === 4 ? 0.6 : 0.5);
    return;
  }
  while (at - first < 6 && (bytes[at] === 0x20 || bytes[at] === 0x2d || bytes[at] === 0x2e)) at++;
  const end = wordEnd(bytes, at);
  if (at === first || end - at < 3 || !isMonth(bytes, at, end)) return;
  found(from, timeEnd(bytes, yearEnd(bytes, end)), 0.6);
}

/** November 21, 2026; Nov 2026. */
function monthFirst(bytes: Buffer, from: number, to: number, found: Found): void {
  let at = to;
  while (at - to < 3 && (bytes[at] === 0x20 || bytes[at] === 0x2e)) at++;
  const day = numberEnd(bytes, at);
  if (day === at || at === to) return;
  if (day - at === 4) found(from, day, 0.5);
  else if (day - at <= 2 && value(bytes, at, day) <= 31) {
    const end = isOrdinal(bytes, day) ? day + 2 : day;
    const year = yearEnd(bytes, end);
    found(from, timeEnd(bytes, year), year > end ? 0.6 : 0.4);
  }
}

/** Behind a year of two or four digits, if one stands there. */
function yearEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at - from < 4 && (bytes[at] === 0x20 || bytes[at] === 0x2c || bytes[at] === 0x2d || bytes[at] === 0x2e)) at++;
  const end = numberEnd(bytes, at);
  return at > from && (end - at === 4 || (end - at === 2 && bytes[end] !== 0x3a)) ? end : from;
}

/** Behind the time that follows a day, and its zone. */
function timeEnd(bytes: Buffer, from: number): number {
  const gap = bytes[from] === 0x54 || bytes[from] === 0x20 ? 1 : bytes[from] === 0x2c && bytes[from + 1] === 0x20 ? 2 : 0;
  const end = gap === 0 ? from : timeAt(bytes, from + gap);
  return end > from + gap ? end : from;
}

function timeAt(bytes: Buffer, from: number): number {
  const hour = numberEnd(bytes, from);
  if (hour === from || hour - from > 2 || bytes[hour] !== COLON || value(bytes, from, hour) > 24) return from;
  let at = sixtieth(bytes, hour + 1);
  if (at === 0) return from;
  const second = bytes[at] === COLON ? sixtieth(bytes, at + 1) : 0;
  if (second > 0) {
    at = second;
    if ((bytes[at] === 0x2e || bytes[at] === 0x2c) && isDigit(bytes[at + 1])) {
      at++;
      for (let count = 0; count < 9 && isDigit(bytes[at]); count++) at++;
    }
  }
  return zoneEnd(bytes, at);
}

/** Behind two digits up to 60; 0 when they do not stand there. */
function sixtieth(bytes: Buffer, from: number): number {
  const tens = (bytes[from] ?? 0) - 0x30;
  return tens >= 0 && tens <= 6 && isDigit(bytes[from + 1]) && !isDigit(bytes[from + 2]) ? from + 2 : 0;
}

/** Behind `Z`, `+02:00`, ` PM`. */
function zoneEnd(bytes: Buffer, from: number): number {
  const at = bytes[from] === 0x20 ? from + 1 : from;
  const byte = (bytes[at] ?? 0) | 0x20;
  if ((byte === 0x61 || byte === 0x70) && ((bytes[at + 1] ?? 0) | 0x20) === 0x6d && !isLetter(bytes[at + 2])) return at + 2;
  if (bytes[from] === 0x5a) return from + 1;
  if ((bytes[at] === 0x2b || bytes[at] === 0x2d) && isDigit(bytes[at + 1]) && isDigit(bytes[at + 2])) {
    const minutes = bytes[at + 3] === COLON ? at + 4 : at + 3;
    return isDigit(bytes[minutes]) && isDigit(bytes[minutes + 1]) ? minutes + 2 : at + 3;
  }
  return from;
}

function isMonth(bytes: Buffer, from: number, to: number): boolean {
  return (kindsOf(bytes, from, to) & KINDS.month) !== 0;
}

/** Pairs of letters, each as one number. */
const ORDINALS: ReadonlySet<number> = new Set(['st', 'nd', 'rd', 'th'].map((pair) => pair.charCodeAt(0) * 256 + pair.charCodeAt(1)));

/** Behind 1, 2, 3, 4. */
function isOrdinal(bytes: Buffer, at: number): boolean {
  return isLetter(bytes[at]) && ORDINALS.has(((bytes[at] ?? 0) | 0x20) * 256 + ((bytes[at + 1] ?? 0) | 0x20));
}

function wordEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at - from <= MONTH_BYTES_MAX && isLetter(bytes[at])) at++;
  return at;
}

/** Numbers of more than five digits are none of a date. */
function numberEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at - from < 6 && isDigit(bytes[at])) at++;
  return at;
}

function value(bytes: Buffer, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; at++) sum = sum * 10 + (bytes[at] ?? 0) - 0x30;
  return sum;
}

function isSign(byte: number | undefined): boolean {
  return byte === 0x2d || byte === 0x2f || byte === 0x2e;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte >= 0x80);
}
