import type { Action } from '@hoop/core/action';
import { Refusal } from '@hoop/core/errors';
import type { ShellFacts } from '../shell/analyse.ts';
import type { Facts } from '../sql/facts.ts';
import { compileCommandRule } from './command.ts';
import { compileRequestRule } from './request.ts';
import { RULE_ACTIONS, RULE_TYPES, type RuleText } from './rule-text.ts';
import { compileStatementRule, type Finding, findIn } from './sql.ts';
import { compileTextRule } from './text.ts';

/** What is known of an action. Each part is worked out once, for all rules, and only where one asks for it. */
export interface Reading {
  readonly action: Action;
  /** The text as the target may read it, in each way in which it may. */
  plain(): readonly string[];
  /** What its statements do; present where a rule asks for it. */
  readonly facts: Facts | undefined;
  commands(): ShellFacts;
}

/** What one rule says of an action. */
export interface Found extends Finding {
  /** It could not be told what the action is, so the rule takes it for the worst. */
  readonly unclassified?: string;
}

export interface CompiledRule {
  readonly asksFor: 'text' | 'statements' | 'commands' | 'requests' | 'rows';
  match(reading: Reading): Found | undefined;
}

/**
 * Compiles one rule.
 * @throws Refusal `invalid_rule` with what is wrong with it, for whoever saves it
 */
export function compileRule(text: RuleText): CompiledRule {
  if (text.action !== undefined && !RULE_ACTIONS.includes(text.action)) {
    throw new Refusal('invalid_rule', `${text.action} is not an action; use one of ${RULE_ACTIONS.join(', ')}`);
  }
  switch (text.type) {
    case 'deny_words_list':
    case 'pattern_match':
      return textRule(text);
    case 'operation':
    case 'table':
    case 'function':
      return statementRule(text);
    case 'command':
      return commandRule(text);
    case 'request':
      return requestRule(text);
    case 'row_limit':
      return rowRule(text);
    default:
      throw new Refusal('invalid_rule', `Rules of type ${String(text.type)} are not known here; use one of ${RULE_TYPES.join(', ')}`);
  }
}

function textRule(text: RuleText): CompiledRule {
  const match = compileTextRule(text);
  return {
    asksFor: 'text',
    match: ({ action, plain }) => {
      const fragment = match(action.text, plain());
      return fragment === undefined ? undefined : { fragment };
    },
  };
}

function statementRule(text: RuleText): CompiledRule {
  const match = compileStatementRule(text);
  return {
    asksFor: 'statements',
    match: ({ facts, action }) => {
      if (!facts) return unknown(action, 'it is not SQL');
      return findIn(facts, match) ?? (facts.unclassified === undefined ? undefined : unknown(action, facts.unclassified));
    },
  };
}

/** What carries a command line, and what beside it in the same session carries something else. */
const COMMANDS = new Set(['exec', 'line', 'terminal', 'subsystem']);
const NO_COMMANDS = new Set(['forward', 'sftp']);

function commandRule(text: RuleText): CompiledRule {
  const match = compileCommandRule(text);
  return {
    asksFor: 'commands',
    match: ({ action, commands }) => {
      if (NO_COMMANDS.has(action.via)) return undefined;
      if (action.via === 'shell')
        return unknown(action, 'what goes into a shell without a terminal is not seen here; use a terminal, or give the command with ssh');
      if (!COMMANDS.has(action.via)) return unknown(action, 'it is not a command');
      const facts = commands();
      return match(facts) ?? (facts.unclassified === undefined ? undefined : unknown(action, facts.unclassified));
    },
  };
}

function requestRule(text: RuleText): CompiledRule {
  const match = compileRequestRule(text);
  return {
    asksFor: 'requests',
    match: ({ action }) => {
      if (action.via !== 'request') return unknown(action, 'it is not a request');
      const { finding, unclassified } = match(action.text);
      return finding ?? (unclassified === undefined ? undefined : unknown(action, unclassified));
    },
  };
}

function rowRule(text: RuleText): CompiledRule {
  const { rows_max } = text;
  if (rows_max === undefined || !Number.isSafeInteger(rows_max) || rows_max < 1) {
    throw new Refusal('invalid_rule', 'A rule of type row_limit needs rows_max, at least 1');
  }
  return { asksFor: 'rows', match: () => undefined };
}

function unknown(action: Action, why: string): Found {
  return { fragment: action.text, unclassified: why };
}
