import type { AnswerRules, HideValue } from '@hoop/core/answer';
import type { Statement } from './books.ts';
import type { Columns } from './columns.ts';
import { decodeError, errorPayload } from './messages/result.ts';

/**
 * Which columns of a result are hidden whole, by one description of them or another.
 * @param hasTouched a statement of this session read hidden values: warnings of the server may be about them
 */
export function hidesOf(rules: AnswerRules | undefined, columns: Columns, statement: Statement | undefined, hasTouched: boolean): Hides {
  if (!rules?.hides && !hasTouched) return undefined;
  const { described } = columns;
  const hides = rules?.hides?.(described);
  if (hasTouched && described.map(({ name }) => name).join() === WARNINGS) return [hides?.[0], hides?.[1], hides?.[2] ?? hush];
  if (statement?.prepared.count !== columns.count) return hides;
  const before = rules?.hides?.(statement.prepared.described);
  return before ? before.map((hide, index) => hide ?? hides?.[index]) : hides;
}

/** By position. */
export type Hides = readonly (HideValue | undefined)[] | undefined;

/** Columns of SHOW WARNINGS and SHOW ERRORS: what the server said about values of the statement before. */
const WARNINGS = 'Level,Code,Message';

const hush: HideValue = () => Buffer.from(HUSHED);
const HUSHED = 'The words are hidden, because they may quote a hidden column';

/**
 * An error without its words, where they may quote a value: wherever the server speaks of more than the statement itself. What it says of a
 * statement's own words (class 42) is shown, unless it was made at the target, of data.
 */
export function hushedError(payload: Buffer, statement: string): Buffer {
  const { code, sqlstate } = decodeError(payload);
  const speaksOfStatement = sqlstate.startsWith('42') && !/\b(?:prepare|execute|call)\b/i.test(statement);
  if (speaksOfStatement || WITHOUT_VALUES.has(code)) return payload;
  return errorPayload({ code, sqlstate, message: HUSHED });
}

/** Interrupted, too slow, locked, shutting down. */
const WITHOUT_VALUES: ReadonlySet<number> = new Set([1317, 1969, 3024, 1205, 1213, 1053, 1927]);
