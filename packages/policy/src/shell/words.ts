import { MARKS, spread, variableMark } from './shapes.ts';

/** A word of a command line after its quotes were taken off. */
export interface ShellWord {
  readonly kind: 'word';
  readonly text: string;
  /** The same with marks for what it is not known to be: see `shapes.ts`. */
  readonly shape: string;
  /** What it becomes is known only when it runs: it has a variable, a pattern or the output of another command in it. */
  readonly dynamic: boolean;
  /** Command lines in it: `$(…)`, backquotes, `<(…)`. */
  readonly inner: readonly string[];
}

export interface ShellOperator {
  readonly kind: 'operator';
  readonly text: string;
}

export type ShellToken = ShellWord | ShellOperator;

/** Thrown when a text cannot be cut into words as a shell would. Never leaves this folder. */
export class ShellDoubt extends Error {}

/** Of a variable. */
const NAME_MAX = 256;

/** Words of one text; more than a person or a script has. */
const TOKENS_MAX = 20_000;
const OPERATORS = [
  '<<<',
  '<<-',
  '&>>',
  '&&',
  '||',
  ';;',
  ';&',
  '|&',
  '<<',
  '>>',
  '>&',
  '<&',
  '&>',
  '<>',
  '>|',
  '\n',
  ';',
  '&',
  '|',
  '<',
  '>',
  '(',
  ')',
];

/**
 * Cuts a text as a POSIX shell does, with what bash adds. (POSIX.1-2024, Shell Command Language 2.3)
 * @throws ShellDoubt when something is not closed, or it is too long
 */
export function shellTokens(text: string): readonly ShellToken[] {
  return new Cutter(text).run();
}

class Cutter {
  readonly #text: string;
  readonly #tokens: ShellToken[] = [];
  #at = 0;
  #word: string[] | undefined;
  #shape: string[] = [];
  #dynamic = false;
  #inner: string[] = [];
  /** Texts that follow at the next line's start, by the word that ends them. */
  readonly #documents: { readonly end: string; readonly tabs: boolean }[] = [];
  #awaitsDocument: '<<' | '<<-' | undefined;

  constructor(text: string) {
    this.#text = text.replaceAll('\r\n', '\n');
  }

