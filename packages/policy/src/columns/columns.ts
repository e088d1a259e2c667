import type { AnswerColumn } from '@hoop/core/answer';
import { fitsCount, isStar, type Output, treatmentsOf } from './output.ts';
import { type ColumnPatterns, stricterOf, type Treatment } from './patterns.ts';

/** What is known of the columns of a text's answers. */
export interface Columns {
  /** Of the results that it may have; undefined when nothing is known. */
  readonly outputs: readonly Output[] | undefined;
  /** Why it must not run. */
  readonly denial: string | undefined;
  /** It reads hidden values, so that an error may quote one. */
  readonly touches: boolean;
  /** It depends on what the session prepared before. */
  readonly usesNames: boolean;
  /** Names of columns are the same in letters of any size. */
  readonly folds?: boolean;
}

/** How each column of a result is hidden. What cannot be told is hidden. */
export function treatmentsFor(
  { outputs, folds }: Pick<Columns, 'outputs' | 'folds'>,
  given: readonly AnswerColumn[] | number,
  patterns: ColumnPatterns,
): readonly (Treatment | undefined)[] {
  const columns = folds && typeof given !== 'number' ? given.map((column) => ({ ...column, name: column.name.toLowerCase() })) : given;
  const count = typeof columns === 'number' ? columns : columns.length;
  const fitting = (outputs ?? []).filter((output) => fitsCount(output, count));
  if (fitting.length === 0) return Array.from({ length: count }, () => patterns.strictest);
  // Of what was prepared under one name, or stands in one text, names say which it is.
  const named = fitting.length === 1 || typeof columns === 'number' ? [] : fitting.filter((output) => fitsNames(output, columns));
  const candidates = (named.length === 0 ? fitting : named).map((output) => treatmentsOf(output, columns, patterns.strictest));
  return Array.from({ length: count }, (_, index) => {
    const hidden = candidates.reduce<Treatment | undefined>((most, each) => stricterOf(most, each[index]), undefined);
    return typeof columns === 'number' ? hidden : stricterOf(hidden, described(columns[index], patterns));
  });
}

function described(column: AnswerColumn | undefined, patterns: ColumnPatterns): Treatment | undefined {
  if (!column) return patterns.strictest;
  const { name, origin } = column;
  if (!origin) return patterns.ofName(name);
  const table = origin.schema === undefined ? [origin.table] : [origin.schema, origin.table];
  return stricterOf(patterns.ofName(name), patterns.of(table, origin.column));
}

function fitsNames(output: Output, columns: readonly AnswerColumn[]): boolean {
  const first = output.findIndex(isStar);
  const before = first < 0 ? output : output.slice(0, first);
  return before.every((part, index) => isStar(part) || part.name === undefined || part.name === columns[index]?.name);
}
