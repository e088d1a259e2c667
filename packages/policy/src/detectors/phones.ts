import { raised } from './blocks.ts';
import { hasContext } from './context.ts';
import type { WordEntity } from './detector.ts';

const DIGITS_MIN = 7;
const DIGITS_MAX = 15;
/** Signs between two groups: `) ` or ` - ` */
const GAP_MAX = 3;
const CONTEXT: ReadonlySet<string> = new Set(
  'phone number telephone cell cellphone mobile call tel fax telefon telefone celular handy whatsapp sms contact'.split(' '),
);

/** ITU-T E.164 country codes: of one digit, of two, and the beginnings of those of three. */
const ONE = new Set([1, 7]);
const TWO = new Set(
  [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66,
  ].concat([81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98]),
);
const THREE = new Set([21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 80, 85, 87, 88, 96, 97, 99]);

/** Numbers with a country code; national ones in the groups of North America or with a leading zero; others beside words such as `phone`. */
export const PHONE_NUMBER: WordEntity = {
  entity: 'PHONE_NUMBER',
  hints: { digits: DIGITS_MIN },
  skips: false,
  block(bytes, from, to, hasDigit, found) {
    if (!hasDigit || !isNumber(bytes, from, to)) return;
    const isInternational = bytes[from - 1] === 0x2b && !isDigit(bytes[from - 2]);
    // What goes on from a number before it was looked at together with that.
    if (!isInternational && from >= 2 && isDigit(bytes[from - 2]) && JOINS[bytes[from - 1] ?? 0] === 1) return;
    const number = read(bytes, from);
    if (number.digits.length < DIGITS_MIN) return;
    const start = isInternational || bytes[from - 1] === 0x28 ? from - 1 : from;
    const score = scoreOf(number, isInternational, bytes[start] === 0x28);
    if (score > 0) found(start, number.to, score < 0.75 && hasContext(bytes, start, CONTEXT) ? raised(score) : score);
  },
};

interface Candidate {
  readonly digits: string;
  readonly groups: readonly number[];
  readonly to: number;
}

/** As many groups as have fifteen digits together. */
function read(bytes: Buffer, from: number): Candidate {
  let digits = '';
  const groups: number[] = [];
  let to = from;
  for (let at = from; ; ) {
    let end = at;
    while (end - at <= DIGITS_MAX && isDigit(bytes[end])) end++;
    if (end === at || digits.length + end - at > DIGITS_MAX || isWord(bytes[end])) break;
    digits += bytes.toString('latin1', at, end);
    groups.push(end - at);
    to = end;
    at = end;
    while (at - end < GAP_MAX && JOINS[bytes[at] ?? 0] === 1) at++;
    if (at === end) break;
  }
  return { digits, groups, to };
}

function scoreOf({ digits, groups }: Candidate, isInternational: boolean, hasBracket: boolean): number {
  const size = digits.length;
  if (isInternational) return size >= 8 && isCountry(digits) ? 0.75 : 0;
  if (digits.startsWith('00') && size >= 10 && isCountry(digits.slice(2))) return 0.6;
  const layout = groups.join('-');
  const national = size === 11 && digits.startsWith('1') ? digits.slice(1) : digits;
  if (national.length === 10 && /^[2-9]\d\d[2-9]\d{6}$/.test(national)) {
    if (/^(1-)?3-3-4$/.test(layout)) return 0.6;
    if (hasBracket) return 0.6;
    return 0.3;
  }
  if (hasBracket && size >= 8) return 0.5;
  if (digits.startsWith('0') && !digits.startsWith('00') && size >= 9 && size <= 12) {
    if (groups.length > 1 && groups.length <= 6 && groups.every((each) => each >= 2) && !/^2-2-4|^2-2-2-2-2$/.test(layout)) return 0.5;
    return layout === '2-2-2-2-2' && /^0[1-79]/.test(digits) ? 0.5 : 0.2;
  }
  return 0.1;
}

function isCountry(digits: string): boolean {
  const two = Number(digits.slice(0, 2));
  return ONE.has(Number(digits[0])) || TWO.has(two) || THREE.has(two);
}

function isNumber(bytes: Buffer, from: number, to: number): boolean {
  if (to - from > DIGITS_MAX) return false;
  for (let at = from; at < to; at++) if (!isDigit(bytes[at])) return false;
  return true;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isWord(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte >= 0x80);
}

const JOINS = Uint8Array.from({ length: 256 }, (_, byte) => (' -./()_+'.includes(String.fromCharCode(byte)) ? 1 : 0));
