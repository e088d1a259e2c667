import type { Verdict } from '@hoop/core/action';
import type { Dialect } from '@hoop/core/protocol';
import { type ColumnJudgement, columnRulesOf, compileColumnMasks } from './columns/masks.ts';
import { isStar, type Output, rowOf } from './columns/output.ts';
import { ColumnPatterns, type ColumnRule, stricterOf } from './columns/patterns.ts';
import { compilePolicy, type PolicyContext, type PolicyText } from './rules.ts';
import { analyseShell, type ShellCommand } from './shell/analyse.ts';
import { shownShape } from './shell/shapes.ts';
import { analyse } from './sql/analyse.ts';
import type { Statement } from './sql/facts.ts';
import type { Strategy } from './strategies.ts';

/** What would happen to a text, and why. Nothing is run. */
export interface Explanation {
  readonly verdict: 'allow' | 'block' | 'require_approval' | 'warn' | 'log';
  /** The guardrail that said so; absent when none had anything to say. */
  readonly rule?: string;
  readonly message?: string;
  /** Of SQL: what each statement does. */
  readonly statements: readonly Statement[];
  /** Of a command line: what it runs. */
  readonly commands: readonly Pick<ShellCommand, 'program' | 'args' | 'writes' | 'assigns'>[];
  /** Why it cannot be said for sure what the text does. */
  readonly unclassified?: string;
  /** What would become of its answer; absent when nothing would. */
  readonly answer?: AnswerExplanation;
}

export interface AnswerExplanation {
  /** More rows than this would not be shown. */
  readonly rows_max?: number;
  /** Rules look for what may not be shown at all. */
  readonly forbids?: true;
  /** Nothing is known of its columns: all of them would be hidden. */
  readonly hides_all?: true;
  /** Of each result that it may have. Absent where no rule masks columns. */
  readonly results?: readonly { readonly columns: readonly ColumnExplanation[] }[];
}

/** `name` is empty where only the server knows it. Of `*` those are hidden whose names say so. */
export interface ColumnExplanation {
  readonly name: string;
  readonly hidden: 'no' | 'yes' | 'by_name';
  readonly strategy?: Strategy;
}

export interface Explained extends PolicyContext {
  readonly text: string;
  /** How the gate would meet the text: `query`, `exec`, `request` … */
  readonly via: string;
  /** Of the statements; undefined where they are not SQL. */
  readonly dialect?: Dialect | undefined;
}

/**
 * What these rules say of a text, with the facts that they go by.
 * @throws Refusal `invalid_rule`
 */
export async function explain(policy: PolicyText, { text, via, dialect, ...context }: Explained): Promise<Explanation> {
  const verdict = await compilePolicy(policy, dialect, context).judge({ seq: 1, text, via });
  const facts = { ...(await factsOf(text, via, dialect)), ...(await answerOf(policy, { text, via, dialect }, verdict)) };
  if (verdict.allow === 'hold') return { verdict: 'require_approval', ...verdict.hold, ...facts };
  if (!verdict.allow) return { verdict: 'block', ...verdict.denial, ...facts };
  if (!verdict.matched) return { verdict: 'allow', ...facts };
  return { verdict: verdict.notice === undefined ? 'log' : 'warn', ...verdict.matched, ...facts };
}

async function answerOf(policy: PolicyText, { text, via, dialect }: Explained, verdict: Verdict): Promise<{ answer?: AnswerExplanation }> {
  if (verdict.allow === false) return {};
  const rules = columnRulesOf(policy.masks);
  const columns = rules.length === 0 ? {} : columnsOf(await compileColumnMasks(rules, dialect).judge({ seq: 1, text, via }), rules);
  const answer = {
    ...(verdict.answer?.rows ? { rows_max: verdict.answer.rows.max } : {}),
    ...(verdict.answer?.forbids ? { forbids: true as const } : {}),
    ...columns,
  };
  return Object.keys(answer).length === 0 ? {} : { answer };
}

function columnsOf({ outputs }: ColumnJudgement, rules: readonly ColumnRule[]): Pick<AnswerExplanation, 'hides_all' | 'results'> {
  if (!outputs) return { hides_all: true };
  const patterns = new ColumnPatterns(rules);
  return { results: outputs.map((output) => ({ columns: output.map((part) => columnOf(part, patterns)) })) };
}

function columnOf(part: Output[number], patterns: ColumnPatterns): ColumnExplanation {
  if (isStar(part)) return { name: '*', hidden: rowOf([part]) ? 'by_name' : 'no' };
  const treatment = stricterOf(part.hidden, part.name === undefined ? undefined : patterns.ofName(part.name));
  const name = part.name ?? '';
  return treatment ? { name, hidden: 'yes', strategy: treatment.strategy } : { name, hidden: 'no' };
}

type FactsOf = Pick<Explanation, 'statements' | 'commands' | 'unclassified'>;

async function factsOf(text: string, via: string, dialect: Dialect | undefined): Promise<FactsOf> {
  if (dialect !== undefined) return { commands: [], ...(await analyse(dialect, text)) };
  return via === 'request' ? { statements: [], commands: [] } : { statements: [], ...commandsIn(text) };
}

function commandsIn(text: string): Pick<Explanation, 'commands' | 'unclassified'> {
  const { commands, unclassified } = analyseShell(text);
  const told = commands.map(({ program, args, writes, assigns }) => ({ program, args, writes: writes.map(shownShape), assigns }));
  return unclassified === undefined ? { commands: told } : { commands: told, unclassified };
}
