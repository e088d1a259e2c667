import { isStar, type Output, rowOf } from './output.ts';
import type { Treatment } from './patterns.ts';
import { type Reading, takesAway } from './reading.ts';

/**
 * Notes that a query's columns become those of a table, or of a view, which hides them only where they keep a name that is hidden there.
 * @param names of the new columns, where it gives them
 */
export function mustKeepNames(output: Output, table: readonly string[], names: readonly string[], what: string, reading: Reading): void {
  const stars = output.findIndex((part) => 'star' in part);
  for (const [index, part] of output.entries()) {
    if ('star' in part) {
      if (rowOf([part])) reading.deny(takesAway(what));
      continue;
    }
    if (!part.hidden) continue;
    const isShifted = stars >= 0 && index > stars && names.length > 0;
    const name = names[index] ?? part.name;
    if (isShifted || name === undefined || !reading.patterns.of(table, name)) reading.deny(takesAway(what));
  }
}

/** What is inserted, against the columns that it goes to. Without their names they may be any. */
export function mustGoTo(output: Output, names: readonly string[], table: readonly string[], reading: Reading): void {
  const isPlain = names.length > 0 && !output.some(isStar);
  if (!isPlain) {
    if (rowOf(output)) reading.deny(takesAway('INSERT'));
    return;
  }
  for (const [index, part] of output.entries()) mustBeHidden(part.hidden, names[index], table, 'INSERT', reading);
}

/** Notes that a value goes to a column, which must be hidden where the value is. `name` is undefined where it is not known. */
export function mustBeHidden(
  hidden: Treatment | undefined,
  name: string | undefined,
  table: readonly string[],
  what: string,
  reading: Reading,
): void {
  if (hidden && (name === undefined || !reading.patterns.of(table, name))) reading.deny(takesAway(what));
}
