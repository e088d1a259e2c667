import { type Action, ALLOW, type LaterPart, type Verdict } from '@hoop/core/action';
import type { AnswerAbility, AnswerRules } from '@hoop/core/answer';
import type { CatalogueSource } from '@hoop/core/catalogue';
import type { Mask, Policy } from '@hoop/core/gate';
import type { Dialect } from '@hoop/core/protocol';
import { type ColumnJudgement, type ColumnMasks, columnRulesOf, compileColumnMasks } from './columns/masks.ts';
import { compileMasks, type MaskMode, type MaskText, UNCHECKED } from './masks.ts';
import { plainMysql } from './plain-mysql.ts';
import { plainSql } from './plain-sql.ts';
import type { Remote } from './remote.ts';
import { type AnswerTexts, compileAnswers } from './rules/answers.ts';
import { type CompiledRule, compileRule, type Found, type Reading } from './rules/compile.ts';
import { type Condition, compileCondition } from './rules/conditions.ts';
import type { RuleAction, RuleText } from './rules/rule-text.ts';
import { denialOf, holdWords, matchWords, warning } from './rules/words.ts';
import { analyseShell } from './shell/analyse.ts';
import { classify } from './sql/analyse.ts';
import type { Facts } from './sql/facts.ts';

export { compileRule } from './rules/compile.ts';
export type { RuleText } from './rules/rule-text.ts';

export interface PolicyText {
  readonly revision: number;
  readonly guardrails: readonly { readonly name: string; readonly input: readonly RuleText[]; readonly output: readonly RuleText[] }[];
  readonly masks: readonly MaskText[];
  /** What becomes of what could not be looked at; `strict` where it is not said. */
  readonly mode?: MaskMode | undefined;
}

/** What rules may ask beside the action itself. */
export interface PolicyContext {
  /** Of the user; undefined when nobody said: then a rule that is for some groups holds. */
  readonly groups?: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  now?(): number;
  /** Who is asked about entities that detectors here do not know, where there is somebody. */
  readonly remote?: Remote | undefined;
  /** Who tells what is at the target, for rules that hide columns. Asked by those alone. */
  readonly catalogue?: CatalogueSource | undefined;
}

export interface CompiledPolicy extends Policy {
  /** What a protocol has to keep of answers, sooner or later. */
  readonly needs: readonly AnswerAbility[];
}

/** How a target reads its statements, by the name that its protocol gives to that. */
const READINGS: Readonly<Record<Dialect, (text: string) => readonly string[]>> = {
  postgres: (text) => [plainSql(text)],
  mysql: plainMysql,
  mssql: (text) => [plainSql(text)],
};

interface Rule {
  readonly name: string;
  readonly text: RuleText;
  readonly action: RuleAction;
  readonly compiled: CompiledRule;
  readonly holds: Condition;
}

/**
 * The policy of one connection, compiled once a session. An empty one judges nothing and masks nothing.
 * @param dialect of the statements; undefined where they are not SQL
 * @throws Refusal `invalid_rule`, so that a session never runs with a rule that cannot be kept
 */
export function compilePolicy(text: PolicyText, dialect?: Dialect, context: PolicyContext = {}): CompiledPolicy {
  const input: Rule[] = text.guardrails.flatMap(({ name, input: rules }) => rules.map((rule) => compiled(name, rule, context)));
  const judged = input.filter(({ compiled: { asksFor } }) => asksFor !== 'rows');
  const answers = compileAnswers(text.guardrails, context.groups);
  const columnRules = columnRulesOf(text.masks);
  const columnsContext = { catalogue: context.catalogue, mode: text.mode };
  const columns = columnRules.length === 0 ? undefined : compileColumnMasks(columnRules, dialect, columnsContext);
  const now = context.now ?? Date.now;
  const isEmpty = text.masks.every(({ entities, custom }) => entities.length + (custom?.length ?? 0) === 0);
  const mask: Mask | undefined = isEmpty ? undefined : compileMasks(text.masks, { mode: text.mode, remote: context.remote });
  const judgeActions: Policy['judge'] = judged.length === 0 ? () => ALLOW : (action) => judge(judged, action, dialect, now);
  const texts = judged.filter(({ compiled: { asksFor } }) => asksFor === 'text');
  const needs: readonly AnswerAbility[] = [...answers.needs, ...(columns ? (['hides'] as const) : [])];
  const judgeAll = needs.length === 0 ? judgeActions : answering(judgeActions, answers, columns, now);
  return {
    revision: text.revision,
    mask,
    needs,
    allowsAll: judged.length === 0 && columns === undefined,
    mayHold: judged.some(({ action }) => action === 'require_approval'),
    ...(texts.length === 0 ? {} : { judgeMore: (part: LaterPart) => judgeMore(texts, part, dialect, now()) }),
    judge: mask && dialect === 'postgres' ? copying(judgeAll, text.mode) : judgeAll,
  };
}

const COPY = /copy/i;

const UNTYPED: NonNullable<AnswerRules['untyped']> = {
  rule: 'data masking',
  message:
    'COPY in the binary format does not tell what its values are, so that sensitive ones cannot be found. Copy in the text format, or as CSV',
};

