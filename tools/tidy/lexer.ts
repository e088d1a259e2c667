/** A word of TypeScript, as far as the rules need to tell words apart. */
export interface Token {
  readonly kind: 'word' | 'string' | 'template' | 'regex' | 'number' | 'mark';
  /** A string's content without its quotes, everything else as written. */
  readonly text: string;
  readonly line: number;
}

export interface Comment {
  readonly text: string;
  readonly line: number;
}

export interface Lexed {
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

const MARKS = ['...', '===', '!==', '??=', '=>', '?.', '==', '!=', '<=', '>=', '&&', '||', '??'];

/** After these a slash begins a pattern, not a division. */
const BEFORE_REGEX = /^(return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield|instanceof)$/;

/** Cuts source text into tokens and comments. It does not check the syntax: the compiler does. */
export function lex(source: string): Lexed {
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  readonly #comments: Comment[] = [];
  /** For each open template, how many braces are open inside its `${`. */
  readonly #templates: number[] = [];
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Lexed {
    while (this.#at < this.#source.length) this.#next();
    return { tokens: this.#tokens, comments: this.#comments };
  }

  #next(): void {
    const char = this.#source[this.#at] ?? '';
    const two = this.#source.slice(this.#at, this.#at + 2);
    if (char === '\n' || char === ' ' || char === '\t' || char === '\r') this.#advance(1);
    else if (two === '//' || (this.#at === 0 && two === '#!')) this.#comment(/[^\n]*/y);
    else if (two === '/*') this.#comment(/\/\*[\s\S]*?(\*\/|$)/y);
    else if (char === "'" || char === '"') this.#string(char);
    else if (char === '`') this.#template(1);
    else if (char === '}' && this.#templates.at(-1) === 0) this.#template(1, true);
    else if (char === '/' && this.#regexMayStart()) this.#match('regex', /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y);
    else if (/[0-9]/.test(char)) this.#match('number', /[0-9][\w.]*/y);
    else if (/[\w$#@\u0080-\uffff]/.test(char)) this.#match('word', /[#@]?[\w$\u0080-\uffff]*/y);
    else this.#mark();
  }

  #mark(): void {
    const mark = MARKS.find((known) => this.#source.startsWith(known, this.#at)) ?? this.#source[this.#at] ?? '';
    const depth = this.#templates.length - 1;
    if (depth >= 0 && (mark === '{' || mark === '}')) this.#templates[depth] = (this.#templates[depth] ?? 0) + (mark === '{' ? 1 : -1);
    this.#push('mark', mark, mark.length);
  }

  #string(quote: string): void {
    const pattern = quote === "'" ? /'(?:\\[\s\S]|[^'\\\n])*'?/y : /"(?:\\[\s\S]|[^"\\\n])*"?/y;
    const text = this.#take(pattern);
    this.#push('string', text.slice(1, text.endsWith(quote) && text.length > 1 ? -1 : undefined), text.length);
  }

  /** From a backtick, or from the brace that ends a `${}`, to the next `${` or to the closing backtick. */
  #template(skip: number, inside = false): void {
    if (inside) this.#templates.pop();
    let end = this.#at + skip;
    while (end < this.#source.length && this.#source[end] !== '`' && !this.#source.startsWith('${', end))
      end += this.#source[end] === '\\' ? 2 : 1;
    const opens = this.#source.startsWith('${', end);
    if (opens) this.#templates.push(0);
    const length = end + (opens ? 2 : 1) - this.#at;
    this.#push('template', this.#source.slice(this.#at, this.#at + length), length);
  }

  #regexMayStart(): boolean {
    const last = this.#tokens.at(-1);
    if (!last) return true;
    if (last.kind === 'word') return BEFORE_REGEX.test(last.text);
    if (last.kind === 'mark') return last.text !== ')' && last.text !== ']' && last.text !== '}';
    return last.kind === 'template' && last.text.endsWith('${');
  }

  #comment(pattern: RegExp): void {
    const text = this.#take(pattern);
    this.#comments.push({ text, line: this.#line });
    this.#advance(text.length);
  }

  #match(kind: Token['kind'], pattern: RegExp): void {
    const text = this.#take(pattern);
    this.#push(text === '' ? 'mark' : kind, text || (this.#source[this.#at] ?? ''), text.length || 1);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0] ?? '';
  }

  #push(kind: Token['kind'], text: string, length: number): void {
    this.#tokens.push({ kind, text, line: this.#line });
    this.#advance(length);
  }

  #advance(length: number): void {
    for (let index = this.#at; index < this.#at + length; index++) if (this.#source[index] === '\n') this.#line++;
    this.#at += length;
  }
}
