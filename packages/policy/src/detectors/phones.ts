import { contextOf, hasContext } from './context.ts';
import type { WordEntity } from './detector.ts';
import { raised } from './shapes.ts';

const DIGITS_MIN = 7;
const DIGITS_MAX = 15;
/** A number of more groups has none of the layouts that mean something. */
const LAYOUT_GROUPS_MAX = 9;
/** Signs between two groups: `) ` or ` - ` */
const GAP_MAX = 3;
const CONTEXT = contextOf(
  'phone number telephone cell cellphone mobile call tel fax telefon telefone celular handy whatsapp sms contact'.split(' '),
);

/** ITU-T E.164 country codes: of one digit, of two, and the beginnings of those of three. */
const ONE = [1, 7];
const TWO = [
  20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63, 64, 65, 66,
].concat([81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98]);
const THREE = [21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50, 59, 67, 68, 80, 85, 87, 88, 96, 97, 99];
/** By the first two digits. */
const COUNTRIES = Uint8Array.from({ length: 100 }, (_, two) =>
  ONE.includes(Math.floor(two / 10)) || [...TWO, ...THREE].includes(two) ? 1 : 0,
);

/** Numbers with a country code; national ones in the groups of North America or with a leading zero; others beside words such as `phone`. */
export const PHONE_NUMBER: WordEntity = {
  entity: 'PHONE_NUMBER',
  hints: { digits: DIGITS_MIN },
  kinds: 0,
  skips: false,
  needs: 'digits',
  number(bytes, from, to, found) {
    if (to - from > DIGITS_MAX) return;
    const isInternational = bytes[from - 1] === 0x2b && !isDigit(bytes[from - 2]);
    // What goes on from a number before it was looked at together with that.
    if (!isInternational && from >= 2 && isDigit(bytes[from - 2]) && JOINS[bytes[from - 1] ?? 0] === 1) return;
    if (to - from < DIGITS_MIN && !goesOn(bytes, to)) return;
    const number = read(bytes, from);
    if (number.count < DIGITS_MIN) return;
    const start = isInternational || bytes[from - 1] === 0x28 ? from - 1 : from;
    const score = scoreOf(number, isInternational, bytes[start] === 0x28);
    if (score > 0) found(start, number.to, score < 0.75 && hasContext(bytes, start, CONTEXT) ? raised(score) : score);
  },
  mayBe(bytes, from, to, start, end) {
    if (to - from > DIGITS_MAX || (from - start >= 2 && isDigit(bytes[from - 2]) && JOINS[bytes[from - 1] ?? 0] === 1)) return false;
    let count = 0;
    for (let at = from, gap = 0; at < end && gap <= GAP_MAX; at++) {
      if (isDigit(bytes[at])) {
        if (++count >= DIGITS_MIN) return true;
        gap = 0;
      } else if (JOINS[bytes[at] ?? 0] === 1) gap++;
      else break;
    }
    return false;
  },
};

/** Whether a digit comes soon. */
function goesOn(bytes: Buffer, at: number): boolean {
  for (let end = at; end - at <= GAP_MAX; end++) {
    if (isDigit(bytes[end])) return true;
    if (JOINS[bytes[end] ?? 0] === 0) return false;
  }
  return false;
}

/** What was read last. */
const CANDIDATE = {
  count: 0,
  /** Sizes of its groups as one number, the last in the lowest place: 334 for `555-123-4567`. */
  layout: 0,
  groups: 0,
  /** Of the smallest group. */
  least: 0,
  to: 0,
};
type Candidate = Readonly<typeof CANDIDATE>;

const DIGITS = new Uint8Array(DIGITS_MAX);

/** As many groups as have fifteen digits together; the digits themselves are in `DIGITS`. */
function read(bytes: Buffer, from: number): Candidate {
  const { length } = bytes;
  let count = 0;
  let layout = 0;
  let groups = 0;
  let least = DIGITS_MAX;
  let to = from;
  for (let at = from; at < length; ) {
    const start = count;
    let part = 0;
    do {
      const byte = bytes[at] ?? 0;
      part = PARTS[byte] ?? 0;
      if (part !== DIGIT || count === DIGITS_MAX) break;
      DIGITS[count++] = byte - 0x30;
    } while (++at < length);
    const size = count - start;
    if (size === 0 || (at < length && part >= DIGIT)) {
      count = start;
      break;
    }
    layout = groups < LAYOUT_GROUPS_MAX ? layout * 10 + (size < 9 ? size : 9) : 0;
    groups++;
    if (size < least) least = size;
    to = at;
    while (at < length && at - to < GAP_MAX && PARTS[bytes[at] ?? 0] === JOIN) at++;
    if (at === to || count === DIGITS_MAX) break;
  }
  CANDIDATE.count = count;
  CANDIDATE.layout = layout;
  CANDIDATE.groups = groups;
  CANDIDATE.least = least;
  CANDIDATE.to = to;
  return CANDIDATE;
}

function scoreOf({ count, layout, groups, least }: Candidate, isInternational: boolean, hasBracket: boolean): number {
  if (isInternational) return count >= 8 && isCountry(0) ? 0.75 : 0;
  const isZero = DIGITS[0] === 0;
  if (isZero && DIGITS[1] === 0) return count >= 10 && isCountry(2) ? 0.6 : 0.1;
  if (isNorthAmerican(count)) return layout === 334 || layout === 1334 || hasBracket ? 0.6 : 0.3;
  if (hasBracket && count >= 8) return 0.5;
  if (!isZero || count < 9 || count > 12) return 0.1;
  if (layout === 22222) return DIGITS[1] === 8 ? 0.2 : 0.5;
  // 01.02.2024 is a day.
  return groups > 1 && groups <= 6 && least >= 2 && Math.floor(layout / 10 ** (groups - 3)) !== 224 ? 0.5 : 0.2;
}

/** Neither an area nor an exchange begins with 0 or 1. */
function isNorthAmerican(count: number): boolean {
  const from = count === 11 && DIGITS[0] === 1 ? 1 : 0;
  return count - from === 10 && (DIGITS[from] ?? 0) >= 2 && (DIGITS[from + 3] ?? 0) >= 2;
}

/** Whether a country code stands at this place in `DIGITS`. */
function isCountry(at: number): boolean {
  return COUNTRIES[(DIGITS[at] ?? 0) * 10 + (DIGITS[at + 1] ?? 0)] === 1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isWord(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte >= 0x80);
}

const JOINS = Uint8Array.from({ length: 256 }, (_, byte) => (' -./()_+'.includes(String.fromCharCode(byte)) ? 1 : 0));

const JOIN = 1;
const DIGIT = 2;
const WORD = 3;

/** What a byte can be of a number. */
const PARTS = JOINS.map((joins, byte) => (joins === 1 ? JOIN : isDigit(byte) ? DIGIT : isWord(byte) ? WORD : 0));
