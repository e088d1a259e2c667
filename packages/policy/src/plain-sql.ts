/**
 * A statement without what can hide a word in it: comments become a space, runs of white space one space, letters outside
 * quotes lower case. Quoted texts are kept as they are. PostgreSQL's rules: comments nest, `--` ends at a line's end,
 * dollar quotes and E'' strings. One pass, linear.
 */
export function plainSql(text: string): string {
  if (!WORTH_IT.test(text)) return text.toLowerCase();
  const out: string[] = [];
  let at = 0;
  while (at < text.length) {
    const next = tokenEnd(text, at);
    const token = text.slice(at, next.end);
    if (next.kind === 'quoted') out.push(token);
    else if (next.kind === 'space') {
      if (out.length > 0 && out.at(-1) !== ' ') out.push(' ');
    } else out.push(token.toLowerCase());
    at = next.end;
  }
  return out.join('').trim();
}

/** Without any of these the text can only differ in the case of its letters. */
const WORTH_IT = /--|\/\*|['"$]|[\s\u00a0]{2}|[\t\n\r\f\v]/;

type Token = { readonly kind: 'space' | 'quoted' | 'word'; readonly end: number };

function tokenEnd(text: string, at: number): Token {
  const char = text[at] ?? '';
  const two = text.slice(at, at + 2);
  if (two === '--') return { kind: 'space', end: lineEnd(text, at) };
  if (two === '/*') return { kind: 'space', end: commentEnd(text, at) };
  if (SPACE.test(char)) return { kind: 'space', end: runEnd(text, at, SPACE) };
  if (char === "'") return { kind: 'quoted', end: quoteEnd(text, at, "'", isEscapeString(text, at)) };
  if (char === '"') return { kind: 'quoted', end: quoteEnd(text, at, '"', false) };
  if (char === '$') return dollarToken(text, at);
  if (WORD.test(char)) return { kind: 'word', end: runEnd(text, at, WORD) };
  return { kind: 'word', end: at + 1 };
}

const SPACE = /[\s\u00a0]/;
const WORD = /[\p{L}\p{N}_$]/u;

function runEnd(text: string, at: number, matches: RegExp): number {
  let end = at + 1;
  while (end < text.length && matches.test(text[end] ?? '')) end++;
  return end;
}

function lineEnd(text: string, at: number): number {
  for (let end = at + 2; end < text.length; end++) {
    if (text[end] === '\n' || text[end] === '\r') return end;
  }
  return text.length;
}

function commentEnd(text: string, at: number): number {
  let depth = 1;
  let end = at + 2;
  while (end < text.length && depth > 0) {
    if (text.startsWith('/*', end)) {
      depth++;
      end += 2;
    } else if (text.startsWith('*/', end)) {
      depth--;
      end += 2;
    } else end++;
  }
  return end;
}

function isEscapeString(text: string, at: number): boolean {
  return /[eE]/.test(text[at - 1] ?? '') && !WORD.test(text[at - 2] ?? ' ');
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

function dollarToken(text: string, at: number): Token {
  const tag = /^\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/u.exec(text.slice(at, at + 66))?.[0];
  if (!tag) return { kind: 'word', end: at + 1 };
  const close = text.indexOf(tag, at + tag.length);
  return { kind: 'quoted', end: close < 0 ? text.length : close + tag.length };
}
