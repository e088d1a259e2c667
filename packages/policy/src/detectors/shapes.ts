import { type ContextWords, contextOf } from './context.ts';
import type { CodeEntity } from './detector.ts';

/** A code has at most this many characters: an IBAN. */
export const CODE_CHARACTERS_MAX = 34;
/** A shape with more letters and digits than this does not fit into a number. */
const SHAPE_CHARACTERS_MAX = 30;
/** What a word that stands before it adds to a score, as far as `CONTEXT_SCORE_MIN` at least. */
const CONTEXT_SCORE = 0.35;
const CONTEXT_SCORE_MIN = 0.4;
/** A score that is not below can do without words before it. */
export const SURE_SCORE = CONTEXT_SCORE_MIN + CONTEXT_SCORE;
/** One more than the longest group: different layouts of up to five groups are different numbers, and of more nearly always. */
const LAYOUT_BASE = 37;
/** A node of the tree of layouts has a place for each size of a group; at the place of none it says whether a layout is whole. */
const SIZES = CODE_CHARACTERS_MAX + 1;

/** A score with a word before it that says what it is. */
export function raised(score: number): number {
  return Math.min(1, Math.max(CONTEXT_SCORE_MIN, score + CONTEXT_SCORE));
}

/** A code that is looked for. */
export interface Wanted {
  readonly entity: string;
  readonly code: CodeEntity;
  readonly layouts: ReadonlySet<number>;
  readonly context: ContextWords;
  /** What is found with less is nothing. */
  readonly threshold: number;
}

/** The codes of one shape, by how they may be divided. */
export interface Shaped {
  readonly all: Wanted[];
  /** Those that may be written in groups of one size that nobody has listed. */
  readonly regular: Wanted[];
  readonly byLayout: Map<number, Wanted[]>;
  /** Of the regular ones, those that are not among `byLayout`. */
  readonly othersByLayout: Map<number, Wanted[]>;
}

/** What codes that are looked for look like. */
export class Shapes {
  readonly #byShape = new Map<number, Shaped>();
  /** Those without a letter, by their length. */
  readonly #ofDigits: (Shaped | undefined)[] = Array.from({ length: SHAPE_CHARACTERS_MAX + 1 });
  /** A bit for each of 65536 places that a shape can have: most sequences of a text have the shape of no code. */
  readonly #maybe = new Int32Array(2_048);
  /** The same for the ends of those that may be in groups of one size. */
  readonly #ends = new Int32Array(2_048);
  /** The layouts of all codes from their last group to their first, as a tree; see `next`. */
  readonly #tree: number[] = Array(SIZES).fill(0);
  /** A bit for each length. */
  lengths = 0;
  /** The same of those that may be in groups of one size that nobody has listed. */
  regularLengths = 0;
  regularMax = 0;
  lengthMax = 0;
  /** No code has fewer. */
  digitsMin = CODE_CHARACTERS_MAX;
  /** So many letters at most stand in groups of their own before the first group of digits. */
  lettersMax = 0;
  /** The shortest code that is digits only. */
  plainMin = CODE_CHARACTERS_MAX;
  /** The fewest digits at the end of a code that has letters, and nothing else, in groups before them. */
  tailMin = CODE_CHARACTERS_MAX;

  /** @param thresholds the least score by entity */
  constructor(codes: readonly CodeEntity[], thresholds: ReadonlyMap<string, number>) {
    if (codes.some(({ entity }) => entity === 'IBAN_CODE')) {
      this.lengthMax = CODE_CHARACTERS_MAX;
      this.digitsMin = 2;
    }
    for (const code of codes) {
      const layouts = new Set(code.layouts.map(layoutOf));
      for (const layout of code.layouts) this.#grow(layout.split('-').map(Number));
      const threshold = thresholds.get(code.entity) ?? 0;
      this.#add({ entity: code.entity, code, layouts, context: contextOf(code.context), threshold });
    }
  }

