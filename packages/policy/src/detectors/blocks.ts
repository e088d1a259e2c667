import { type ContextWords, contextOf, isIn, readContext } from './context.ts';
import type { CodeEntity, Found, Layout, WordEntity } from './detector.ts';
import { ibanLength } from './iban.ts';
import { BITS, isOdd, isSign, signAt } from './survey.ts';
import { HASH_SEED, hashed, kindsOf, mayBeListed } from './words.ts';

/** A code has at most this many characters: an IBAN. */
const CODE_CHARACTERS_MAX = 34;
/** A shape with more letters and digits than this does not fit into a number. */
const SHAPE_CHARACTERS_MAX = 30;
/** Groups of a code; one more than the longest that is written digit by digit. */
const GROUPS_MAX = 20;
/** Between two groups: ` - ` at most. */
const GAP_MAX = 3;
/** What a word that stands before it adds to a score, as far as `CONTEXT_SCORE_MIN` at least. */
const CONTEXT_SCORE = 0.35;
const CONTEXT_SCORE_MIN = 0.4;
/** A card number between letters, without a gap. */
const BARE_RUN_MIN = 13;
/** One more than the longest group: different layouts of up to five groups are different numbers, and of more nearly always. */
const LAYOUT_BASE = 37;
const ZERO = 0x30;
const SPACE = 0x20;
const DOT = 0x2e;
const SMALL_A = 0x61;
const FIRST_FOREIGN = 0x80;
/** A value that is nothing but a name is not longer. */
export const CELL_BYTES_MAX = 48;
/** Between a month and its day, with the day's first digit. */
const BEFORE_NUMBER_MAX = 4;
/** With so many digits a number may be a telephone's, whatever stands behind it. */
const NUMBER_DIGITS_MIN = 7;
/** Longer words are at the end of no code. */
const TAIL_LETTERS_MAX = 5;

interface Wanted {
  readonly entity: string;
  readonly code: CodeEntity;
  readonly layouts: ReadonlySet<number>;
  readonly context: ContextWords;
  /** What is found with less is nothing. */
  readonly threshold: number;
}

/** The codes of one shape, by how they may be divided. */
interface Shaped {
  readonly all: Wanted[];
  /** Those that may be written in groups of one size that nobody has listed. */
  readonly regular: Wanted[];
  readonly byLayout: Map<number, Wanted[]>;
}

export type FoundEntity = (entity: string, from: number, to: number, score: number) => void;

/**
 * Looks for all codes and words in one pass: the text is divided into runs of letters and digits, and each sequence of runs that could
 * be one code is looked up by its shape. Linear: a sequence has at most `GROUPS_MAX` runs.
 */
