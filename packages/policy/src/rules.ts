import { type Action, ALLOW, type Denial, type Verdict } from '@hoop/core/action';
import type { Mask, Policy } from '@hoop/core/gate';
import type { Dialect } from '@hoop/core/protocol';
import { compileMasks, type MaskText } from './masks.ts';
import { plainMysql } from './plain-mysql.ts';
import { plainSql } from './plain-sql.ts';
import { type CompiledRule, compileRule, type Found, type Reading } from './rules/compile.ts';
import { type Condition, compileCondition } from './rules/conditions.ts';
import type { RuleAction, RuleText } from './rules/rule-text.ts';
import { analyseShell } from './shell/analyse.ts';
import { classify } from './sql/analyse.ts';
import type { Facts } from './sql/facts.ts';

export { compileRule } from './rules/compile.ts';
export type { RuleText } from './rules/rule-text.ts';

export interface PolicyText {
  readonly revision: number;
  readonly guardrails: readonly { readonly name: string; readonly input: readonly RuleText[]; readonly output: readonly RuleText[] }[];
  readonly masks: readonly MaskText[];
}

/** What rules may ask beside the action itself. */
export interface PolicyContext {
  /** Of the user; undefined when nobody said: then a rule that is for some groups holds. */
  readonly groups?: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  now?(): number;
}

/** How many rows an answer may have. */
export interface RowLimit {
  readonly rows: number;
  /** For the user, once there are more. */
  readonly denial: Denial;
}

export interface CompiledPolicy extends Policy {
  /** The narrowest limit that holds now. */
  rowLimit(): RowLimit | undefined;
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
  const limits = input.filter(({ compiled: { asksFor } }) => asksFor === 'rows');
  const now = context.now ?? Date.now;
  const isEmpty = text.masks.every(({ entities, custom }) => entities.length + (custom?.length ?? 0) === 0);
  const mask: Mask | undefined = isEmpty ? undefined : compileMasks(text.masks);
  return {
    revision: text.revision,
    mask,
    judge: judged.length === 0 ? () => ALLOW : (action) => judge(judged, action, dialect, now),
    rowLimit: () => narrowest(limits, now()),
  };
}

function compiled(name: string, text: RuleText, { groups }: PolicyContext): Rule {
  return { name, text, action: text.action ?? 'block', compiled: compileRule(text), holds: compileCondition(text, groups) };
}

function narrowest(limits: readonly Rule[], now: number): RowLimit | undefined {
  let found: RowLimit | undefined;
  for (const rule of limits) {
    const rows = rule.text.rows_max ?? 0;
    if (rule.holds(now) && rows < (found?.rows ?? Number.POSITIVE_INFINITY)) {
      found = { rows, denial: denialOf(rule, { fragment: `more than ${rows} rows`, next: 'ask for fewer, with LIMIT or a WHERE' }) };
    }
  }
  return found;
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

const FRAGMENT_CHARACTERS_MAX = 80;

function denialOf(rule: Rule, found: Found): Denial {
  return { rule: rule.name, message: `Blocked by the following Guardrails rule: ${matchWords(rule, found)}` };
}

function holdWords(rule: Rule, found: Found): string {
  return `Needs approval by the following Guardrails rule: ${matchWords(rule, found)}`;
}

function warning(rule: Rule, found: Found): string {
  return `Noticed by the following Guardrails rule: ${matchWords(rule, found)}`;
}

/** Which rule it was, what it is about, what it found, and what a person can do. */
function matchWords(rule: Rule, { fragment, next, unclassified }: Found): string {
  const { text, name } = rule;
  const cut = fragment.length > FRAGMENT_CHARACTERS_MAX ? `${fragment.slice(0, FRAGMENT_CHARACTERS_MAX)}…` : fragment;
  const said = text.message ? `${text.message}, ` : '';
  const doubt = unclassified === undefined ? '' : `, which cannot be classified: ${unclassified}. Write it in a simpler way`;
  return `${said}match guard rail [InputRules:${name}] rule, type=${text.type}, ${subjectOf(text)}, found ${JSON.stringify(cut)}${doubt}${next === undefined ? '' : `; ${next}`}`;
}

function subjectOf(text: RuleText): string {
  switch (text.type) {
    case 'deny_words_list':
      return `words=[${text.words.join(' ')}]`;
    case 'pattern_match':
      return `patterns=${text.pattern_regex}`;
    case 'operation':
      return `operations=[${(text.operations ?? []).join(' ')}]`;
    case 'table':
      return `tables=[${(text.tables ?? []).join(' ')}]${text.access === undefined ? '' : `, access=${text.access}`}`;
    case 'function':
      return `functions=[${(text.functions ?? []).join(' ')}]`;
    case 'command':
      return `commands=[${(text.commands ?? []).join(', ')}]`;
    case 'request':
      return `requests=[${(text.methods ?? []).join(' ')} ${(text.paths ?? []).join(' ')}]`;
    case 'row_limit':
      return `rows_max=${text.rows_max ?? 0}`;
    default:
      return '';
  }
}
