import { type Action, ALLOW, type Denial, type Verdict } from '@hoop/core/action';
import { Refusal } from '@hoop/core/errors';
import type { Mask, Policy } from '@hoop/core/gate';
import type { Dialect } from '@hoop/core/protocol';
import { RE2JS } from 're2js';
import { entityMask } from './masks.ts';
import { plainMysql } from './plain-mysql.ts';
import { plainSql } from './plain-sql.ts';

/** A rule as people write it; the same shape in the API and in the tunnel. */
export interface RuleText {
  readonly type: 'deny_words_list' | 'pattern_match';
  readonly words: readonly string[];
  readonly pattern_regex: string;
  readonly message: string;
}

export interface PolicyText {
  readonly revision: number;
  readonly guardrails: readonly { readonly name: string; readonly input: readonly RuleText[]; readonly output: readonly RuleText[] }[];
  readonly masks: readonly { readonly name: string; readonly entities: readonly string[] }[];
}

/** `plain`: the text as the target may read it, in each way in which it may. */
type Matcher = (raw: string, plain: readonly string[]) => string | undefined;

/** How a target reads its statements, by the name that its protocol gives to that. */
const READINGS: Readonly<Record<Dialect, (text: string) => readonly string[]>> = {
  postgres: (text) => [plainSql(text)],
  mysql: plainMysql,
};

interface Rule {
  readonly name: string;
  readonly text: RuleText;
  readonly match: Matcher;
}

/** A pattern longer than this is a mistake; compiled it could be large. */
const PATTERN_CHARACTERS_MAX = 4_096;
const WORDS_MAX = 1_000;

/**
 * Compiles one rule.
 * @throws Refusal `invalid_rule` with what is wrong with it, for whoever saves it
 */
export function compileRule(text: RuleText): Matcher {
  if (text.type === 'deny_words_list') return wordsMatcher(text.words);
  if (text.pattern_regex === '') throw new Refusal('invalid_rule', 'A pattern_match rule needs a pattern_regex');
  if (text.pattern_regex.length > PATTERN_CHARACTERS_MAX) {
    throw new Refusal('invalid_rule', `A pattern may have at most ${PATTERN_CHARACTERS_MAX} characters`);
  }
  const pattern = compilePattern(text.pattern_regex);
  const find = (where: string): string | undefined => {
    const matcher = pattern.matcher(where);
    return matcher.find() ? (matcher.group() ?? undefined) : undefined;
  };
  return (raw, plain) => {
    const found = find(raw);
    if (found !== undefined) return found;
    for (const text of plain) {
      const hidden = text === raw ? undefined : find(text);
      if (hidden !== undefined) return hidden;
    }
    return undefined;
  };
}

/** Linear in the length of the text, whatever the pattern: a backtracking engine could be made to stand still. */
function compilePattern(source: string): RE2JS {
  try {
    return RE2JS.compile(source, RE2JS.CASE_INSENSITIVE | RE2JS.DOTALL);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal('invalid_rule', `The pattern cannot be used: ${why}. Look-around and back-references are not supported`, { cause });
  }
}

function wordsMatcher(words: readonly string[]): Matcher {
  const wanted = words.filter((word) => word.trim() !== '');
  if (wanted.length === 0) throw new Refusal('invalid_rule', 'A deny_words_list rule needs at least one word');
  if (wanted.length > WORDS_MAX) throw new Refusal('invalid_rule', `A rule may list at most ${WORDS_MAX} words`);
  const lowered = wanted.map((word) => ({ word, low: word.toLowerCase().replace(/\s+/g, ' ') }));
  return (raw, plain) => {
    const low = raw.toLowerCase();
    return lowered.find((each) => low.includes(each.low) || plain.some((text) => text.includes(each.low)))?.word;
  };
}

/**
 * The policy of one connection, compiled once a session. An empty one judges nothing and masks nothing.
 * @throws Refusal `invalid_rule`, so that a session never runs with a rule that cannot be kept
 */
export function compilePolicy(text: PolicyText, dialect: Dialect = 'postgres'): Policy {
  const input: Rule[] = text.guardrails.flatMap((guardrail) =>
    guardrail.input.map((rule) => ({ name: guardrail.name, text: rule, match: compileRule(rule) })),
  );
  const entities = [...new Set(text.masks.flatMap((mask) => mask.entities))];
  const mask: Mask | undefined = entities.length > 0 ? entityMask(entities) : undefined;
  return {
    revision: text.revision,
    mask,
    judge: input.length === 0 ? () => ALLOW : (action) => judge(input, action, READINGS[dialect]),
  };
}

function judge(rules: readonly Rule[], action: Action, read: (text: string) => readonly string[]): Verdict {
  if (action.via === 'function' && action.text.includes(' oid ')) {
    return {
      allow: false,
      denial: { rule: 'unclassified', message: `${action.text} cannot be checked against the rules of this connection` },
    };
  }
  const plain = read(action.text);
  for (const rule of rules) {
    const fragment = rule.match(action.text, plain);
    if (fragment !== undefined) return { allow: false, denial: denialOf(rule, fragment) };
  }
  return ALLOW;
}

const FRAGMENT_CHARACTERS_MAX = 80;

function denialOf(rule: Rule, fragment: string): Denial {
  const { text, name } = rule;
  const cut = fragment.length > FRAGMENT_CHARACTERS_MAX ? `${fragment.slice(0, FRAGMENT_CHARACTERS_MAX)}…` : fragment;
  const what = text.type === 'deny_words_list' ? `words=[${text.words.join(' ')}]` : `patterns=${text.pattern_regex}`;
  const said = text.message ? `${text.message}, ` : '';
  return {
    rule: name,
    message: `Blocked by the following Guardrails rule: ${said}match guard rail [InputRules:${name}] rule, type=${text.type}, ${what}, found ${JSON.stringify(cut)}`,
  };
}
