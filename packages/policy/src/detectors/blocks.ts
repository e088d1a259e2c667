import { hasContext } from './context.ts';
import type { CodeEntity, Found, Layout, WordEntity } from './detector.ts';
import { ibanLength } from './iban.ts';
import { HASH_SEED, hashed, kindsOfHash } from './words.ts';

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
const LAYOUT_BASE = 20;
const ZERO = 0x30;

interface Wanted {
  readonly entity: string;
  readonly code: CodeEntity;
  readonly layouts: ReadonlySet<number>;
  readonly context: ReadonlySet<string>;
}

export type FoundEntity = (entity: string, from: number, to: number, score: number) => void;

/**
 * Looks for all codes and words in one pass: the text is divided into runs of letters and digits, and each sequence of runs that could
 * be one code is looked up by its shape. Linear: a sequence has at most `GROUPS_MAX` runs.
 */
export class Blocks {
  readonly #byShape = new Map<number, Wanted[]>();
  /** Of all codes. */
  readonly #layouts = new Set<number>();
  readonly #words: readonly WordEntity[];
  readonly #wantsWords: boolean;
  /** What each of the words calls, and where what it found last ends. */
  readonly #emits: readonly Found[];
  readonly #until: Int32Array;
  #found: FoundEntity = () => undefined;
  readonly #wantsIban: boolean;
  readonly #wantsBareRuns: boolean;
  readonly #wantsCodes: boolean;
  #lengths = 0;
  #lengthMax = 0;
  #digitsMin = CODE_CHARACTERS_MAX;
  /** The last runs: where they begin and end, which of their characters are letters, how many are digits. */
  readonly #from = new Int32Array(GROUPS_MAX);
  readonly #to = new Int32Array(GROUPS_MAX);
  readonly #mask = new Int32Array(GROUPS_MAX);
  readonly #digits = new Int32Array(GROUPS_MAX);
  #head = 0;
  readonly #code = new Uint8Array(CODE_CHARACTERS_MAX);

