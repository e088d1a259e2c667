/** Check digits. Codes come as ASCII bytes, letters in upper case; `at` is a place in them. */
export type Code = Uint8Array;

export function digit(code: Code, at: number): number {
  return (code[at] ?? 0) - 0x30;
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The number that `count` digits make. */
export function number(code: Code, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) value = value * 10 + digit(code, index);
  return value;
}

export function text(code: Code, at: number, count: number): string {
  let chars = '';
  for (let index = at; index < at + count; index++) chars += String.fromCharCode(code[index] ?? 0);
  return chars;
}

/** The sum of digits, each with its weight. */
export function weighted(code: Code, weights: readonly number[], at = 0): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) sum += digit(code, at + index) * (weights[index] ?? 0);
  return sum;
}

const DOUBLED = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];

/** Whether a code begins with one of these pairs of letters: strings would be made for every place where two letters stand. */
export function beginsWith(pairs: readonly string[]): (code: Code) => boolean {
  const known = new Uint8Array(PAIRS);
  for (const pair of pairs) known[pairOf(pair.charCodeAt(0), pair.charCodeAt(1))] = 1;
  return (code) => known[pairOf(code[0] ?? 0, code[1] ?? 0)] === 1;
}

/** Two letters in five bits each. */
const PAIRS = 1_024;

function pairOf(first: number, second: number): number {
  return ((first & 31) << 5) | (second & 31);
}

/** ISO/IEC 7812-1 Annex B. `seed`: what digits in front of it add to the sum. */
export function luhn(code: Code, from: number, length: number, seed = 0): boolean {
  let sum = seed;
  for (let index = from + length - 1; index >= from; index -= 2) sum += digit(code, index);
  for (let index = from + length - 2; index >= from; index -= 2) sum += DOUBLED[digit(code, index)] ?? 0;
  return sum % 10 === 0;
}

/** Never given out: one digit only. */
export function isUniform(code: Code, length: number): boolean {
  for (let index = 1; index < length; index++) if (code[index] !== code[0]) return false;
  return true;
}

/** ISO 13616: the first four characters moved to the end, letters as numbers from 10, modulo 97 it is 1. */
export function mod97(code: Code, length: number): boolean {
  let rest = 0;
  for (let index = 0; index < length; index++) {
    const byte = code[(index + 4) % length] ?? 0;
    rest = isDigit(byte) ? (rest * 10 + byte - 0x30) % 97 : (rest * 100 + byte - 0x37) % 97;
  }
  return rest === 1;
}

const TURNS = table('0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210');
const MOVES = table('0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258');

function table(rows: string): Uint8Array {
  return Uint8Array.from(rows.replaceAll(' ', ''), Number);
}

/** Verhoeff's check by the dihedral group of order ten. */
export function verhoeff(code: Code, length: number): boolean {
  let state = 0;
  for (let index = 0; index < length; index++) {
    const moved = MOVES[(index & 7) * 10 + digit(code, length - 1 - index)] ?? 0;
    state = TURNS[state * 10 + moved] ?? 0;
  }
  return state === 0;
}

/** Whether there is such a day. */
export function isDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 ? (leap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31);
}
