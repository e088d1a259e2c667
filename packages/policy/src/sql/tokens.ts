import { type Dialect, Doubt } from './facts.ts';

/** What a text is made of. Comments and spaces are none of it. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'ambiguous' | 'number' | 'parameter' | 'symbol';
  /** A word in lower case, a name or a string without its quotes, a symbol as it is. */
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** How quotes and comments are read. */
export interface Lexicon {
  readonly dialect: Dialect;
  /** A backslash takes the next character's meaning away, in '…'. */
  readonly backslash: boolean;
  /** The same in "…". */
  readonly backslashInDouble: boolean;
}

export const LEXICONS: Readonly<Record<Dialect, Lexicon>> = {
  postgres: { dialect: 'postgres', backslash: false, backslashInDouble: false },
  mysql: { dialect: 'mysql', backslash: true, backslashInDouble: true },
  mssql: { dialect: 'mssql', backslash: false, backslashInDouble: false },
};

/** Words of one text. A statement of a person has hundreds; data that is brought in by hand has more. */
export const TOKENS_MAX = 40_000;

/** @throws Doubt when something is not closed, or there are too many of them */
export function tokensOf(text: string, lexicon: Lexicon, tokensMax = TOKENS_MAX): readonly Token[] {
  const tokens: Token[] = [];
  new Lexer(text, lexicon).run((token) => {
    if (tokens.length >= tokensMax) throw new Doubt('it is too long to be read in time');
    tokens.push(token);
  });
  return tokens;
}

class Enough extends Error {}

/** No server runs such a text. */
class Unclosed extends Doubt {}

/** How many tokens there are, counted up to one more than `most`, or as far as they can be told apart. @throws Doubt when a quote or a comment is not closed */
export function countTokens(dialect: Dialect, text: string, most: number): number {
  let count = 0;
  try {
    new Lexer(text, LEXICONS[dialect]).run(() => {
      if (++count > most) throw new Enough();
    });
  } catch (error) {
    if (error instanceof Unclosed || !(error instanceof Enough || error instanceof Doubt)) throw error;
  }
  return count;
}

const CODE = {
  tab: 9,
  newline: 10,
  return: 13,
  space: 32,
  double: 34,
  hash: 35,
  dollar: 36,
  single: 39,
  star: 42,
  dash: 45,
  dot: 46,
  slash: 47,
  zero: 48,
  nine: 57,
  at: 64,
  open: 91,
  backslash: 92,
  close: 93,
  underscore: 95,
  backtick: 96,
} as const;

/** Spaces, letters and marks that a server may or may not take for something of ASCII: wide forms, invisible ones, spaces of other scripts. */
const LOOKALIKE = /[\u0085\u00a0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\uff00-\uffef]/;

class Lexer {
  readonly #text: string;
  readonly #lexicon: Lexicon;
  #at = 0;
  /** Inside a comment of MySQL that is run. */
  #inVersion = false;

  constructor(text: string, lexicon: Lexicon) {
    this.#text = text;
    this.#lexicon = lexicon;
  }

  run(found: (token: Token) => void): void {
    const { length } = this.#text;
    while (this.#at < length) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === CODE.space || (code >= CODE.tab && code <= CODE.return)) this.#at++;
      else if (!this.#skipComment(code)) found(this.#next(code));
    }
    if (this.#inVersion) throw new Doubt('a comment that is run is not closed');
  }

  #is(code: number, ahead: number): boolean {
    return this.#text.charCodeAt(this.#at + ahead) === code;
  }

  #skipComment(code: number): boolean {
    const { dialect } = this.#lexicon;
    if (code === CODE.dash && this.#is(CODE.dash, 1)) {
      const next = this.#text.charCodeAt(this.#at + 2);
      if (dialect === 'mysql' && !(next <= CODE.space || Number.isNaN(next))) return false;
      this.#skipLine();
      return true;
    }
    if (code === CODE.hash && dialect === 'mysql') {
      this.#skipLine();
      return true;
    }
    if (code === CODE.slash && this.#is(CODE.star, 1)) {
      if (dialect === 'mysql') this.#mysqlComment();
      else this.#nestedComment();
      return true;
    }
    if (code === CODE.star && this.#inVersion && this.#is(CODE.slash, 1)) {
      this.#inVersion = false;
      this.#at += 2;
      return true;
    }
    return false;
  }

  #skipLine(): void {
    const { dialect } = this.#lexicon;
    const { length } = this.#text;
    while (this.#at < length) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === CODE.newline || (code === CODE.return && dialect === 'postgres')) return;
      // Where a lone return ends a line is not the same in all servers and their versions.
      if (code === CODE.return && !this.#is(CODE.newline, 1)) throw new Doubt('a comment has a line end that servers read differently');
      this.#at++;
    }
  }

  #nestedComment(): void {
    let depth = 0;
    const marks = /\/\*|\*\//g;
    marks.lastIndex = this.#at;
    for (let mark = marks.exec(this.#text); mark; mark = marks.exec(this.#text)) {
      depth += mark[0] === '/*' ? 1 : -1;
      this.#at = marks.lastIndex;
      if (depth === 0) return;
    }
    throw new Unclosed('a comment is not closed');
  }

