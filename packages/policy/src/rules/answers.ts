import type { Denial } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { Refusal } from '@hoop/core/errors';
import { compileRule } from './compile.ts';
import { type Condition, compileCondition } from './conditions.ts';
import type { RuleText } from './rule-text.ts';
import { compileTextRule } from './text.ts';
import { denialOf, type Named, outputDenial } from './words.ts';

/** Looks for what an answer must not have. */
export type OutputMatcher = (text: string) => boolean;

/**
 * Compiles a rule about what comes back.
 * @throws Refusal `invalid_rule` with what is wrong with it, for whoever saves it
 */
export function compileOutputRule(text: RuleText): OutputMatcher {
  if (text.type === 'row_limit') throw new Refusal('invalid_rule', 'A row_limit is a rule on input: it limits what may be asked for');
  compileRule(text);
  if (text.type !== 'deny_words_list' && text.type !== 'pattern_match') {
    throw new Refusal(
      'invalid_rule',
      `A rule of type ${text.type} is about statements, and an answer is none; use deny_words_list or pattern_match`,
    );
  }
  mustBlock(text, 'on output');
  const match = compileTextRule(text);
  return (given) => match(given, [given.toLowerCase().replace(/\s+/g, ' ')]) !== undefined;
}

/**
 * Of an answer, a part has been shown before the rest is read: it can end there, and nothing else.
 * @throws Refusal `invalid_rule`
 */
export function mustBlock({ action }: RuleText, which: string): void {
  if (action === undefined || action === 'block') return;
  const why =
    action === 'require_approval'
      ? 'nobody can be asked while an answer is under way'
      : 'what is let through is not looked at a second time';
  throw new Refusal('invalid_rule', `A rule ${which} can only block, not ${action}: ${why}`);
}

interface AnswerRule extends Named {
  readonly holds: Condition;
}

interface OutputRule extends AnswerRule {
  readonly match: OutputMatcher;
}

/** Rules of one policy about rows and texts of answers. */
export interface AnswerTexts {
  /** What of them there is at all, at any time. */
  readonly needs: readonly ('rows' | 'forbids')[];
  /** What holds at a time; undefined when nothing does. The same object as long as it is the same. */
  at(now_ms: number): AnswerRules | undefined;
}

/** @throws Refusal `invalid_rule` */
export function compileAnswers(
  guardrails: readonly { readonly name: string; readonly input: readonly RuleText[]; readonly output: readonly RuleText[] }[],
  groups: readonly string[] | undefined,
): AnswerTexts {
  const limits: AnswerRule[] = [];
  const outputs: OutputRule[] = [];
  for (const { name, input, output } of guardrails) {
    for (const text of input) {
      if (text.type !== 'row_limit') continue;
      mustBlock(text, 'of type row_limit');
      limits.push({ name, text, holds: compileCondition(text, groups) });
    }
    for (const text of output) outputs.push({ name, text, holds: compileCondition(text, groups), match: compileOutputRule(text) });
  }
  let last: { readonly active: readonly AnswerRule[]; readonly rules: AnswerRules | undefined } | undefined;
  const all: readonly AnswerRule[] = [...limits, ...outputs];
  return {
    needs: [...(limits.length > 0 ? (['rows'] as const) : []), ...(outputs.length > 0 ? (['forbids'] as const) : [])],
    at: (now_ms) => {
      const active = all.filter(({ holds }) => holds(now_ms));
      const isSame = last?.active.length === active.length && active.every((rule, index) => rule === last?.active[index]);
      if (!isSame) last = { active, rules: rulesOf(limits, outputs, new Set(active)) };
      return last?.rules;
    },
  };
}

function rulesOf(limits: readonly AnswerRule[], outputs: readonly OutputRule[], active: ReadonlySet<AnswerRule>): AnswerRules | undefined {
  const rows = narrowest(limits.filter((rule) => active.has(rule)));
  const forbids = forbidding(outputs.filter((rule) => active.has(rule)));
  if (!rows && !forbids) return undefined;
  return { ...(rows ? { rows } : {}), ...(forbids ? { forbids } : {}) };
}

function narrowest(limits: readonly AnswerRule[]): AnswerRules['rows'] {
  let found: AnswerRules['rows'];
  for (const rule of limits) {
    const max = rule.text.rows_max ?? 0;
    if (found && found.max <= max) continue;
    found = { max, denial: denialOf(rule, { fragment: `more than ${max} rows`, next: 'ask for fewer, with LIMIT or a WHERE' }) };
  }
  return found;
}

/** What could not be looked at is not shown either. */
const UNREAD: Denial = {
  rule: 'fail-closed',
  message: 'The answer ends here because it could not be checked against the rules. Tell your administrator if it happens again',
};

function forbidding(outputs: readonly OutputRule[]): AnswerRules['forbids'] {
  if (outputs.length === 0) return undefined;
  const said = outputs.map((rule) => ({ match: rule.match, denial: outputDenial(rule) }));
  return (bytes) => {
    try {
      const text = bytes.toString();
      return said.find(({ match }) => match(text))?.denial;
    } catch {
      return UNREAD;
    }
  };
}