  run(): readonly ShellToken[] {
    const text = this.#text;
    while (this.#at < text.length) {
      const char = text[this.#at] ?? '';
      if (char === '#' && this.#word === undefined) this.#skipLine();
      else if (char === ' ' || char === '\t' || char === '\r') {
        this.#endWord();
        this.#at++;
      } else if (!this.#operator(char)) this.#part(char);
    }
    this.#endWord();
    if (this.#documents.length > 0) throw new ShellDoubt('a here-document does not end');
    return this.#tokens;
  }

  #push(token: ShellToken): void {
    if (this.#tokens.length >= TOKENS_MAX) throw new ShellDoubt('it is too long to be read in time');
    this.#tokens.push(token);
  }

  #endWord(): void {
    if (this.#word === undefined) return;
    const word = this.#word.join('');
    if (this.#awaitsDocument) {
      this.#documents.push({ end: word, tabs: this.#awaitsDocument === '<<-' });
      this.#awaitsDocument = undefined;
    }
    // Braces make several words of one.
    for (const shape of spread(this.#shape.join('')))
      this.#push({ kind: 'word', text: word, shape, dynamic: this.#dynamic, inner: this.#inner });
    this.#word = undefined;
    this.#shape = [];
    this.#dynamic = false;
    this.#inner = [];
  }

  #skipLine(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #operator(char: string): boolean {
    if (!'<>|&;()\n'.includes(char)) return false;
    const next = this.#text[this.#at + 1];
    if ((char === '<' || char === '>') && next === '(') {
      this.#at++;
      this.#substitute();
      return true;
    }
    const text = OPERATORS.find((each) => this.#text.startsWith(each, this.#at)) ?? char;
    // A number before a redirection says which file is meant: it is no word.
    if (/^[<>]/.test(text) && this.#word && /^\d+$/.test(this.#word.join(''))) {
      this.#word = undefined;
      this.#shape = [];
    }
    this.#endWord();
    this.#at += text.length;
    this.#push({ kind: 'operator', text });
    if (text === '<<' || text === '<<-') this.#awaitsDocument = text;
    if (text === '\n') this.#skipDocuments();
    return true;
  }

  #skipDocuments(): void {
    for (const { end, tabs } of this.#documents.splice(0)) {
      for (;;) {
        if (this.#at >= this.#text.length) throw new ShellDoubt('a here-document does not end');
        const stop = this.#text.indexOf('\n', this.#at);
        const line = this.#text.slice(this.#at, stop < 0 ? undefined : stop);
        this.#at = stop < 0 ? this.#text.length : stop + 1;
        if ((tabs ? line.replace(/^\t+/, '') : line) === end) break;
        // What stands in it may run commands, where its end is not quoted.
        if (/[`$]/.test(line)) this.#push({ kind: 'word', text: '', shape: MARKS.any, dynamic: true, inner: innerOf(line) });
      }
    }
  }

  #add(text: string, shape = text): void {
    (this.#word ??= []).push(text);
    this.#shape.push(shape);
  }

  #part(char: string): void {
    if (char === "'") {
      const end = this.#text.indexOf("'", this.#at + 1);
      if (end < 0) throw new ShellDoubt('a quote is not closed');
      this.#add(this.#text.slice(this.#at + 1, end));
      this.#at = end + 1;
    } else if (char === '"') this.#double();
    else if (char === '\\') {
      if (this.#text[this.#at + 1] !== '\n') this.#add(this.#text[this.#at + 1] ?? '');
      this.#at += 2;
    } else if (char === '$') this.#dollar();
    else if (char === '`') this.#backquote();
    else {
      const isPattern = '*?[]{}~'.includes(char) && this.#isPattern(char);
      if (isPattern) this.#dynamic = true;
      this.#add(char, isPattern ? MARKS.ofPattern[char] : char === ',' ? MARKS.comma : char);
      this.#at++;
    }
  }

  /** `{` and `}` alone are words of the shell; with something at them they are spread out. */
  #isPattern(char: string): boolean {
    const next = this.#text[this.#at + 1];
    const isAlone = this.#word === undefined && (next === undefined || /[\s;&|)]/.test(next));
    if (char === '~') return this.#word === undefined;
    return !(isAlone && (char === '{' || char === '}' || char === '['));
  }

  #double(): void {
    this.#add('');
    this.#at++;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? '';
      if (char === '"') {
        this.#at++;
        return;
      }
      if (char === '\\' && '$`"\\\n'.includes(this.#text[this.#at + 1] ?? ' ')) {
        this.#add(this.#text[this.#at + 1] ?? '');
        this.#at += 2;
      } else if (char === '$') this.#dollar();
      else if (char === '`') this.#backquote();
      else {
        this.#add(char);
        this.#at++;
      }
    }
    throw new ShellDoubt('a quote is not closed');
  }

  #dollar(): void {
    const next = this.#text[this.#at + 1] ?? '';
    if (!/[\w({'"@*#?$!-]/.test(next)) {
      this.#add('$');
      this.#at++;
      return;
    }
    this.#dynamic = true;
    this.#at++;
    if (next === '(') this.#substitute();
    else if (next === '{') this.#braced();
    else if (next === "'") {
      // `$'\x2d'` is a text, too, with letters that are written in other ways.
      const quoted = this.#text.slice(this.#at, this.#text.indexOf("'", this.#at + 1));
      this.#add('', quoted.includes('\\') ? MARKS.any : '');
    } else if (next === '"') this.#add('');
    else {
      const name = /^[A-Za-z_]\w*/.exec(this.#text.slice(this.#at, this.#at + NAME_MAX))?.[0];
      this.#add('', name === undefined ? MARKS.any : variableMark(name));
      this.#at += name?.length ?? 1;
    }
  }

  #braced(): void {
    const end = this.#text.indexOf('}', this.#at);
    if (end < 0) throw new ShellDoubt('a ${ is not closed');
    const inside = this.#text.slice(this.#at, end);
    if (/[`(]/.test(inside)) throw new ShellDoubt('it runs a command inside a ${');
    const name = /^\{([A-Za-z_]\w*)$/.exec(inside)?.[1];
    this.#add('', name === undefined ? MARKS.any : variableMark(name));
    this.#at = end + 1;
  }

  /** From an opening parenthesis to the one that closes it, quotes taken into account. */
  #substitute(): void {
    this.#dynamic = true;
    this.#add('', MARKS.output);
    const from = this.#at + 1;
    let depth = 0;
    let quote = '';
    for (let at = this.#at; at < this.#text.length; at++) {
      const char = this.#text[at] ?? '';
      if (char === '\\' && quote !== "'") at++;
      else if (quote !== '') quote = char === quote ? '' : quote;
      else if (char === "'" || char === '"') quote = char;
      else if (char === '(') depth++;
      else if (char === ')' && --depth === 0) {
        this.#inner.push(this.#text.slice(from, at));
        this.#at = at + 1;
        return;
      }
    }
    throw new ShellDoubt('a parenthesis is not closed');
  }

  #backquote(): void {
    this.#dynamic = true;
    this.#add('', MARKS.output);
    const end = this.#text.indexOf('`', this.#at + 1);
    const inside = this.#text.slice(this.#at + 1, end);
    if (end < 0 || inside.includes('\\')) throw new ShellDoubt('a backquote cannot be followed');
    this.#inner.push(inside);
    this.#at = end + 1;
  }
}

function innerOf(line: string): readonly string[] {
  return new Cutter(`"${line.replaceAll('"', '\\"')}"`).run().flatMap((token) => (token.kind === 'word' ? token.inner : []));
}