  /** `/*! … *\/` is run, by servers from the version on that it names; MariaDB also has `/*M! … *\/`. */
  #mysqlComment(): void {
    const run = /\/\*M?!(\d{5,6})?/y;
    run.lastIndex = this.#at;
    const opened = run.exec(this.#text);
    if (opened) {
      if (this.#inVersion) throw new Doubt('comments that are run are nested');
      if (opened[0].startsWith('/*M') || opened[1]?.length === 6 || Number(opened[1] ?? 0) > RUN_EVERYWHERE)
        throw new Doubt('it has a comment that some servers run and others do not');
      this.#inVersion = true;
      this.#at = run.lastIndex;
      return;
    }
    const close = this.#text.indexOf('*/', this.#at + 2);
    if (close < 0) throw new Unclosed('a comment is not closed');
    const inner = this.#text.indexOf('/*', this.#at + 2);
    if (this.#inVersion || (inner >= 0 && inner < close)) throw new Doubt('comments are nested');
    this.#at = close + 2;
  }

  #next(code: number): Token {
    const { dialect } = this.#lexicon;
    if (code === CODE.single) return this.#quote(code, 'string', this.#lexicon.backslash);
    if (code === CODE.double) return this.#quote(code, dialect === 'postgres' ? 'quoted' : 'ambiguous', this.#lexicon.backslashInDouble);
    if (code === CODE.backtick && dialect === 'mysql') return this.#quote(code, 'quoted', false);
    if (code === CODE.open && dialect === 'mssql') return this.#quote(CODE.close, 'quoted', false);
    if (code === CODE.dollar && dialect === 'postgres') return this.#dollar();
    if (code >= CODE.zero && code <= CODE.nine) return this.#number();
    if (code === CODE.at && dialect !== 'postgres') return this.#word(1);
    if ((code === 101 || code === 69) && dialect === 'postgres' && this.#is(CODE.single, 1)) {
      this.#at++;
      return this.#quote(CODE.single, 'string', true);
    }
    if (isWordStart(code) || (dialect === 'mssql' && code === CODE.hash)) return this.#word(0);
    return this.#token('symbol', this.#at + 1);
  }

  #token(kind: Token['kind'], to: number): Token {
    const from = this.#at;
    this.#at = to;
    return { kind, text: this.#text.slice(from, to), from, to };
  }

  #quote(end: number, kind: 'string' | 'quoted' | 'ambiguous', backslash: boolean): Token {
    const from = this.#at;
    const { length } = this.#text;
    let isPlain = true;
    for (let at = from + 1; at < length; at++) {
      const code = this.#text.charCodeAt(at);
      if (code === CODE.backslash && backslash) {
        isPlain = false;
        at++;
      } else if (code === end) {
        if (this.#text.charCodeAt(at + 1) !== end) {
          this.#at = at + 1;
          const inner = this.#text.slice(from + 1, at);
          const mark = String.fromCharCode(end);
          return { kind, text: isPlain ? inner : inner.replaceAll(mark + mark, mark), from, to: at + 1 };
        }
        isPlain = false;
        at++;
      }
    }
    throw new Unclosed('a quote is not closed');
  }

  /** `$1`, `$$…$$`, `$tag$…$tag$` of PostgreSQL. */
  #dollar(): Token {
    const tag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
    tag.lastIndex = this.#at;
    const open = tag.exec(this.#text)?.[0];
    if (open !== undefined) {
      const close = this.#text.indexOf(open, this.#at + open.length);
      if (close < 0) throw new Unclosed('a quote is not closed');
      const from = this.#at;
      this.#at = close + open.length;
      return { kind: 'string', text: this.#text.slice(from + open.length, close), from, to: this.#at };
    }
    const digits = /\$\d+/y;
    digits.lastIndex = this.#at;
    return digits.test(this.#text) ? this.#token('parameter', digits.lastIndex) : this.#token('symbol', this.#at + 1);
  }

  #number(): Token {
    const { length } = this.#text;
    let at = this.#at;
    let isWord = false;
    while (at < length) {
      const code = this.#text.charCodeAt(at);
      if (isWordStart(code) || code === CODE.dollar) isWord = true;
      else if (!(code >= CODE.zero && code <= CODE.nine) && code !== CODE.dot) break;
      at++;
    }
    // `1e5`, `0xff`, `1_000`: numbers; `1select`: PostgreSQL before 15 and SQL Server take it for two words, MySQL for a name.
    const number = /^(?:0x[0-9a-f_]+|0o[0-7_]+|0b[01_]+|[\d_]*\.?[\d_]*(?:e[+-]?\d*)?)$/i;
    if (isWord && !number.test(this.#text.slice(this.#at, at))) throw new Doubt('a number and a word stand together');
    return this.#token('number', at);
  }

  #word(ahead: number): Token {
    const { length } = this.#text;
    let at = this.#at + ahead;
    let isAscii = true;
    while (at < length) {
      const code = this.#text.charCodeAt(at);
      if (code > 127) isAscii = false;
      else if (!isWordPart(code, this.#lexicon.dialect)) break;
      at++;
    }
    const token = this.#token('word', Math.max(at, this.#at + 1));
    if (!isAscii && LOOKALIKE.test(token.text)) throw new Doubt('it has characters that look like others');
    return { ...token, text: token.text.toLowerCase() };
  }
}

/** MySQL and MariaDB of all versions in use run comments up to this one. */
const RUN_EVERYWHERE = 50_600;

function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === CODE.underscore || code > 127;
}

function isWordPart(code: number, dialect: Dialect): boolean {
  if (isWordStart(code) || (code >= CODE.zero && code <= CODE.nine) || code === CODE.dollar) return true;
  return dialect === 'mssql' && (code === CODE.at || code === CODE.hash);
}
