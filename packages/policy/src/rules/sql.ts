import { Refusal } from '@hoop/core/errors';
import { type Facts, OPERATIONS, type Statement } from '../sql/facts.ts';
import { nameMatches } from './glob.ts';
import type { RuleText } from './rule-text.ts';

/** What a rule found in a statement: the part of it, and what a person can do about it. */
export interface Finding {
  readonly fragment: string;
  readonly next?: string;
}

export type StatementMatcher = (statement: Statement) => Finding | undefined;

const LIST_MAX = 1_000;

/**
 * Compiles a rule about what statements do.
 * @throws Refusal `invalid_rule`
 */
export function compileStatementRule(text: RuleText): StatementMatcher {
  if (text.type === 'operation') return operationMatcher(needed(text.operations, 'operations', 'operation'));
  if (text.type === 'table') return tableMatcher(needed(text.tables, 'tables', 'table'), text.access);
  return functionMatcher(needed(text.functions, 'functions', 'function'));
}

/** The first finding in any statement of a text. */
export function findIn(facts: Facts, match: StatementMatcher): Finding | undefined {
  for (const statement of facts.statements) {
    const finding = match(statement);
    if (finding) return finding;
  }
  return undefined;
}

/** A list that a rule cannot do without. @throws Refusal `invalid_rule` */
export function needed(list: readonly string[] | undefined, field: string, type: string): readonly string[] {
  const wanted = (list ?? []).filter((each) => each.trim() !== '');
  if (wanted.length === 0) throw new Refusal('invalid_rule', `A rule of type ${type} needs at least one entry in ${field}`);
  if (wanted.length > LIST_MAX) throw new Refusal('invalid_rule', `A rule may list at most ${LIST_MAX} ${field}`);
  return wanted;
}

const NEXT: Readonly<Record<string, string>> = {
  update_without_where: 'add a WHERE that says which rows',
  delete_without_where: 'add a WHERE that says which rows',
  multi_statement: 'send one statement at a time',
};

function operationMatcher(operations: readonly string[]): StatementMatcher {
  const known = new Set<string>(OPERATIONS);
  for (const operation of operations) {
    if (!known.has(operation)) throw new Refusal('invalid_rule', `${operation} is not an operation; use one of ${OPERATIONS.join(', ')}`);
  }
  return ({ effects, text }) => {
    const found = operations.find((operation) => effects.some((effect) => effect === operation));
    if (found === undefined) return undefined;
    const next = NEXT[found];
    return next === undefined ? { fragment: text } : { fragment: text, next };
  };
}

function tableMatcher(patterns: readonly string[], access: 'read' | 'write' | undefined): StatementMatcher {
  return ({ tables }) => {
    const found = tables.find(
      (use) => (access === undefined || use.access === access) && patterns.some((pattern) => nameMatches(pattern, use.name)),
    );
    return found && { fragment: found.name };
  };
}

function functionMatcher(patterns: readonly string[]): StatementMatcher {
  return ({ functions, effects }) => {
    if (patterns.includes('copy_program') && effects.includes('copy_program')) return { fragment: 'COPY … PROGRAM' };
    const found = functions.find((name) => patterns.some((pattern) => nameMatches(pattern, name)));
    return found === undefined ? undefined : { fragment: `${found}()` };
  };
}
