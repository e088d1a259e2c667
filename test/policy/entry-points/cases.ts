import type { GuardrailRule } from '@hoop/contract/tunnel';
import type { Protocol } from '@hoop/core/protocol';
import type { EntryColumn } from './entry.ts';

/** A rule as its author writes it. */
export type WrittenRule = Partial<GuardrailRule> & Pick<GuardrailRule, 'type'>;

/** One rule, a text that it finds and one that it does not. */
export interface Case {
  readonly name: string;
  readonly rule: WrittenRule;
  /** About answers: its words come when the answer does, and what judges texts knows nothing of them. */
  readonly isOutput?: boolean;
  readonly finds: string;
  /** A rule that holds for nobody, or not now, finds nothing. */
  readonly findsNothing?: boolean;
  readonly passes: string;
}

const FORBIDDEN = 'forbidden-word';
const HOUR_MS = 3_600_000;

/** The hours around a time, in UTC. */
function hours(from_ms: number, to_ms: number) {
  const at = (ms: number): string => new Date(Date.now() + ms).toISOString().slice(11, 16);
  return { from: at(from_ms), to: at(to_ms), time_zone: 'UTC' };
}

/** Rules that every protocol with actions keeps. */
export function casesOf({ texts, cases }: Pick<EntryColumn, 'texts' | 'cases'>): readonly Case[] {
  const found = { finds: texts.answer(FORBIDDEN), passes: texts.answer('fine') };
  const words: WrittenRule = { type: 'deny_words_list', words: [FORBIDDEN] };
  const [only, except] = [['admin'], ['admin']];
  const rule = (name: string, more: Partial<WrittenRule>, findsNothing = false): Case => ({
    name,
    rule: { ...words, ...more },
    findsNothing,
    ...found,
  });
  return [
    rule('deny_words_list', {}),
    rule('pattern_match', { type: 'pattern_match', words: [], pattern_regex: 'forbidden-\\w+' }),
    rule('a message of its own', { message: 'Ask the data team' }),
    rule('action warn', { action: 'warn' }),
    rule('action log', { action: 'log' }),
    rule('action require_approval', { action: 'require_approval' }),
    rule('groups that the user is in', { groups: { only } }),
    rule('groups that the user is excepted by', { groups: { except } }, true),
    rule('a time window that is open', { time_window: hours(-HOUR_MS, HOUR_MS) }),
    rule('a time window that is closed', { time_window: hours(2 * HOUR_MS, 3 * HOUR_MS) }, true),
    ...cases,
    { name: 'row_limit', rule: { type: 'row_limit', rows_max: 3 }, isOutput: true, finds: texts.rows(5), passes: texts.rows(3) },
  ];
}

/** A rule on output. */
export function outputCaseOf({ texts }: Pick<EntryColumn, 'texts'>): Case {
  const rule: WrittenRule = { type: 'deny_words_list', words: [FORBIDDEN] };
  return { name: 'deny_words_list on output', rule, isOutput: true, finds: texts.answer(FORBIDDEN), passes: texts.answer('fine') };
}

/** Rules about SQL, in words that every dialect here has. */
export const SQL_CASES: readonly Case[] = [
  {
    name: 'operation delete_without_where',
    rule: { type: 'operation', operations: ['delete_without_where'] },
    finds: 'delete from numbers where 1 = 1',
    passes: 'delete from numbers where number = -4',
  },
  {
    name: 'operation drop',
    rule: { type: 'operation', operations: ['drop'] },
    finds: 'drop table numbers_that_are_not_there',
    passes: 'select 1 as one',
  },
  {
    name: 'table',
    rule: { type: 'table', tables: ['marks'] },
    finds: 'select word from marks',
    passes: 'select number from numbers where number < 0',
  },
  {
    name: 'table, written to',
    rule: { type: 'table', tables: ['marks'], access: 'write' },
    finds: 'delete from marks where word is null',
    passes: 'select word from marks',
  },
  {
    name: 'function',
    rule: { type: 'function', functions: ['low*'] },
    finds: "select lower('A') as word",
    passes: "select upper('a') as word",
  },
];

export const COMMAND_CASE: Case = {
  name: 'command',
  rule: { type: 'command', commands: ['cat /etc/*'] },
  finds: 'cat /etc/hostname',
  passes: 'echo cat',
};

export const REQUEST_CASE: Case = {
  name: 'request',
  rule: { type: 'request', methods: ['GET'], paths: ['/rows/5/**'] },
  finds: 'GET /rows/5/2',
  passes: 'GET /rows/2/2',
};

/** Rules of the types that a protocol cannot keep: it has no word of its own to find with them. */
export function strangeRules({
  dialect,
  name,
  abilities: { answers },
}: Protocol): readonly { readonly side: 'input' | 'output'; readonly rule: WrittenRule }[] {
  const strange: { side: 'input' | 'output'; rule: WrittenRule }[] = [];
  if (dialect === undefined) for (const { rule } of SQL_CASES) strange.push({ side: 'input', rule });
  if (name !== 'ssh' && name !== 'terminal') strange.push({ side: 'input', rule: COMMAND_CASE.rule });
  if (name !== 'http') strange.push({ side: 'input', rule: REQUEST_CASE.rule });
  if (!answers.includes('rows')) strange.push({ side: 'input', rule: { type: 'row_limit', rows_max: 3 } });
  if (!answers.includes('forbids')) strange.push({ side: 'output', rule: { type: 'deny_words_list', words: [FORBIDDEN] } });
  return strange;
}