export class Blocks {
  readonly #byShape = new Map<number, Shaped>();
  /** A bit for each of 65536 places that a shape can have: most sequences of a text have the shape of no code. */
  readonly #maybe = new Int32Array(2_048);
  /** Of all codes. */
  readonly #layouts = new Set<number>();
  readonly #words: readonly WordEntity[];
  readonly #wantsWords: boolean;
  /** What each of the words calls, and where what it found last ends. */
  readonly #emits: readonly Found[];
  readonly #until: Int32Array;
  #isDirty = false;
  #found: FoundEntity = () => undefined;
  readonly #iban: CodeEntity | undefined;
  readonly #wantsBareRuns: boolean;
  readonly #wantsCodes: boolean;
  #lengths = 0;
  #lengthMax = 0;
  #digitsMin = CODE_CHARACTERS_MAX;
  /** So many letters at most stand in groups of their own before the first group of digits. */
  #lettersMax = 0;
  /** The shortest code that is digits only. */
  #plainMin = CODE_CHARACTERS_MAX;
  /** The last runs: where they begin and end, which of their characters are letters, how many are digits. */
  readonly #from = new Int32Array(GROUPS_MAX);
  readonly #to = new Int32Array(GROUPS_MAX);
  readonly #mask = new Int32Array(GROUPS_MAX);
  readonly #digits = new Int32Array(GROUPS_MAX);
  #head = 0;
  /** How many of them stand before the last one, joined to it and to each other. */
  #chain = 0;
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
    this.#wantsCodes = codes.length > 0;
    this.#iban = codes.find(({ entity }) => entity === 'IBAN_CODE');
    this.#wantsBareRuns = codes.some(({ entity }) => entity === 'CREDIT_CARD');
    if (this.#iban) {
      this.#lengthMax = CODE_CHARACTERS_MAX;
      this.#digitsMin = 2;
    }
    for (const code of codes) {
      for (const layout of code.layouts) this.#layouts.add(layoutOf(layout));
      this.#add({
        entity: code.entity,
        code,
        layouts: new Set(code.layouts.map(layoutOf)),
        context: contextOf(code.context),
        threshold: thresholds.get(code.entity) ?? 0,
      });
    }
  }

  #add(wanted: Wanted): void {
    for (const shape of new Set(wanted.code.shapes)) {
      const key = shapeKey(shape);
      const shaped: Shaped = this.#byShape.get(key) ?? { all: [], regular: [], byLayout: new Map() };
      this.#byShape.set(key, shaped);
      shaped.all.push(wanted);
      if (wanted.code.isNeverRegular !== true) shaped.regular.push(wanted);
      for (const layout of wanted.layouts) shaped.byLayout.set(layout, [...(shaped.byLayout.get(layout) ?? []), wanted]);
      const place = placeOf(key);
      this.#maybe[place >>> 5] = (this.#maybe[place >>> 5] ?? 0) | (1 << (place & 31));
      this.#lengths |= 1 << shape.length;
      this.#lengthMax = Math.max(this.#lengthMax, shape.length);
      this.#lettersMax = Math.max(this.#lettersMax, lettersBefore(shape, wanted.code));
      if (!shape.includes('A')) this.#plainMin = Math.min(this.#plainMin, shape.length);
      this.#digitsMin = Math.min(this.#digitsMin, shape.split('9').length - 1);
    }
  }

  /**
   * @param isRaw the text is as it came: at the first byte that has to be undone it is given up
   * @returns what other detectors have to look for, as bits of `survey.ts`, with `odd` when it was given up
   */
  find(bytes: Buffer, found: FoundEntity, isRaw: boolean): number {
    const { length } = bytes;
    const table = isRaw ? RAW : CLASS;
    // Of a word with a small letter in front only the names of months are of use inside of a sentence, and those beside a number.
    const wantsSmall = this.#wantsWords && length <= CELL_BYTES_MAX;
    this.#found = found;
    if (this.#isDirty) this.#until.fill(0);
    this.#isDirty = false;
    this.#shortUntil = 0;
    let bits = 0;
    // Where the last run ended that a code can go on from, and how many more characters such a code has at most.
    let before = -1;
    let left = 0;
    for (let at = 0; at < length; ) {
      const first = bytes[at] ?? 0;
      let kind = table[first] ?? 0;
      if (kind === 0) {
        at++;
        continue;
      }
      const from = at;
      if (kind === LETTER) {
        let isListed = false;
        if (first >= SMALL_A && !wantsSmall) {
          do kind = ++at < length ? (table[bytes[at] ?? 0] ?? 0) : 0;
          while (kind === LETTER);
        } else {
          let hash = HASH_SEED;
          let byte = first;
          do {
            hash = hashed(hash, byte);
            byte = ++at < length ? (bytes[at] ?? 0) : 0;
            kind = table[byte] ?? 0;
          } while (kind === LETTER);
          isListed = mayBeListed(hash);
        }
        if (kind === 0 || kind >= SIGN) {
          if (isListed || (at < length && isBeforeNumber(bytes, at))) this.#word(bytes, from, at);
          if (left <= 0) continue;
          left = isGap(bytes, before, from) ? left - (at - from) : 0;
          if (left <= 0) continue;
          before = at;
          this.#push(from, at, (1 << (at - from)) - 1, 0);
          if (at - from <= TAIL_LETTERS_MAX) this.#lookBack(bytes, found);
          continue;
        }
      } else if (kind >= SIGN) {
        const sign = kind === SIGN ? signAt(bytes, at) : BITS.odd;
        bits |= sign;
        if (isRaw && (sign & BITS.odd) !== 0) return bits;
        at++;
        continue;
      }
      at = this.#mixed(bytes, from, at, left > 0 ? before : -1, table);
      left = this.#joins ? this.#lengthMax : 0;
      before = at;
    }
    return bits;
  }

  /** Whether the run that was read last can be a part of a code. */
  #joins = false;

  /** A run with something else than letters in it, from the first such byte on. Says where it ends. */
  #mixed(bytes: Buffer, from: number, start: number, before: number, table: Uint8Array): number {
    const { length } = bytes;
    let at = start;
    let mask = (1 << (start - from)) - 1;
    let count = 0;
    let foreign = false;
    for (; at < length; at++) {
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
    const goesOn = at < length && GOES_ON[bytes[at] ?? 0] === 1;
    if (count === 0) {
      if (this.#wantsWords) this.#word(bytes, from, at);
      return at;
    }
    if (this.#wantsWords && (goesOn || count >= NUMBER_DIGITS_MIN)) this.#number(bytes, from, at);
    if (!this.#wantsCodes) return at;
    const isPlain = count === at - from;
    if (isPlain && before < 0 && this.#isShortNumber(bytes, from, at, count)) return at;
    if (foreign) this.#between(bytes, from, at, this.#found);
    else if (at - from <= CODE_CHARACTERS_MAX) {
      if (before < 0 || !isGap(bytes, before, from)) this.#readBack(bytes, from, isPlain ? this.#lettersMax : this.#lengthMax);
      this.#push(from, at, mask, count);
      this.#joins = true;
      this.#lookBack(bytes, this.#found);
    }
    if (this.#wantsBareRuns && count >= BARE_RUN_MIN && (count < at - from || bytes[from] === ZERO))
      this.#bareRuns(bytes, from, at, this.#found);
    return at;
  }

  /** Most numbers are short, and alone, or have only other short ones beside them, as in `244.25`. */
  #isShortNumber(bytes: Buffer, from: number, to: number, count: number): boolean {
    if (from < this.#shortUntil) return true;
    if (count >= this.#plainMin || (from > 0 && JOINS[bytes[from - 1] ?? 0] === 1)) return false;
    let digits = count;
    let end = to;
    for (let gap = 0; end < bytes.length && gap <= GAP_MAX; end++) {
      const byte = bytes[end] ?? 0;
      const kind = CLASS[byte];
      if (kind === DIGIT) {
        if (++digits >= this.#plainMin) return false;
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

  /** The words before a number, as far as a code may reach. They are not kept while they pass: hardly any stands before a number. */
  #readBack(bytes: Buffer, from: number, most: number): void {
    let room = most;
    let first = from;
    let slot = this.#head;
    let groups = 0;
    while (groups < GROUPS_MAX - 1) {
      let to = first;
      while (to > 0 && first - to < GAP_MAX && JOINS[bytes[to - 1] ?? 0] === 1) to--;
      let start = to;
      let mask = 0;
      let count = 0;
      for (; start > 0 && to - start < room; start--) {
        const kind = CLASS[bytes[start - 1] ?? 0];
        if (kind === DIGIT) count++;
        else if (kind === LETTER) mask |= 1 << (to - start);
        else break;
      }
      if (to === first || start === to || (start > 0 && isInRun(bytes[start - 1] ?? 0))) break;
      this.#from[slot] = start;
      this.#to[slot] = to;
      this.#mask[slot] = mask;
      this.#digits[slot] = count;
      slot = (slot + GROUPS_MAX - 1) % GROUPS_MAX;
      room -= to - start;
      first = start;
      groups++;
    }
    this.#chain = groups - 1;
  }

  /** Codes without a gap between letters of other scripts. */
  #between(bytes: Buffer, from: number, to: number, found: FoundEntity): void {
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
        this.#chain = -1;
        this.#push(start, at, mask, count);
        this.#lookBack(bytes, found);
      }
      at = Math.max(at, start + 1);
    }
  }

  #word(bytes: Buffer, from: number, to: number): void {
    const kinds = kindsOf(bytes, from, to);
    if (kinds === 0 && (bytes[from] ?? 0) >= SMALL_A && (bytes[from] ?? 0) < FIRST_FOREIGN) return;
    if (kinds === 0 && !(bytes[to] === SPACE && CLASS[bytes[to + 1] ?? 0] === DIGIT)) return;
    for (let index = 0; index < this.#words.length; index++) {
      const word = this.#words[index];
      if (!word || (kinds !== 0 && (word.kinds & kinds) === 0) || from < (this.#until[index] ?? 0)) continue;
      const emit = this.#emits[index];
      if (emit) word.block?.(bytes, from, to, kinds, emit);
    }
  }

  #number(bytes: Buffer, from: number, to: number): void {
    for (let index = 0; index < this.#words.length; index++) {
      if (from < (this.#until[index] ?? 0)) continue;
      const emit = this.#emits[index];
      if (emit) this.#words[index]?.number?.(bytes, from, to, emit);
    }
  }

  /** The last run is always the last in the arrays; they are short. */
  #push(from: number, to: number, mask: number, count: number): void {
    const slot = (this.#head = (this.#head + 1) % GROUPS_MAX);
    this.#from[slot] = from;
    this.#to[slot] = to;
    this.#mask[slot] = mask;
    this.#digits[slot] = count;
    this.#chain = Math.min(this.#chain + 1, GROUPS_MAX - 1);
  }

  /** Every sequence of runs that ends with the last one. */
  #lookBack(bytes: Buffer, found: FoundEntity): void {
    const chain = this.#chain;
    let slot = this.#head;
    const to = this.#to[slot] ?? 0;
    let length = 0;
    let mask = 0;
    let count = 0;
    let layout = 0;
    let largest = 0;
    let smallest = CODE_CHARACTERS_MAX;
    const last = to - (this.#from[slot] ?? 0);
    for (let groups = 1; groups <= chain + 1; groups++) {
      const from = this.#from[slot] ?? 0;
      const size = (this.#to[slot] ?? 0) - from;
      if (length + size > this.#lengthMax) return;
      mask = length < SHAPE_CHARACTERS_MAX ? mask | ((this.#mask[slot] ?? 0) << length) : 0;
      length += size;
      count += this.#digits[slot] ?? 0;
      layout = layoutWith(layout, size);
      if (groups > 1 && size < smallest) smallest = size;
      if (size > largest) largest = size;
      if (count >= this.#digitsMin) {
        if (length <= SHAPE_CHARACTERS_MAX && (this.#lengths & (1 << length)) !== 0 && this.#isShape((1 << length) | mask)) {
          // Digit by digit, a code is alone: otherwise every place in a row of small numbers would be one.
          const regular = groups === 1 || (smallest === largest && last <= largest && (largest > 1 || groups === chain + 1));
          if (regular || this.#layouts.has(layout)) {
            const shaped = this.#byShape.get((1 << length) | mask);
            if (shaped) this.#checkAll(bytes, from, to, length, groups, layout, regular, shaped);
          }
        }
        if (this.#iban && size >= 4 && length >= 15) this.#checkIban(bytes, from, to, length, found);
      }
      slot = slot === 0 ? GROUPS_MAX - 1 : slot - 1;
    }
  }

  #isShape(key: number): boolean {
    const place = placeOf(key);
    return ((this.#maybe[place >>> 5] ?? 0) & (1 << (place & 31))) !== 0;
  }

  #checkAll(
    bytes: Buffer,
    from: number,
    to: number,
    length: number,
    groups: number,
    layout: number,
    regular: boolean,
    shaped: Shaped,
  ): void {
    if (groups === 1) {
      this.#check(bytes, from, to, length, 'plain', shaped.all, undefined);
      return;
    }
    const listed = shaped.byLayout.get(layout);
    if (listed) this.#check(bytes, from, to, length, 'listed', listed, undefined);
    if (regular) this.#check(bytes, from, to, length, 'regular', shaped.regular, listed);
  }

  #check(
    bytes: Buffer,
    from: number,
    to: number,
    length: number,
    layout: Layout,
    wanted: readonly Wanted[],
    done: readonly Wanted[] | undefined,
  ): void {
    if (wanted.length === 0) return;
    const code = this.#compact(bytes, from, to);
    let known = -1;
    for (const each of wanted) {
      if (done?.includes(each)) continue;
      const { threshold } = each;
      const score = each.code.score(code, length, layout);
      if (score <= 0) continue;
      // The words before it are read only where they can make a difference.
      const isOpen = score < CONTEXT_SCORE_MIN + CONTEXT_SCORE && raised(score) >= threshold;
      if (isOpen && known < 0) known = readContext(bytes, from);
      const final = isOpen && isIn(each.context, known) ? raised(score) : score;
      if (final >= threshold) this.#found(each.entity, from, to, final);
    }
  }

  #checkIban(bytes: Buffer, from: number, to: number, length: number, found: FoundEntity): void {
    const wanted = ibanLength(bytes, from);
    if (wanted === 0 || wanted !== length) return;
    const score = this.#iban?.score(this.#compact(bytes, from, to), length, 'listed') ?? 0;
    if (score > 0) found('IBAN_CODE', from, to, score);
  }

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

  /** Digits in the middle of letters: only a card number is long enough to be meant. */
  #bareRuns(bytes: Buffer, from: number, to: number, found: FoundEntity): void {
    for (let at = from; at < to; at++) {
      if (CLASS[bytes[at] ?? 0] !== DIGIT) continue;
      // Numbers are filled up with zeros.
      while (bytes[at] === ZERO) at++;
      const start = at;
      while (at < to && CLASS[bytes[at] ?? 0] === DIGIT) at++;
      const length = at - start;
      if (length > SHAPE_CHARACTERS_MAX) continue;
      for (const { entity, code } of this.#byShape.get(1 << length)?.all ?? []) {
        if (entity !== 'CREDIT_CARD') continue;
        const score = code.score(this.#compact(bytes, start, at), length, 'plain');
        if (score > 0) found(entity, start, at, score);
      }
    }
  }
}

/** A shape that nothing else has: IBANs are found by their first four characters. */
export const IBAN_SHAPE = 'AA99';

export function raised(score: number): number {
  return Math.min(1, Math.max(CONTEXT_SCORE_MIN, score + CONTEXT_SCORE));
}

const LETTER = 1;
const DIGIT = 2;
const FOREIGN = 3;
const SIGN = 4;
const ODD = 5;

/** Letters, digits, bytes of other scripts, and the signs that other detectors want to know of. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return DIGIT;
  if ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) return LETTER;
  return byte >= 0x80 ? FOREIGN : isSign(byte) ? SIGN : 0;
});

/** The same of a text that nothing was undone in. */
const RAW = CLASS.map((kind, byte) => (isOdd(byte) ? ODD : kind));

/** A letter in upper case, a digit as it is; 0 for what stands between. */
const UPPER = Uint8Array.from({ length: 256 }, (_, byte) => {
  const kind = CLASS[byte];
  return kind === LETTER ? byte & 0xdf : kind === DIGIT || kind === FOREIGN ? byte : 0;
});

/** What may stand between the groups of one code. */
const JOINS = Uint8Array.from({ length: 256 }, (_, byte) => (' -./_+'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** Behind a number that is not at its end yet: of a code, of a telephone, of a day, of a house. */
const GOES_ON = Uint8Array.from({ length: 256 }, (_, byte) => (' -./()_+:'.includes(String.fromCharCode(byte)) ? 1 : 0));

/** Whether a digit comes soon, behind blanks and dots. */
function isBeforeNumber(bytes: Buffer, from: number): boolean {
  for (let at = from; at < from + BEFORE_NUMBER_MAX && at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== SPACE && byte !== DOT) return at > from && CLASS[byte] === DIGIT;
  }
  return false;
}

function isGap(bytes: Buffer, from: number, to: number): boolean {
  if (to - from > GAP_MAX) return false;
  for (let at = from; at < to; at++) if (JOINS[bytes[at] ?? 0] === 0) return false;
  return true;
}

function isInRun(byte: number): boolean {
  const kind = CLASS[byte] ?? 0;
  return kind !== 0 && kind < SIGN;
}

function placeOf(key: number): number {
  return (key ^ (key >>> 15)) & 0xffff;
}

function shapeKey(shape: string): number {
  let mask = 0;
  for (const sign of shape) mask = (mask << 1) | (sign === '9' ? 0 : 1);
  return (1 << shape.length) | mask;
}

/** The most letters that are in groups of their own when the group behind them is digits only. */
function lettersBefore(shape: string, { layouts }: CodeEntity): number {
  const regular = Array.from({ length: shape.length - 1 }, (_, size) => Array(Math.ceil(shape.length / (size + 1))).fill(size + 1));
  let most = 0;
  for (const sizes of [...layouts.map((layout) => layout.split('-').map(Number)), ...regular]) {
    let at = 0;
    for (const size of sizes) {
      if (/^9+$/.test(shape.slice(at, at + size)) && !shape.slice(0, at).includes('9')) most = Math.max(most, at);
      at += size;
    }
  }
  return most;
}

/** `3-2-4` as a number. */
function layoutOf(groups: string): number {
  return groups.split('-').reduceRight((sum, size) => layoutWith(sum, Number(size)), 0);
}

/** One group more, in front of those that are known. */
function layoutWith(layout: number, size: number): number {
  return (Math.imul(layout, LAYOUT_BASE) + size) & 0x3fffffff;
}
