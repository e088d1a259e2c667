/**
 * Marks in a word for what it is known to be only when it runs. They are characters of the private use area: whoever types one
 * has it taken for the mark.
 */
export const MARKS = {
  /** A variable of which nothing is known. */
  any: '\ue001',
  /** The output of a command. */
  output: '\ue010',
  /** `*`, which does not go over a slash. */
  star: '\ue002',
  /** `?`, and a set in brackets. */
  one: '\ue003',
  /** Around the name of a variable. */
  variable: '\ue004',
  open: '\ue005',
  comma: '\ue006',
  close: '\ue007',
  ofPattern: { '*': '\ue002', '?': '\ue003', '[': '\ue00e', ']': '\ue00f', '{': '\ue005', '}': '\ue007', '~': '\ue001' } as Readonly<
    Record<string, string>
  >,
} as const;

/** A shape has any of the marks that stand for something unknown. */
const UNKNOWN = /[\ue001-\ue003\ue010]/;

export function variableMark(name: string): string {
  return `${MARKS.variable}${name}${MARKS.variable}`;
}

/** Braces in braces multiply. */
const SPREAD_MAX = 64;
const SPREADS = /[\ue005-\ue007\ue00e\ue00f]/;
/** A longer word with braces or sets in it is any word. */
const WORD_MAX = 1_024;

/** `{a,b}c` as `ac` and `bc`; what is no list stays as it is, and a set in brackets becomes one character. */
export function spread(shape: string): readonly string[] {
  if (!SPREADS.test(shape)) return [shape];
  if (shape.length > WORD_MAX) return [MARKS.any];
  const words: string[] = [];
  const todo = [shape];
  for (let word = todo.shift(); word !== undefined; word = todo.shift()) {
    const list = /\ue005([^\ue005\ue007]*\ue006[^\ue005\ue007]*)\ue007/.exec(word);
    if (!list || words.length + todo.length > SPREAD_MAX) words.push(plain(word));
    else {
      const [before, behind] = [word.slice(0, list.index), word.slice(list.index + list[0].length)];
      todo.unshift(...(list[1] ?? '').split(MARKS.comma).map((each) => `${before}${each}${behind}`));
    }
  }
  return words;
}

function plain(word: string): string {
  return word
    .replace(/\ue00e[^\ue00f]*\ue00f/g, MARKS.one)
    .replaceAll('\ue00e', '[')
    .replaceAll('\ue00f', ']')
    .replaceAll(MARKS.comma, ',')
    .replace(/\ue005\w+\.\.\w+\ue007/g, MARKS.any)
    .replaceAll(MARKS.open, '{')
    .replaceAll(MARKS.close, '}');
}

/** A word with what its variables are known to be. One that is nothing but a variable is cut at blanks, as a shell does it. */
export function filled(shape: string, variables: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const found = /\ue004(\w+)\ue004/.exec(shape);
  if (!found) return [shape];
  if (shape.length > WORD_MAX) return [MARKS.any];
  const values = variables.get(found[1] ?? '') ?? [MARKS.any];
  const [before, behind] = [shape.slice(0, found.index), shape.slice(found.index + found[0].length)];
  const isWhole = before === '' && behind === '';
  return values.flatMap((value) => (isWhole ? value.split(/\s+/) : filled(`${before}${value}${behind}`, variables))).slice(0, SPREAD_MAX);
}

/** Whether nothing is known of a word. */
export function isOpen(shape: string): boolean {
  return /^[\ue001\ue010]+$/.test(shape);
}

/** Whether a word is what a command says, and nothing else. */
export function isOutput(shape: string): boolean {
  return /^\ue010+$/.test(shape);
}

export function isUnknown(shape: string): boolean {
  return UNKNOWN.test(shape);
}

/** For people. */
export function shownShape(shape: string): string {
  return shape
    .replace(/[\ue001\ue010]/g, '…')
    .replaceAll(MARKS.star, '*')
    .replaceAll(MARKS.one, '?');
}

/** Letters and digits of a pattern that a shape has to say itself before it is taken for what the pattern looks for. */
const SAID_MIN = 3;

/** Whether a word of that shape may be one that a pattern with `*` and `?` looks for. */
export function mayMatch(pattern: string, shape: string): boolean {
  const [wanted, given] = [pattern.toLowerCase(), shape.toLowerCase()];
  // Row by row: how much the rest of the shape says of the rest of the pattern, and -1 where it does not fit.
  let below: readonly number[] = Array.from({ length: given.length + 1 }, (_, from) => (isEmpty(given.slice(from)) ? 0 : -1));
  for (let at = wanted.length - 1; at >= 0; at--) {
    const row: number[] = new Array(given.length + 1).fill(-1);
    for (let from = given.length; from >= 0; from--) row[from] = said(wanted[at] ?? '', given[from], row[from + 1] ?? -1, below, from);
    below = row;
  }
  return (below[0] ?? -1) >= SAID_MIN;
}

function said(wanted: string, given: string | undefined, next: number, below: readonly number[], from: number): number {
  const same = below[from] ?? -1;
  const isAny = given === MARKS.any || given === MARKS.output;
  if (wanted === '*') return Math.max(same, next);
  // A mark for any number of characters takes this one, or ends.
  if (isAny || given === MARKS.star) return Math.max(next, isAny || wanted !== '/' ? same : -1);
  const after = below[from + 1] ?? -1;
  if (given === undefined || after < 0) return -1;
  if (wanted === given) return after + (/[\p{L}\p{N}]/u.test(given) ? 1 : 0);
  return given === MARKS.one || wanted === '?' ? after : -1;
}

function isEmpty(rest: string): boolean {
  return /^[\ue001\ue002\ue010]*$/.test(rest);
}
