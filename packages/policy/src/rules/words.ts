import type { Denial } from '@hoop/core/action';
import type { Found } from './compile.ts';
import type { RuleText } from './rule-text.ts';

/** A rule and the guardrail that it stands in. */
export interface Named {
  readonly name: string;
  readonly text: RuleText;
}

const FRAGMENT_CHARACTERS_MAX = 80;

/** What a user hears whose statement, or its answer, a rule stops. */
export function denialOf(rule: Named, found: Found): Denial {
  return { rule: rule.name, message: `Blocked by the following Guardrails rule: ${matchWords(rule, found)}` };
}

/** The same for a rule about what comes back. What it found is not said: it is what must not be shown. */
export function outputDenial({ name, text }: Named): Denial {
  const rule = `match guard rail [OutputRules:${name}] rule, type=${text.type}, ${subjectOf(text)}`;
  return { rule: name, message: `Blocked by the following Guardrails rule: ${saidBy(text)}${rule}; the answer ends here` };
}

export function holdWords(rule: Named, found: Found): string {
  return `Needs approval by the following Guardrails rule: ${matchWords(rule, found)}`;
}

export function warning(rule: Named, found: Found): string {
  return `Noticed by the following Guardrails rule: ${matchWords(rule, found)}`;
}

/** Which rule it was, what it is about, what it found, and what a person can do. */
export function matchWords({ text, name }: Named, { fragment, next, unclassified }: Found): string {
  const cut = fragment.length > FRAGMENT_CHARACTERS_MAX ? `${fragment.slice(0, FRAGMENT_CHARACTERS_MAX)}…` : fragment;
  const doubt = unclassified === undefined ? '' : `, which cannot be classified: ${unclassified}. Write it in a simpler way`;
  return `${saidBy(text)}match guard rail [InputRules:${name}] rule, type=${text.type}, ${subjectOf(text)}, found ${JSON.stringify(cut)}${doubt}${next === undefined ? '' : `; ${next}`}`;
}

function saidBy({ message }: RuleText): string {
  return message ? `${message}, ` : '';
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
