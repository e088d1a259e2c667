import type { AnswerColumn } from '@hoop/core/answer';
import { stricterOf, type Treatment } from './patterns.ts';

/** One column of a query. */
export interface Item {
  /** What it is called; undefined where that is not known, so that it may be anything. */
  readonly name?: string | undefined;
  /** How it has to be hidden; undefined when nothing hidden is in it. */
  readonly hidden?: Treatment | undefined;
}

/** `*`: which columns it stands for only the server knows. */
export interface Star {
  readonly star: readonly Source[];
  /** What all of them have in them beside that. */
  readonly hidden?: Treatment | undefined;
}

/** The columns of a query, in their order. */
export type Output = readonly (Item | Star)[];

/** What rows come from: a table, a query, a function. */
export interface Source {
  /** How its column of this name is hidden. */
  column(name: string): Treatment | undefined;
  /** Whether it has such a column; undefined when that cannot be known. */
  has(name: string): boolean | undefined;
  /** What a whole row of it may have in it. */
  row(): Treatment | undefined;
  /** Its name, where it is a table as a statement says it. */
  readonly table?: readonly string[];
}

export function isStar(part: Item | Star): part is Star {
  return 'star' in part;
}

/** What any of its columns may have in it. */
export function rowOf(output: Output): Treatment | undefined {
  return output.reduce<Treatment | undefined>(
    (most, part) =>
      isStar(part)
        ? part.star.reduce((all, source) => stricterOf(all, source.row()), stricterOf(most, part.hidden))
        : stricterOf(most, part.hidden),
    undefined,
  );
}

/** A query where rows are taken from, perhaps with names of its own for its first columns. */
export class QuerySource implements Source {
  readonly #output: Output;
  readonly #row: Treatment | undefined;

  constructor(output: Output, names: readonly string[] = []) {
    this.#row = rowOf(output);
    this.#output = renamed(output, names, this.#row);
  }

  column(name: string): Treatment | undefined {
    return this.#output.reduce<Treatment | undefined>((most, part) => {
      if (isStar(part)) return part.star.reduce((all, source) => stricterOf(all, source.column(name)), stricterOf(most, part.hidden));
      return part.name === undefined || part.name === name ? stricterOf(most, part.hidden) : most;
    }, undefined);
  }

  has(name: string): boolean | undefined {
    let known: boolean | undefined = false;
    for (const part of this.#output) {
      if (!isStar(part) && part.name === name) return true;
      if (isStar(part) ? part.star.some((source) => source.has(name) !== false) : part.name === undefined) known = undefined;
    }
    return known;
  }

  row(): Treatment | undefined {
    return this.#row;
  }
}

/** Rows of which nothing is known but what they may have in them. */
export function opaque(hidden: Treatment | undefined): Source {
  return { column: () => hidden, has: () => undefined, row: () => hidden };
}

/** Where a star stands among the columns that get new names, it cannot be said which one gets which. */
function renamed(output: Output, names: readonly string[], row: Treatment | undefined): Output {
  if (names.length === 0) return output;
  const first = output.slice(0, names.length);
  if (first.some(isStar)) return [...names.map((name) => ({ name, hidden: row })), { star: [opaque(row)] }];
  return output.map((part, index) => ({ ...part, name: names[index] ?? (isStar(part) ? undefined : part.name) }) as Item | Star);
}

/** The columns of two queries on top of each other, with the names of the first. */
export function union(upper: Output, lower: Output): Output {
  if (upper.length === lower.length && !upper.some(isStar) && !lower.some(isStar)) {
    return upper.map((part, index) => ({ ...part, hidden: stricterOf(part.hidden, lower[index]?.hidden) }));
  }
  // Which column lies on which is not known.
  const below = rowOf(lower);
  return upper.map((part) => ({ ...part, hidden: stricterOf(part.hidden, below) }));
}

/** Whether an answer with so many columns can be this one. */
export function fitsCount(output: Output, count: number): boolean {
  return output.some(isStar) ? output.length - output.filter(isStar).length <= count : output.length === count;
}

/** How each of the columns of an answer is hidden. It must fit them. */
export function treatmentsOf(
  output: Output,
  columns: readonly AnswerColumn[] | number,
  strictest: Treatment,
): readonly (Treatment | undefined)[] {
  const count = typeof columns === 'number' ? columns : columns.length;
  const first = output.findIndex(isStar);
  if (first < 0) return output.map(({ hidden }) => hidden);
  const last = output.findLastIndex(isStar);
  const behind = output.length - 1 - last;
  const middle = output.slice(first, last + 1);
  return Array.from({ length: count }, (_, index) => {
    if (index < first) return output[index]?.hidden;
    if (index >= count - behind) return output[output.length - (count - index)]?.hidden;
    return typeof columns === 'number' ? rowOf(middle) : inMiddle(middle, columns[index]?.name ?? '', strictest);
  });
}

/** Between two stars, or in one, there is only the name to go by. */
function inMiddle(middle: Output, name: string, strictest: Treatment): Treatment | undefined {
  const source = new QuerySource(middle);
  return source.has(name) === false ? strictest : source.column(name);
}