  constructor(codes: readonly CodeEntity[], words: readonly WordEntity[]) {
    this.#words = words;
    this.#wantsWords = words.length > 0;
    this.#until = new Int32Array(words.length);
    this.#emits = words.map(({ entity, skips }, index) => (from, to, score) => {
      if (skips) this.#until[index] = to;
      this.#found(entity, from, to, score);
    });
    this.#wantsCodes = codes.length > 0;
    this.#wantsIban = codes.some(({ entity }) => entity === 'IBAN_CODE');
    this.#wantsBareRuns = codes.some(({ entity }) => entity === 'CREDIT_CARD');
    if (this.#wantsIban) {
      this.#lengthMax = CODE_CHARACTERS_MAX;
      this.#digitsMin = 2;
    }
    for (const code of codes) {
      for (const layout of code.layouts) this.#layouts.add(layoutOf(layout));
      const wanted = { entity: code.entity, code, layouts: new Set(code.layouts.map(layoutOf)), context: new Set(code.context) };
      for (const shape of new Set(code.shapes)) {
        const key = shapeKey(shape);
        const there = this.#byShape.get(key);
        if (there) there.push(wanted);
        else this.#byShape.set(key, [wanted]);
        this.#lengths |= 1 << shape.length;
        this.#lengthMax = Math.max(this.#lengthMax, shape.length);
        this.#digitsMin = Math.min(this.#digitsMin, shape.split('9').length - 1);
      }
    }
  }

  find(bytes: Buffer, found: FoundEntity): void {
    const { length } = bytes;
    this.#found = found;
    this.#until.fill(0);
    let chain = 0;
    let before = -1;
    for (let at = 0; at < length; ) {
      let kind = CLASS[bytes[at] ?? 0] ?? 0;
      if (kind === 0) {
        at++;
        continue;
      }
      const from = at;
      let mask = 0;
      let count = 0;
      let foreign = false;
      let hash = HASH_SEED;
      do {
        const byte = bytes[at] ?? 0;
        hash = hashed(hash, byte);
        if (kind === DIGIT) {
          count++;
          mask <<= 1;
        } else {
          mask = (mask << 1) | 1;
          if (kind === FOREIGN) foreign = true;
        }
        kind = ++at < length ? (CLASS[bytes[at] ?? 0] ?? 0) : 0;
      } while (kind !== 0);
      if (this.#wantsWords) this.#word(bytes, from, at, count > 0, hash);
      if (!this.#wantsCodes) continue;
      if (foreign) {
        if (count > 0) this.#between(bytes, from, at, found);
        before = -1;
      } else if (at - from > CODE_CHARACTERS_MAX) before = -1;
      else {
        chain = before >= 0 && isGap(bytes, before, from) ? Math.min(chain + 1, GROUPS_MAX - 1) : 0;
        before = at;
        this.#push(from, at, mask, count);
        if (count > 0 || (chain > 0 && at - from <= 5)) this.#lookBack(bytes, chain, found);
      }
      if (this.#wantsBareRuns && count >= BARE_RUN_MIN && (count < at - from || bytes[from] === ZERO))
        this.#bareRuns(bytes, from, at, found);
    }
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
        this.#push(start, at, mask, count);
        this.#lookBack(bytes, 0, found);
      }
      at = Math.max(at, start + 1);
    }
  }

  #word(bytes: Buffer, from: number, to: number, hasDigit: boolean, hash: number): void {
    const kinds = hasDigit ? 0 : kindsOfHash(hash);
    if (kinds === 0 && !hasDigit && !(bytes[to] === 0x20 && CLASS[bytes[to + 1] ?? 0] === DIGIT)) return;
    for (let index = 0; index < this.#words.length; index++) {
      if (from < (this.#until[index] ?? 0)) continue;
      const word = this.#words[index];
      const emit = this.#emits[index];
      if (!word || !emit) continue;
      if (hasDigit) word.number?.(bytes, from, to, emit);
      else word.block?.(bytes, from, to, kinds, emit);
    }
  }

  /** The last run is always the last in the arrays; they are short. */
  #push(from: number, to: number, mask: number, count: number): void {
    const slot = (this.#head = (this.#head + 1) % GROUPS_MAX);
    this.#from[slot] = from;
    this.#to[slot] = to;
    this.#mask[slot] = mask;
    this.#digits[slot] = count;
  }

  /** Every sequence of runs that ends with the last one. */
  #lookBack(bytes: Buffer, chain: number, found: FoundEntity): void {
    let slot = this.#head;
    const to = this.#to[slot] ?? 0;
    let length = 0;
    let mask = 0;
    let count = 0;
    let layout = 0;
    let unit = 1;
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
      layout = groups <= 11 ? layout + size * unit : -1;
      unit *= LAYOUT_BASE;
      if (groups > 1) smallest = Math.min(smallest, size);
      largest = Math.max(largest, size);
      if (count >= this.#digitsMin) {
        // Digit by digit, a code is alone: otherwise every place in a row of small numbers would be one.
        const regular = groups === 1 || (smallest === largest && last <= largest && (largest > 1 || groups === chain + 1));
        const isLaidOut = regular || this.#layouts.has(layout);
        if (isLaidOut && length <= SHAPE_CHARACTERS_MAX && (this.#lengths & (1 << length)) !== 0) {
          const wanted = this.#byShape.get((1 << length) | mask);
          if (wanted) this.#check(bytes, { from, to, length, groups, layout, regular, wanted }, found);
        }
        if (this.#wantsIban && size >= 4 && length >= 15) this.#checkIban(bytes, from, to, length, found);
      }
      slot = (slot + GROUPS_MAX - 1) % GROUPS_MAX;
    }
  }

  #check(bytes: Buffer, at: Sequence, found: FoundEntity): void {
    const { from, to, length, groups } = at;
    const code = this.#compact(bytes, from, to);
    for (const { entity, code: spec, layouts, context } of at.wanted) {
      let layout: Layout = 'plain';
      if (groups > 1) {
        if (layouts.has(at.layout)) layout = 'listed';
        else if (at.regular) layout = 'regular';
        else continue;
      }
      const score = spec.score(code, length, layout);
      if (score <= 0) continue;
      found(entity, from, to, score < CONTEXT_SCORE_MIN + CONTEXT_SCORE && hasContext(bytes, from, context) ? raised(score) : score);
    }
  }

  #checkIban(bytes: Buffer, from: number, to: number, length: number, found: FoundEntity): void {
    const wanted = ibanLength(bytes, from);
    if (wanted === 0 || wanted !== length) return;
    const [spec] = this.#byShape.get(shapeKey(IBAN_SHAPE)) ?? [];
    const score = spec?.code.score(this.#compact(bytes, from, to), length, 'listed') ?? 0;
    if (score > 0) found('IBAN_CODE', from, to, score);
  }

  /** In upper case, without what stands between. */
  #compact(bytes: Buffer, from: number, to: number): Uint8Array {
    let length = 0;
    for (let at = from; at < to && length < CODE_CHARACTERS_MAX; at++) {
      const byte = bytes[at] ?? 0;
      const kind = CLASS[byte];
      if (kind === 0) continue;
      this.#code[length++] = kind === LETTER ? byte & 0xdf : byte;
    }
    return this.#code;
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
      for (const { entity, code } of this.#byShape.get(1 << length) ?? []) {
        if (entity !== 'CREDIT_CARD') continue;
        const score = code.score(this.#compact(bytes, start, at), length, 'plain');
        if (score > 0) found(entity, start, at, score);
      }
    }
  }
}

interface Sequence {
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly groups: number;
  readonly layout: number;
  readonly regular: boolean;
  readonly wanted: readonly Wanted[];
}

/** A shape that nothing else has: IBANs are found by their first four characters. */
export const IBAN_SHAPE = 'AA99';

export function raised(score: number): number {
  return Math.min(1, Math.max(CONTEXT_SCORE_MIN, score + CONTEXT_SCORE));
}

const LETTER = 1;
const DIGIT = 2;
const FOREIGN = 3;

/** Letters, digits, and bytes of other scripts. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return DIGIT;
  if ((byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)) return LETTER;
  return byte >= 0x80 ? FOREIGN : 0;
});

/** What may stand between the groups of one code. */
const JOINS = Uint8Array.from({ length: 256 }, (_, byte) => (' -./_+'.includes(String.fromCharCode(byte)) ? 1 : 0));

function isGap(bytes: Buffer, from: number, to: number): boolean {
  if (to - from > GAP_MAX) return false;
  for (let at = from; at < to; at++) if (JOINS[bytes[at] ?? 0] === 0) return false;
  return true;
}

function shapeKey(shape: string): number {
  let mask = 0;
  for (const sign of shape) mask = (mask << 1) | (sign === '9' ? 0 : 1);
  return (1 << shape.length) | mask;
}

/** `3-2-4` as a number, the last group in its lowest place. */
function layoutOf(groups: string): number {
  return groups.split('-').reduce((sum, size) => sum * LAYOUT_BASE + Number(size), 0);
}
