/** What the reader of a text that is to be approved should know of it. */
export const TEXT_WARNINGS = {
  /** Characters that are not shown, or that change how others are shown. */
  invisible: 'invisible_characters',
  /** A word that mixes alphabets: one of its letters only looks like the one that is meant. */
  lookalike: 'lookalike_characters',
  /** Values that the client sends beside the text are not part of it, or not all of them. */
  parameters: 'parameters_not_shown',
} as const;

/** Controls but tab and newline, formatting and bidirectional marks, and blanks that are not the usual one. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|[\ufe00-\ufe0f]|(?! )\p{Zs}/gu;

const WORD = /[\p{L}\p{N}_]+/gu;
const OTHER_ALPHABET = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\uff00-\uffef\u{1d400}-\u{1d7ff}]/u;

/** The warnings for a text that came in a message of this kind. */
export function warningsOf(text: string, via: string): string[] {
  const warnings: string[] = [];
  if ([...text.matchAll(INVISIBLE)].some(([found]) => !isBreak(found))) warnings.push(TEXT_WARNINGS.invisible);
  if ([...text.matchAll(WORD)].some(([word]) => /[A-Za-z]/.test(word) && OTHER_ALPHABET.test(word))) warnings.push(TEXT_WARNINGS.lookalike);
  if (via === 'function' || (via === 'execute' && hidesParameters(text))) warnings.push(TEXT_WARNINGS.parameters);
  return warnings;
}

/** The agent puts the parameters of an execution into the last line, whatever the statement itself ends with. */
function hidesParameters(text: string): boolean {
  const last = text.slice(text.lastIndexOf('\n') + 1);
  return /\$\d|\?/.test(text) && !last.startsWith('-- parameters: ');
}

/** A text in which everything can be seen: what is invisible is written out, such as `\u{202e}`. */
export function visibleText(text: string): string {
  return text.replace(INVISIBLE, (found) => (isBreak(found) ? found : `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`));
}

function isBreak(character: string): boolean {
  return character === '\n' || character === '\t';
}
