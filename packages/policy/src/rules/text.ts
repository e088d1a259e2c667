import { Refusal } from '@hoop/core/errors';
import { RE2JS } from 're2js';
import type { RuleText } from './rule-text.ts';

/** `plain`: the text as the target may read it, in each way in which it may. Gives what was found. */
export type TextMatcher = (raw: string, plain: readonly string[]) => string | undefined;

/** A pattern longer than this is a mistake; compiled it could be large. */
const PATTERN_CHARACTERS_MAX = 4_096;
const WORDS_MAX = 1_000;

/**
 * Compiles a rule about the text itself.
 * @throws Refusal `invalid_rule` with what is wrong with it, for whoever saves it
 */
export function compileTextRule(text: RuleText): TextMatcher {
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

function wordsMatcher(words: readonly string[]): TextMatcher {
  const wanted = words.filter((word) => word.trim() !== '');
  if (wanted.length === 0) throw new Refusal('invalid_rule', 'A deny_words_list rule needs at least one word');
  if (wanted.length > WORDS_MAX) throw new Refusal('invalid_rule', `A rule may list at most ${WORDS_MAX} words`);
  const lowered = wanted.map((word) => ({ word, low: word.toLowerCase().replace(/\s+/g, ' ') }));
  return (raw, plain) => {
    const low = raw.toLowerCase();
    return lowered.find((each) => low.includes(each.low) || plain.some((text) => text.includes(each.low)))?.word;
  };
}
