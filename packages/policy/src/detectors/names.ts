import { CELL_BYTES_MAX } from './blocks.ts';
import type { WordEntity } from './detector.ts';
import { KINDS, kindsOf } from './words.ts';

const WORD_BYTES_MAX = 24;
const NAME_WORDS_MAX = 4;
const PLACE_WORDS_MAX = 4;

/**
 * Names of people by lists of given and family names: a given name before a capitalised word, a title before one, `Family, Given`. It
 * does not know names that are not in the lists, and does not read sentences.
 */
export const PERSON: WordEntity = {
  entity: 'PERSON',
  hints: { words: true },
  kinds: KINDS.title | KINDS.given | KINDS.family,
  skips: true,
  block(bytes, from, to, kinds, found) {
    if (to - from < 2) return;
    const isCell = bytes.length <= CELL_BYTES_MAX;
    if (!isCapital(bytes[from]) && !isCell) return;
    if (kinds & KINDS.title) {
      const name = namesBehind(bytes, bytes[to] === 0x2e ? to + 1 : to, false);
      if (name) found(name.from, name.to, 0.7);
      return;
    }
    if (kinds & KINDS.family && bytes[to] === 0x2c) {
      const start = bytes[to + 1] === 0x20 ? to + 2 : to + 1;
      const end = wordEnd(bytes, start, isCell);
      if (end > 0 && kindsOf(bytes, start, end) & KINDS.given) return found(from, end, 0.85);
    }
    if ((kinds & KINDS.given) === 0) return;
    const next = namesBehind(bytes, to, isCell);
    if (next && next.kinds & KINDS.family) found(from, next.to, 0.85);
    else if (kinds & KINDS.ambiguous) return;
    else if (next && isCapital(bytes[next.from])) found(from, next.to, 0.5);
    else found(from, to, from === 0 && to === bytes.length ? 0.5 : 0.3);
  },
};

/** Cities, countries and regions that are in a list, and streets with a house number. */
export const LOCATION: WordEntity = {
  entity: 'LOCATION',
  hints: { words: true },
  kinds: -1,
  skips: true,
  needs: 'capital',
  number(bytes, from, to, found) {
    const street = streetEnd(bytes, from, to);
    if (street > 0) found(from, street, 0.6);
  },
  block(bytes, from, to, kinds, found) {
    if (!isCapital(bytes[from])) return;
    if (hasHouseBehind(bytes, to) && /(stra(ß|ss)e|gasse|weg|platz|allee|laan|straat)$/i.test(bytes.toString('utf8', from, to))) {
      return found(from, houseEnd(bytes, to), 0.6);
    }
    if (kinds & KINDS.placeStart) {
      let longest = 0;
      let end = to;
      for (let count = 1; count < PLACE_WORDS_MAX && bytes[end] === 0x20; count++) {
        const next = wordEnd(bytes, end + 1, true);
        if (next === 0) break;
        end = next;
        if (kindsOf(bytes, from, end) & KINDS.place) longest = end;
      }
      if (longest > 0) return found(from, longest, 0.6);
    }
    if (kinds & KINDS.place) found(from, to, 0.5);
  },
};

/** Nationalities, religions and political groups that are in a list. */
export const NRP: WordEntity = {
  entity: 'NRP',
  hints: { words: true },
  kinds: KINDS.group,
  skips: false,
  block(bytes, from, to, kinds, found) {
    if (!isCapital(bytes[from]) && to - from !== bytes.length) return;
    if (kinds & KINDS.group) found(from, to, 0.6);
  },
};

interface Names {
  readonly from: number;
  readonly to: number;
  /** Of the last one. */
  readonly kinds: number;
}

/** The capitalised words that follow, with initials and `van`, `de`, `al` among them. */
function namesBehind(bytes: Buffer, from: number, lowerToo: boolean): Names | undefined {
  let at = from;
  let result: Names | undefined;
  for (let count = 0; count < NAME_WORDS_MAX; count++) {
    if (bytes[at] !== 0x20 && bytes[at] !== 0x2d) break;
    const start = at + 1;
    const end = wordEnd(bytes, start, true);
    if (end === 0) break;
    const kinds = kindsOf(bytes, start, end);
    if (!isCapital(bytes[start]) && (kinds & KINDS.particle) === 0 && !lowerToo) break;
    at = end;
    if (end - start === 1 && bytes[at] === 0x2e) at++;
    else if ((kinds & KINDS.particle) === 0) result = { from: result?.from ?? start, to: end, kinds };
  }
  return result;
}

/** Where the word that begins here ends; 0 when none does. */
function wordEnd(bytes: Buffer, from: number, lowerToo: boolean): number {
  if (!isCapital(bytes[from]) && !(lowerToo && isLetter(bytes[from]))) return 0;
  let to = from + 1;
  while (to - from < WORD_BYTES_MAX && (isLetter(bytes[to]) || (bytes[to] === 0x27 && isLetter(bytes[to + 1])))) to++;
  return to;
}

/** Behind `10 Downing Street`: a number, up to three capitalised words, a kind of street. 0 when it is none. */
function streetEnd(bytes: Buffer, from: number, to: number): number {
  if (to - from > 5) return 0;
  let at = to;
  for (let count = 0; count < 4 && bytes[at] === 0x20; count++) {
    const end = wordEnd(bytes, at + 1, false);
    if (end === 0) return 0;
    if (count > 0 && kindsOf(bytes, at + 1, end) & KINDS.street) return end;
    at = end;
  }
  return 0;
}

function hasHouseBehind(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0x20 && isDigit(bytes[at + 1]);
}

function houseEnd(bytes: Buffer, from: number): number {
  let at = from + 1;
  while (at - from < 6 && isDigit(bytes[at])) at++;
  return at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Bytes of other scripts count as capitals: what they are is seen in the lists. */
function isCapital(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= 0x41 && byte <= 0x5a) || byte >= 0x80);
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && (byte >= 0x80 || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a));
}
