import {
  CLASS,
  DIGIT,
  DULL,
  FOREIGN,
  GAP_MAX,
  GOES_ON,
  isBeforeNumber,
  isCapital,
  isGap,
  JOINS,
  LETTER,
  RAW,
  SIGN,
  SPACE,
  UPPER,
} from './classes.ts';
import { forgetContext, isIn, readContext } from './context.ts';
import type { CodeEntity, Found, WordEntity } from './detector.ts';
import { type Plan, Planned } from './plans.ts';
import { hasRun } from './runs.ts';
import { type Check, type CheckIban, Sequences } from './sequences.ts';
import { CODE_CHARACTERS_MAX, raised, Shapes, SURE_SCORE } from './shapes.ts';
import { BITS, signAt } from './survey.ts';
import { HASH_SEED, hashed, kindsOf, kindsOfHash } from './words.ts';

/** A card number between letters, without a gap. */
const BARE_RUN_MIN = 13;
/** No card number has fewer digits, and most digits among letters are those of a hash. */
const CARD_DIGITS_MIN = 12;
const DIGITS = CLASS.map((kind) => (kind === DIGIT ? 1 : 0));
const ZERO = 0x30;
const DOT = 0x2e;
const SMALL_A = 0x61;
const FIRST_FOREIGN = 0x80;
/** A value that is nothing but a name is not longer. */
export const CELL_BYTES_MAX = 48;
/** With so many digits a number may be a telephone's, whatever stands behind it. */
const NUMBER_DIGITS_MIN = 7;
/** Longer words are at the end of no code. */
const TAIL_LETTERS_MAX = 5;

/** A word that looks at numbers, with its place among the words. */
interface Numbers {
  readonly index: number;
  readonly needs: WordEntity['needs'];
  readonly mayBe: WordEntity['mayBe'];
  readonly number: (bytes: Buffer, from: number, to: number, found: Found) => void;
  readonly found: Found;
}

const NOBODY: Found = () => undefined;

/**
 * Where something stands that has to be looked at, in a text of which most words say nothing: a capital, a number, a sign, with the word
 * before it where it belongs to that. Everything before it is small letters and what stands between words.
 */
function dullEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && DULL[bytes[at] ?? 0] === 1) at++;
  if (at === end) return end;
  let word = at;
  // A word that the number behind it may make a part of a day, or of an address.
  if (CLASS[bytes[at] ?? 0] === DIGIT || bytes[at] === DOT) while (word > start && at - word < GAP_MAX && bytes[word - 1] === SPACE) word--;
  let from = word;
  while (from > start && CLASS[bytes[from - 1] ?? 0] === LETTER) from--;
  return from < word ? from : at;
}

export type FoundEntity = (entity: string, from: number, to: number, score: number) => void;

/**
 * Looks for all codes and words in one pass: the text is divided into runs of letters and digits, and each sequence of runs that could
 * be one code is looked up by its shape. Linear: a sequence has at most twenty runs.
 */
export class Blocks {
  readonly #shapes: Shapes;
  readonly #words: readonly WordEntity[];
  readonly #wantsWords: boolean;
  /** What each of the words calls, and where what it found last ends. */
  readonly #emits: readonly Found[];
  readonly #until: Int32Array;
  /** Those of the words that look at numbers. */
  readonly #numbers: readonly Numbers[];
  #isDirty = false;
  #found: FoundEntity = () => undefined;
  /** What is read: all of a text, or a part of it that is only looked at. */
  #floor = 0;
  #end = 0;
  #isLook = false;
  #isSuspect = false;
  #planned: Planned | undefined;
  readonly #iban: CodeEntity | undefined;
  readonly #ibanLeast: number;
  readonly #wantsBareRuns: boolean;
  readonly #wantsCodes: boolean;
  readonly #sequences: Sequences;
  readonly #code = new Uint8Array(CODE_CHARACTERS_MAX);

