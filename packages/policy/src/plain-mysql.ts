/**
 * A statement without what can hide a word in it, by the rules of MySQL and MariaDB: comments and runs of white space become one space,
 * letters outside of quotes lower case. What stands in a comment for servers of some version is a part of the statement. Comments do not
 * nest, `#` ends at the line's end, and so does `--` where white space follows it.
 *
 * Whether a backslash escapes a quote is a setting of each session (NO_BACKSLASH_ESCAPES), and decides where a quoted text ends: so there
 * are two readings, and a rule has to look at both. One pass each, linear.
 */
export function plainMysql(text: string): readonly string[] {
  const escaping = reading(text, true);
  return text.includes('\\') ? [escaping, reading(text, false)] : [escaping];
}

function reading(text: string, escapes: boolean): string {
  const out: string[] = [];
  /** Inside of a comment that is a part of the statement: its end is no text. */
  let versioned = false;
  const space = (): void => {
    if (out.length > 0 && out.at(-1) !== ' ') out.push(' ');
  };
  for (let at = 0; at < text.length; ) {
    const char = text[at] ?? '';
    const opened = char === '/' ? VERSIONED.exec(text.slice(at, at + 12)) : null;
    if (opened) {
      versioned = true;
      space();
      at += opened[0].length;
    } else if (versioned && text.startsWith('*/', at)) {
      versioned = false;
      space();
      at += 2;
    } else if (text.startsWith('/*', at)) {
      space();
      at = endOf(text, '*/', at + 2);
    } else if (char === '#' || (text.startsWith('--', at) && (at + 2 === text.length || BLANK.test(text[at + 2] ?? '')))) {
      space();
      at = endOf(text, '\n', at);
    } else if (BLANK.test(char)) {
      space();
      at++;
    } else if (char === "'" || char === '"' || char === '`') {
      const end = quoteEnd(text, at, char, escapes && char !== '`');
      out.push(text.slice(at, end));
      at = end;
    } else {
      out.push(char.toLowerCase());
      at++;
    }
  }
  return out.join('').trim();
}

/** `/*!`, `/*!50000`, and MariaDB's own `/*M!100100`. */
const VERSIONED = /^\/\*M?!\d{0,6}/;

/** White space and control characters; the space that does not break counts too. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: servers take them for white space
const BLANK = /[\s\u0000-\u001f\u007f\u00a0]/;

function endOf(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from);
  return found < 0 ? text.length : found + end.length;
}

function quoteEnd(text: string, at: number, quote: string, escapes: boolean): number {
  let end = at + 1;
  while (end < text.length) {
    if (escapes && text[end] === '\\') end += 2;
    else if (text[end] !== quote) end++;
    else if (text[end + 1] === quote) end += 2;
    else return end + 1;
  }
  return text.length;
}