  #add(wanted: Wanted): void {
    for (const shape of new Set(wanted.code.shapes)) {
      const key = shapeKey(shape);
      const shaped: Shaped = this.#byShape.get(key) ?? { all: [], regular: [], byLayout: new Map(), othersByLayout: new Map() };
      this.#byShape.set(key, shaped);
      if (key === 1 << shape.length) this.#ofDigits[shape.length] = shaped;
      shaped.all.push(wanted);
      if (isRegular(wanted.code, shape.length)) {
        shaped.regular.push(wanted);
        this.regularLengths |= 1 << shape.length;
        for (let at = 0; at < shape.length; at++) addTo(this.#ends, placeOf(shapeKey(shape.slice(at))));
        this.regularMax = Math.max(this.regularMax, shape.length);
      }
      for (const layout of wanted.layouts) shaped.byLayout.set(layout, [...(shaped.byLayout.get(layout) ?? []), wanted]);
      for (const [layout, listed] of shaped.byLayout)
        shaped.othersByLayout.set(
          layout,
          shaped.regular.filter((each) => !listed.includes(each)),
        );
      addTo(this.#maybe, placeOf(key));
      this.lengths |= 1 << shape.length;
      this.lengthMax = Math.max(this.lengthMax, shape.length);
      this.lettersMax = Math.max(this.lettersMax, lettersBefore(shape, wanted.code));
      // Of an IBAN only the beginning is a shape, and that is one group.
      const isWhole = wanted.entity !== 'IBAN_CODE';
      if (isWhole && /^A+9+$/.test(shape)) this.tailMin = Math.min(this.tailMin, shape.split('9').length - 1);
      if (!shape.includes('A')) this.plainMin = Math.min(this.plainMin, shape.length);
      this.digitsMin = Math.min(this.digitsMin, shape.split('9').length - 1);
    }
  }

  /** A layout more. */
  #grow(sizes: readonly number[]): void {
    let node = 0;
    for (const size of sizes.toReversed()) {
      const place = node + size;
      let next = this.#tree[place] ?? 0;
      if (next === 0) {
        next = this.#tree.length;
        this.#tree[place] = next;
        for (let index = 0; index < SIZES; index++) this.#tree.push(0);
      }
      node = next;
    }
    this.#tree[node] = 1;
  }

  /** A node further for one group more in front; 0 when no code has such groups at its end. @param node 0 for the last group of all */
  next(node: number, size: number): number {
    return this.#tree[node + size] ?? 0;
  }

  /** Whether a code may be divided like this. */
  isLayout(node: number): boolean {
    return node > 0 && this.#tree[node] === 1;
  }

  /** The codes that have this shape: a bit for its length, and one for each letter below it. */
  get(length: number, letters: number): Shaped | undefined {
    if (length > SHAPE_CHARACTERS_MAX || (this.lengths & (1 << length)) === 0) return undefined;
    if (letters === 0) return this.#ofDigits[length];
    const key = (1 << length) | letters;
    return isAmong(this.#maybe, placeOf(key)) ? this.#byShape.get(key) : undefined;
  }

  /** Whether a code that may be in groups of one size can end like this; false is certain. */
  mayEnd(length: number, letters: number): boolean {
    return isAmong(this.#ends, placeOf((1 << length) | letters));
  }
}

function addTo(places: Int32Array, place: number): void {
  places[place >>> 5] = (places[place >>> 5] ?? 0) | (1 << (place & 31));
}

function isAmong(places: Int32Array, place: number): boolean {
  return ((places[place >>> 5] ?? 0) & (1 << (place & 31))) !== 0;
}

function isRegular({ isNeverRegular, regularLengths }: CodeEntity, length: number): boolean {
  return isNeverRegular !== true && (regularLengths?.includes(length) ?? true);
}

function placeOf(key: number): number {
  return (key ^ (key >>> 15)) & 0xffff;
}

/** A shape as a number. */
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
export function layoutWith(layout: number, size: number): number {
  return (Math.imul(layout, LAYOUT_BASE) + size) & 0x3fffffff;
}
