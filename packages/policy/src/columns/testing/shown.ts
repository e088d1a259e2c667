import assert from 'node:assert/strict';
import type { AnswerRules } from '@hoop/core/answer';
import type { Dialect } from '@hoop/core/protocol';
import { type ColumnJudgement, type ColumnMasks, columnRulesOf, compileColumnMasks } from '../masks.ts';

/** Hidden by name in every table; in one table; in one table of one schema. */
const RULES = [{ columns: ['*email*', 'users.phone', 'hr.people.salary'] }];

export function masks(dialect: Dialect = 'postgres'): ColumnMasks {
  return compileColumnMasks(columnRulesOf(RULES), dialect);
}

/** What one statement of a session is told. */
export async function judged(text: string, session = masks(), via = 'query'): Promise<ColumnJudgement> {
  return await session.judge({ seq: 1, text, via });
}

/** Which of the columns that an answer has are hidden: `x` or `-` for each. */
export function shown(answer: Pick<AnswerRules, 'hides'> | undefined, names: readonly string[] | number): string {
  const columns = typeof names === 'number' ? names : names.map((name) => ({ name }));
  const hides = answer?.hides?.(columns) ?? Array.from({ length: typeof names === 'number' ? names : names.length }, () => undefined);
  return hides.map((hide) => (hide ? 'x' : '-')).join('');
}

/** Cases of `statement | names of its columns, or how many | which are hidden`. */
export async function check(cases: readonly string[], dialect: Dialect = 'postgres'): Promise<void> {
  for (const each of cases) {
    const [text = '', described = '', expected = ''] = each.split(' | ').map((part) => part.trim());
    const names = /^\d+$/.test(described) ? Number(described) : described.split(/\s+/);
    const { answer, denial } = await judged(text, masks(dialect));
    assert.equal(denial?.message ?? shown(answer, names), expected, each);
  }
}
