import { isDate } from './checks.ts';
import type { Found, WordEntity } from './detector.ts';

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const MONTH_NAMES = new Map<string, number>(
  [
    ...MONTHS,
    'sept',
    ...'january february march april may june july august september october november december'.split(' '),
    ...'januar februar märz mai juni juli oktober dezember'.split(' '),
    ...'janvier février mars avril juin juillet août septembre octobre novembre décembre'.split(' '),
    ...'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'.split(' '),
    ...'janeiro fevereiro março maio junho julho setembro outubro novembro dezembro'.split(' '),
  ].map((name) => [name, 1]),
);
const MONTH_BYTES_MAX = 11;

/** Days as numbers in the usual orders, days with the month's name, and the time behind a day. A time alone scores low. */
export const DATE_TIME: WordEntity = {
  entity: 'DATE_TIME',
  hints: { digits: 4 },
  skips: true,
  block(bytes, from, to, hasDigit, found) {
    if (!hasDigit) {
      if (to - from >= 3 && to - from <= MONTH_BYTES_MAX && isMonth(bytes, from, to)) monthFirst(bytes, from, to, found);
      return;
    }
    if (!isDigit(bytes[from])) return;
    const size = numberEnd(bytes, from) - from;
    if (size === 4) yearFirst(bytes, from, found);
    else if (size <= 2) dayFirst(bytes, from, found);
  },
};

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
  if (/^(st|nd|rd|th)$/i.test(bytes.toString('latin1', at, at + 2))) at += 2;
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
    const end = /^(st|nd|rd|th)$/i.test(bytes.toString('latin1', day, day + 2)) ? day + 2 : day;
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
  const time = /^([01]?\d|2[0-4]):[0-5]\d(:[0-6]\d([.,]\d{1,9})?)?( ?[AaPp]\.?[Mm]\b)?(Z| ?[+-]\d\d(:?\d\d)?| UTC)?/.exec(
    bytes.toString('latin1', from, from + 40),
  );
  return time ? from + time[0].length : from;
}

function isMonth(bytes: Buffer, from: number, to: number): boolean {
  return to - from <= MONTH_BYTES_MAX && MONTH_NAMES.has(bytes.toString('utf8', from, to).toLowerCase());
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
