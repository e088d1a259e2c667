import type { Action, Denial } from '@hoop/core/action';
import type { AnswerColumn, AnswerRules } from '@hoop/core/answer';
import { Refusal } from '@hoop/core/errors';
import type { Dialect } from '@hoop/core/protocol';
import { STRATEGIES, type Strategy } from '../strategies.ts';
import { hiderOf } from './hide.ts';
import { ColumnPatterns, type ColumnRule, stricterOf, type Treatment } from './patterns.ts';

/** What masked columns mean for one action. */
export interface ColumnJudgement {
  /** It would take values away from the name that they are hidden by. */
  readonly denial?: Denial;
  readonly answer?: Pick<AnswerRules, 'hides' | 'hushes'>;
}

/** Which columns of answers are hidden, in one session: it remembers what was prepared and declared by name. */
export interface ColumnMasks {
  judge(action: Action): ColumnJudgement | Promise<ColumnJudgement>;
}

/** What a masking rule says that is about columns. */
interface ColumnText {
  readonly columns?: readonly string[] | undefined;
  readonly strategy?: Strategy | undefined;
  readonly keep?: number | undefined;
}

const KEEP_DEFAULT = 4;
const KEEP_MAX = 8;

/** Of some masking rules what they say about columns. @throws Refusal `invalid_rule` */
export function columnRulesOf(masks: readonly ColumnText[]): readonly ColumnRule[] {
  return masks.flatMap(({ columns = [], strategy = 'redact', keep = KEEP_DEFAULT }) => {
    if (columns.length === 0) return [];
    if (!STRATEGIES.includes(strategy)) {
      throw new Refusal('invalid_rule', `Values cannot be masked by ${String(strategy)}; use one of ${STRATEGIES.join(', ')}`);
    }
    if (!Number.isInteger(keep) || keep < 0 || keep > KEEP_MAX) {
      throw new Refusal('invalid_rule', `A partial mask shows between 0 and ${KEEP_MAX} characters`);
    }
    return [{ columns, strategy, keep }];
  });
}

/**
 * @param dialect of the statements; undefined where they are not SQL: then columns are known by their names alone
 * @throws Refusal `invalid_rule`
 */
export function compileColumnMasks(rules: readonly ColumnRule[], _dialect: Dialect | undefined): ColumnMasks {
  const patterns = new ColumnPatterns(rules);
  const judgement: ColumnJudgement = { answer: { hides: (columns) => hidersOf(byName(patterns, columns)) } };
  return { judge: () => judgement };
}

function byName(patterns: ColumnPatterns, columns: readonly AnswerColumn[] | number): readonly (Treatment | undefined)[] {
  if (typeof columns === 'number') return Array.from({ length: columns }, () => patterns.strictest);
  return columns.map(({ name, origin }) => {
    const table = [origin?.schema, origin?.table].filter((part) => part !== undefined);
    return stricterOf(patterns.ofName(name), origin && patterns.of(table, origin.column));
  });
}

/** Undefined when nothing is hidden. */
export function hidersOf(treatments: readonly (Treatment | undefined)[]): ReturnType<NonNullable<AnswerRules['hides']>> {
  if (treatments.every((treatment) => treatment === undefined)) return undefined;
  return treatments.map((treatment) => treatment && hiderOf(treatment));
}