/** The same verdicts; what may be copied out in a format without types is not shown where a mask has to be sure. */
function copying(judgeAll: Policy['judge'], mode: MaskMode | undefined): Policy['judge'] {
  const untyped = mode === 'best-effort' ? { countedAs: UNCHECKED } : UNTYPED;
  const withUntyped = (verdict: Verdict): Verdict =>
    verdict.allow === false ? verdict : { ...verdict, answer: { ...verdict.answer, untyped } };
  return (action) => {
    const verdict = judgeAll(action);
    if (!COPY.test(action.text)) return verdict;
    return verdict instanceof Promise ? verdict.then(withUntyped) : withUntyped(verdict);
  };
}

/** The same verdicts, with what must become of the answers. */
function answering(
  judgeActions: Policy['judge'],
  texts: AnswerTexts,
  columns: ColumnMasks | undefined,
  now: () => number,
): Policy['judge'] {
  return (action) => {
    const verdict = judgeActions(action);
    const judgement = columns?.judge(action);
    const answer = texts.at(now());
    if (verdict instanceof Promise || judgement instanceof Promise)
      return Promise.all([verdict, judgement]).then(([given, known]) => withAnswer(given, known, answer));
    return withAnswer(verdict, judgement, answer);
  };
}

function withAnswer(verdict: Verdict, columns: ColumnJudgement | undefined, texts: AnswerRules | undefined): Verdict {
  if (verdict.allow === false) return verdict;
  if (columns?.denial) return { allow: false, denial: columns.denial };
  const answer = columns?.answer && texts ? { ...texts, ...columns.answer } : (columns?.answer ?? texts);
  const noted = verdict.allow === true && columns?.matched ? { matched: columns.matched, ...verdict } : verdict;
  return answer ? { ...noted, answer } : noted;
}

function compiled(name: string, text: RuleText, { groups }: PolicyContext): Rule {
  return { name, text, action: text.action ?? 'block', compiled: compileRule(text), holds: compileCondition(text, groups) };
}

function judge(rules: readonly Rule[], action: Action, dialect: Dialect | undefined, now: () => number): Verdict | Promise<Verdict> {
  const at = now();
  const active = rules.filter(({ holds }) => holds(at));
  if (active.length === 0) return ALLOW;
  if (action.via === 'function' && action.text.includes(' oid ')) {
    return {
      allow: false,
      denial: { rule: 'unclassified', message: `${action.text} cannot be checked against the rules of this connection` },
    };
  }
  const needsFacts = dialect !== undefined && active.some(({ compiled: { asksFor } }) => asksFor === 'statements');
  const facts = needsFacts ? factsOf(action, dialect) : undefined;
  if (facts instanceof Promise) return facts.then((known) => verdictOf(active, readingOf(action, dialect, known)));
  return verdictOf(active, readingOf(action, dialect, facts));
}

const FUNCTION_CALL = 'FUNCTION CALL ';

/** PostgreSQL's message for calling a function is told as text that is no SQL. */
function factsOf(action: Action, dialect: Dialect): Facts | Promise<Facts> {
  if (action.via !== 'function' || !action.text.startsWith(FUNCTION_CALL)) return classify(dialect, action.text);
  const { text } = action;
  return { statements: [{ operation: 'select', effects: ['select'], tables: [], functions: [text.slice(FUNCTION_CALL.length)], text }] };
}

function readingOf(action: Action, dialect: Dialect | undefined, facts: Facts | undefined): Reading {
  let plain: readonly string[] | undefined;
  let commands: ReturnType<typeof analyseShell> | undefined;
  return {
    action,
    facts,
    plain: () => (plain ??= READINGS[dialect ?? 'postgres'](action.text)),
    commands: () => (commands ??= analyseShell(action.text)),
  };
}

/** What the rules find in a piece of an action that goes on; of those that do not forbid it, only what was not found before. */
function judgeMore(rules: readonly Rule[], { via, head, before, text }: LaterPart, dialect: Dialect | undefined, at: number): Verdict {
  const reading = (read: string): Reading => readingOf({ seq: 0, text: read, via }, dialect, undefined);
  const whole = reading(`${head}${before}${text}`);
  const finds = ({ compiled }: Rule, read: string): boolean => compiled.match(reading(read)) !== undefined;
  const isNew = (rule: Rule): boolean => !finds(rule, `${head}${before}`) || (finds(rule, `${head}${text}`) && !finds(rule, head));
  const found = rules.filter((rule) => rule.holds(at) && rule.compiled.match(whole) && (rule.action === 'block' || isNew(rule)));
  return found.length === 0 ? ALLOW : verdictOf(found, whole);
}

const STRICTNESS: Readonly<Record<RuleAction, number>> = { log: 1, warn: 2, require_approval: 3, block: 4 };

/** The strictest of the rules that found something; the first one of them. */
function verdictOf(rules: readonly Rule[], reading: Reading): Verdict {
  let strictest: { readonly rule: Rule; readonly found: Found } | undefined;
  for (const rule of rules) {
    if (strictest && STRICTNESS[rule.action] <= STRICTNESS[strictest.rule.action]) continue;
    const found = rule.compiled.match(reading);
    if (!found) continue;
    if (rule.action === 'block') return { allow: false, denial: denialOf(rule, found) };
    strictest = { rule, found };
  }
  if (!strictest) return ALLOW;
  const { rule, found } = strictest;
  if (rule.action === 'require_approval') return { allow: 'hold', hold: { rule: rule.name, message: holdWords(rule, found) } };
  const matched = { rule: rule.name, message: matchWords(rule, found) };
  return rule.action === 'warn' ? { allow: true, notice: warning(rule, found), matched } : { allow: true, matched };
}