  /** @param thresholds the least score by entity */
  constructor(codes: readonly CodeEntity[], words: readonly WordEntity[], thresholds: ReadonlyMap<string, number>) {
    this.#words = words;
    this.#wantsWords = words.length > 0;
    this.#until = new Int32Array(words.length);
    this.#emits = words.map(({ entity, skips }, index) => {
      const threshold = thresholds.get(entity) ?? 0;
      return (from, to, score) => {
        if (skips) {
          this.#until[index] = to;
          this.#isDirty = true;
        }
        if (score >= threshold) this.#found(entity, from, to, score);
      };
    });
    this.#numbers = words.flatMap((word, index) => {
      const { number, needs, mayBe } = word;
      const found = this.#emits[index];
      return number && found ? [{ index, needs, mayBe, number, found }] : [];
    });
    this.#wantsCodes = codes.length > 0;
    this.#iban = codes.find(({ entity }) => entity === 'IBAN_CODE');
    this.#ibanLeast = thresholds.get('IBAN_CODE') ?? 0;
    this.#wantsBareRuns = codes.some(({ entity }) => entity === 'CREDIT_CARD');
    this.#shapes = new Shapes(codes, thresholds);
    this.#sequences = new Sequences(this.#shapes, this.#iban !== undefined, this.#check, this.#checkIban);
  }

  /**
   * @param found is called for what has the score that it needs
   * @param isRaw the text is as it came: at the first byte that has to be undone it is given up
   * @returns what other detectors have to look for, as bits of `survey.ts`, with `odd` when it was given up
   */
  find(bytes: Buffer, found: FoundEntity, isRaw: boolean): number {
    this.#begin(found);
    return this.#pass(bytes, 0, bytes.length, isRaw ? RAW : CLASS, isRaw ? BITS.odd : 0);
  }

  /** What there is to be done for each text of the shape that this one has; see `plans.ts`. */
  planFor(text: Buffer): Plan | undefined {
    this.#begin(this.#suspect);
    const planned = new Planned();
    this.#planned = planned;
    const bits = this.#pass(text, 0, text.length, RAW, BITS.odd);
    this.#planned = undefined;
    return planned.plan(bits);
  }

  /** As `find`, by a plan that was made for another text of this shape. */
  findBy(plan: Plan, text: Buffer, codes: readonly Uint8Array[], found: FoundEntity): void {
    this.#begin(found);
    forgetContext();
    plan.find(text, codes, this.#until, found);
  }

  #begin(found: FoundEntity): void {
    this.#found = found;
    this.#isLook = false;
    this.#isSuspect = false;
    if (this.#isDirty) for (let index = 0; index < this.#until.length; index++) this.#until[index] = 0;
    this.#isDirty = false;
  }

  /**
   * Whether anything can be found in a part of some bytes when it is a text of its own; false is certain. It stops at the first thing that
   * has to be looked at closer: a word of a list, a number that may be a day, a code with the score that it needs, or one of `bits`.
   */
  suspects(bytes: Buffer, from: number, to: number, bits: number): boolean {
    this.#found = this.#suspect;
    this.#isLook = true;
    this.#isSuspect = false;
    const stop = bits | BITS.odd;
    return (this.#pass(bytes, from, to, RAW, stop) & stop) !== 0 || this.#isSuspect;
  }

  readonly #suspect: FoundEntity = () => {
    this.#isSuspect = true;
  };

  /** @param stop at one of these bits, or at a suspicion, the pass is over */
  #pass(bytes: Buffer, start: number, end: number, table: Uint8Array, stop: number): number {
    // Of a word with a small letter in front only the names of months are of use inside of a sentence, and those beside a number.
    const wantsSmall = this.#wantsWords && end - start <= CELL_BYTES_MAX;
    forgetContext();
    this.#floor = start;
    this.#end = end;
    this.#shortUntil = start;
    let bits = 0;
    // Where the last run ended that a code can go on from, and how many more characters such a code has at most.
    let before = -1;
    let left = 0;
    for (let at = start; at < end; ) {
      if (left <= 0 && !wantsSmall) {
        at = dullEnd(bytes, at, end);
        if (at === end) break;
      }
      const first = bytes[at] ?? 0;
      let kind = table[first] ?? 0;
      if (kind === 0) {
        at++;
        continue;
      }
      const from = at;
      if (kind === LETTER) {
        // -1: nobody has looked yet.
        let kinds = -1;
        if (first >= SMALL_A && !wantsSmall) {
          do kind = ++at < end ? (table[bytes[at] ?? 0] ?? 0) : 0;
          while (kind === LETTER);
        } else {
          let hash = HASH_SEED;
          let byte = first;
          do {
            hash = hashed(hash, byte);
            byte = ++at < end ? (bytes[at] ?? 0) : 0;
            kind = table[byte] ?? 0;
          } while (kind === LETTER);
          kinds = kindsOfHash(hash);
        }
        if (kind === 0 || kind >= SIGN) {
          if (kinds > 0 || (at < end && isBeforeNumber(bytes, at, end))) {
            this.#word(bytes, from, at, kinds < 0 ? kindsOf(bytes, from, at) : kinds);
            if (this.#isSuspect) return bits;
          }
          if (left <= 0) continue;
          left = isGap(bytes, before, from) ? left - (at - from) : 0;
          if (left <= 0) continue;
          before = at;
          this.#sequences.push(bytes, from, at, (1 << (at - from)) - 1, 0);
          if (at - from > TAIL_LETTERS_MAX) continue;
          this.#sequences.lookBack(bytes);
          if (this.#isSuspect) return bits;
          continue;
        }
      } else if (kind >= SIGN) {
        const sign = kind === SIGN ? signAt(bytes, at) : BITS.odd;
        bits |= sign;
        if ((sign & stop) !== 0) return bits;
        at++;
        continue;
      }
      at = this.#mixed(bytes, from, at, left > 0 ? before : -1, table);
      if (this.#isSuspect) return bits;
      left = this.#joins ? this.#shapes.lengthMax : 0;
      before = at;
    }
    return bits;
  }

  /** Whether the run that was read last can be a part of a code. */
  #joins = false;

  /** A run with something else than letters in it, from the first such byte on. Says where it ends. */
  #mixed(bytes: Buffer, from: number, start: number, before: number, table: Uint8Array): number {
    const end = this.#end;
    let at = start;
    let mask = (1 << (start - from)) - 1;
    let count = 0;
    let foreign = false;
    for (; at < end; at++) {
      const kind = table[bytes[at] ?? 0] ?? 0;
      if (kind === DIGIT) {
        count++;
        mask <<= 1;
      } else if (kind === LETTER || kind === FOREIGN) {
        mask = (mask << 1) | 1;
        if (kind === FOREIGN) foreign = true;
      } else break;
    }
    this.#joins = false;
    const goesOn = at < end && GOES_ON[bytes[at] ?? 0] === 1;
    if (count === 0) {
      if (this.#wantsWords) this.#word(bytes, from, at, kindsOf(bytes, from, at));
      return at;
    }
    const isPlain = count === at - from;
    if (this.#wantsWords && (goesOn || count >= NUMBER_DIGITS_MIN)) this.#number(bytes, from, at, isPlain);
    if (!this.#wantsCodes) return at;
    if (isPlain && before < 0 && this.#isShortNumber(bytes, from, at, count, goesOn)) return at;
    if (foreign) this.#between(bytes, from, at);
    else if (at - from <= CODE_CHARACTERS_MAX) {
      if (before < 0 || !isGap(bytes, before, from))
        this.#sequences.readBack(bytes, from, isPlain ? this.#shapes.lettersMax : this.#shapes.lengthMax, this.#floor);
      this.#sequences.push(bytes, from, at, mask, count);
      this.#joins = true;
      this.#sequences.lookBack(bytes);
    }
    if (this.#wantsBareRuns && count >= BARE_RUN_MIN && (count < at - from || bytes[from] === ZERO || this.#planned)) {
      // Whether it begins with a zero does not follow from its shape.
      if (this.#planned) this.#planned.zeros(this.#bare, from, at);
      else this.#bareRuns(bytes, from, at);
    }
    return at;
  }

  /** Most numbers are short, and alone, or have only other short ones beside them, as in `244.25`. */
  #isShortNumber(bytes: Buffer, from: number, to: number, count: number, goesOn: boolean): boolean {
    if (from < this.#shortUntil) return true;
    if (count >= this.#shapes.plainMin) return false;
    // Of the words before it one may be the beginning of a code, which ends here.
    if (from > this.#floor && JOINS[bytes[from - 1] ?? 0] === 1) return !goesOn && count < this.#shapes.tailMin;
    let digits = count;
    let end = to;
    for (let gap = 0; end < this.#end && gap <= GAP_MAX; end++) {
      const byte = bytes[end] ?? 0;
      const kind = CLASS[byte];
      if (kind === DIGIT) {
        if (++digits >= this.#shapes.plainMin) return false;
        gap = 0;
      } else if (kind === LETTER || kind === FOREIGN) return false;
      else if (JOINS[byte] === 1) gap++;
      else break;
    }
    this.#shortUntil = end;
    return true;
  }

  /** What is before this place belongs to numbers that are too short. */
  #shortUntil = 0;

  /** Codes without a gap between letters of other scripts. */
  #between(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const start = at;
      let mask = 0;
      let count = 0;
      for (; at < to && CLASS[bytes[at] ?? 0] !== FOREIGN; at++) {
        const isDigit = CLASS[bytes[at] ?? 0] === DIGIT;
        mask = (mask << 1) | (isDigit ? 0 : 1);
        if (isDigit) count++;
      }
      if (count > 0 && at - start <= CODE_CHARACTERS_MAX) {
        this.#sequences.begin();
        this.#sequences.push(bytes, start, at, mask, count);
        this.#sequences.lookBack(bytes);
      }
      at = Math.max(at, start + 1);
    }
  }

  #word(bytes: Buffer, from: number, to: number, kinds: number): void {
    if (kinds === 0 && (bytes[from] ?? 0) >= SMALL_A && (bytes[from] ?? 0) < FIRST_FOREIGN) return;
    if (kinds === 0 && !(bytes[to] === SPACE && CLASS[bytes[to + 1] ?? 0] === DIGIT)) return;
    for (let index = 0; index < this.#words.length; index++) {
      const word = this.#words[index];
      if (!word || (kinds !== 0 && (word.kinds & kinds) === 0)) continue;
      // What stands behind a part of some bytes is not for detectors to see.
      if (this.#isLook) this.#isSuspect = true;
      else if (from >= (this.#until[index] ?? 0)) word.block?.(bytes, from, to, kinds, this.#emits[index] ?? NOBODY);
    }
  }

  #number(bytes: Buffer, from: number, to: number, isPlain: boolean): void {
    const isStreet = bytes[to] === SPACE && isCapital(bytes[to + 1] ?? 0);
    for (const { index, needs, mayBe, number, found } of this.#numbers) {
      if (needs === 'digits' ? !isPlain : needs === 'capital' && !isStreet) continue;
      if (this.#planned) {
        if (!mayBe || mayBe(bytes, from, to, 0, bytes.length)) this.#planned.number(index, number, found, from, to);
      } else if (this.#isLook) this.#isSuspect ||= mayBe === undefined || mayBe(bytes, from, to, this.#floor, this.#end);
      else if (from >= (this.#until[index] ?? 0)) number(bytes, from, to, found);
    }
  }

  readonly #check: Check = (bytes, code, from, to, length, layout, wanted) => {
    if (wanted.length === 0) return;
    if (this.#planned) {
      this.#planned.codes(bytes, from, to, length, layout, wanted);
      return;
    }
    let known = -1;
    for (let index = 0; index < wanted.length; index++) {
      const each = wanted[index];
      if (!each) continue;
      const { threshold } = each;
      const score = each.code.score(code, length, layout);
      if (score <= 0) continue;
      // The words before it are read only where they can make a difference.
      const isOpen = score < SURE_SCORE && raised(score) >= threshold;
      if (isOpen && known < 0) known = readContext(bytes, from, this.#floor);
      const final = isOpen && isIn(each.context, known) ? raised(score) : score;
      if (final >= threshold) this.#found(each.entity, from, to, final);
    }
  };

  readonly #checkIban: CheckIban = (code, from, to, length) => {
    const score = this.#iban?.score(code, length, 'listed') ?? 0;
    if (score > 0 && score >= this.#ibanLeast) this.#found('IBAN_CODE', from, to, score);
  };

  /** In upper case, without what stands between. */
  #compact(bytes: Buffer, from: number, to: number): Uint8Array {
    const code = this.#code;
    let length = 0;
    for (let at = from; at < to && length < CODE_CHARACTERS_MAX; at++) {
      const byte = UPPER[bytes[at] ?? 0] ?? 0;
      if (byte !== 0) code[length++] = byte;
    }
    return code;
  }

  readonly #bare = (bytes: Buffer, from: number, to: number): void => this.#bareRuns(bytes, from, to);

  /** Digits in the middle of letters: only a card number is long enough to be meant. */
  #bareRuns(bytes: Buffer, from: number, to: number): void {
    if (!hasRun(bytes, CARD_DIGITS_MIN, DIGITS, from, to)) return;
    for (let at = from; at < to; at++) {
      if (CLASS[bytes[at] ?? 0] !== DIGIT) continue;
      // Numbers are filled up with zeros.
      while (bytes[at] === ZERO) at++;
      const start = at;
      while (at < to && CLASS[bytes[at] ?? 0] === DIGIT) at++;
      const length = at - start;
      for (const { entity, code, threshold } of this.#shapes.get(length, 0)?.all ?? []) {
        if (entity !== 'CREDIT_CARD') continue;
        const score = code.score(this.#compact(bytes, start, at), length, 'plain');
        if (score > 0 && score >= threshold) this.#found(entity, start, at, score);
      }
    }
  }
}
