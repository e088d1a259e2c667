import { COPY_TEXT_MAX } from './limits.ts';

/** How COPY writes its lines, as its statement asks for it. (PostgreSQL 17, COPY) */
export interface CopyStyle {
  readonly isCsv: boolean;
  readonly delimiter: string;
  /** What stands for no value. */
  readonly nothing: string;
  readonly quote: string;
  /** What stands in front of a quote in a quote. */
  readonly escaper: string;
  /** The first line has the names of the columns. */
  readonly hasNames: boolean;
}

interface Token {
  /** Lower case, without its quotes where it is a string. */
  readonly text: string;
  readonly as: 'word' | 'string' | 'sign';
}

/**
 * The style of what a text copies out; undefined when it cannot be told for sure: it has several copies that differ, or none
 * that is plain to see.
 */
export function copyStyleOf(sql: string): CopyStyle | undefined {
  const tokens = sql.length <= COPY_TEXT_MAX ? tokensOf(sql) : undefined;
  if (!tokens) return undefined;
  const styles: CopyStyle[] = [];
  for (let at = 1; at < tokens.length; at++) {
    if (tokens[at]?.text !== 'stdout' || tokens[at]?.as !== 'word' || tokens[at - 1]?.text !== 'to') continue;
    const end = tokens.findIndex(({ text, as }, index) => index > at && as === 'sign' && text === ';');
    const style = styleOf(tokens.slice(at + 1, end < 0 ? undefined : end));
    if (!style) return undefined;
    styles.push(style);
  }
  const [first] = styles;
  return first && styles.every((style) => JSON.stringify(style) === JSON.stringify(first)) ? first : undefined;
}

const NO = new Set(['false', 'off', '0']);

function styleOf(tokens: readonly Token[]): CopyStyle | undefined {
  const given = new Map<string, string>();
  for (let at = 0; at < tokens.length; at++) {
    const { text, as } = tokens[at] ?? { text: '', as: 'sign' };
    if (as !== 'word') continue;
    if (text === 'csv' || text === 'binary') given.set('format', text);
    if (
      text !== 'format' &&
      text !== 'header' &&
      text !== 'delimiter' &&
      text !== 'delimiters' &&
      text !== 'null' &&
      text !== 'quote' &&
      text !== 'escape'
    )
      continue;
    // The older way to write it, FORCE QUOTE, has names of columns behind it.
    if (text === 'quote' && tokens[at - 1]?.text === 'force') continue;
    const value = tokens[tokens[at + 1]?.text === 'as' ? at + 2 : at + 1];
    if (text === 'header') given.set(text, value?.as === 'sign' || !value ? 'true' : value.text);
    else if (value && value.as !== 'sign') given.set(text === 'delimiters' ? 'delimiter' : text, value.text);
    else return undefined;
  }
  const isCsv = given.get('format') === 'csv';
  const quote = given.get('quote') ?? '"';
  const style = {
    isCsv,
    delimiter: given.get('delimiter') ?? (isCsv ? ',' : '\t'),
    nothing: given.get('null') ?? (isCsv ? '' : '\\N'),
    quote,
    escaper: given.get('escape') ?? quote,
    hasNames: given.has('header') && !NO.has((given.get('header') ?? '').toLowerCase()),
  };
  return style.delimiter.length === 1 && quote.length === 1 && style.escaper.length === 1 ? style : undefined;
}

const TOKEN = new RegExp(
  [
    String.raw`(?<gap>\s+|--[^\n]*|/\*[\s\S]*?\*/)`,
    String.raw`[eE]'(?<escaped>(?:[^'\\]|\\[\s\S]|'')*)'`,
    "'(?<string>(?:[^']|'')*)'",
    String.raw`(?<dollar>\$(?<tag>[\p{L}_][\p{L}\p{N}_]*)?\$)(?<body>[\s\S]*?)\k<dollar>`,
    '"(?<name>(?:[^"]|"")*)"',
    String.raw`(?<word>[\p{L}\p{N}_$]+)`,
    String.raw`(?<sign>[\s\S])`,
  ].join('|'),
  'uy',
);

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Undefined where servers may read them in two ways: comments in comments, and backslashes in plain strings. */
function tokensOf(sql: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(sql); match; match = TOKEN.exec(sql)) {
    const { gap, escaped, string, body, name, word, sign } = match.groups ?? {};
    if (string?.includes('\\') || gap?.includes('/*', 1)) return undefined;
    if (escaped !== undefined) tokens.push({ as: 'string', text: unescaped(escaped) });
    else if (string !== undefined) tokens.push({ as: 'string', text: string.replaceAll("''", "'") });
    else if (body !== undefined) tokens.push({ as: 'string', text: body });
    // A name in quotes is none of the words that are looked for.
    else if (name !== undefined) tokens.push({ as: 'string', text: name });
    else if (word !== undefined) tokens.push({ as: 'word', text: word.toLowerCase() });
    else if (gap === undefined) tokens.push({ as: 'sign', text: sign ?? '' });
  }
  return tokens;
}

function unescaped(text: string): string {
  return text
    .replaceAll("''", "'")
    .replace(/\\x([0-9a-f]{1,2})|\\([0-7]{1,3})|\\([\s\S])/gi, (_, hex?: string, octal?: string, sign = '') =>
      hex !== undefined || octal !== undefined
        ? String.fromCharCode(Number.parseInt(hex ?? octal ?? '', hex === undefined ? 8 : 16))
        : (ESCAPES[sign] ?? sign),
    );
}
