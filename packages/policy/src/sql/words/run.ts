import type { Token } from '../tokens.ts';

/** A run of tokens: a statement, or a part of one. Positions are inside the run. */
export class Run {
  readonly tokens: readonly Token[];
  readonly from: number;
  readonly to: number;

  constructor(tokens: readonly Token[], from = 0, to = tokens.length) {
    this.tokens = tokens;
    this.from = from;
    this.to = to;
  }

  get length(): number {
    return this.to - this.from;
  }

  at(index: number): Token | undefined {
    return index < 0 || index >= this.length ? undefined : this.tokens[this.from + index];
  }

  /** The unquoted word there, in lower case; empty when there is none. */
  word(index: number): string {
    const token = this.at(index);
    return token?.kind === 'word' ? token.text : '';
  }

  symbol(index: number): string {
    const token = this.at(index);
    return token?.kind === 'symbol' ? token.text : '';
  }

  cut(from: number, to = this.length): Run {
    return new Run(this.tokens, this.from + from, this.from + Math.max(from, Math.min(to, this.length)));
  }

  /** Calls `see` for what stands in no parenthesis, until it says true; gives that position. */
  findOutside(see: (index: number) => boolean, start = 0): number | undefined {
    let depth = 0;
    for (let index = start; index < this.length; index++) {
      const symbol = this.symbol(index);
      if (symbol === ')') depth--;
      if (depth === 0 && see(index)) return index;
      if (symbol === '(') depth++;
    }
    return undefined;
  }

  /** The place behind the parenthesis that opens at `index`. */
  behind(index: number): number {
    let depth = 0;
    for (let at = index; at < this.length; at++) {
      const symbol = this.symbol(at);
      if (symbol === '(') depth++;
      else if (symbol === ')' && --depth === 0) return at + 1;
    }
    return this.length;
  }

  /** `a.b.c` at `index`, however its parts are quoted, and the place behind it; undefined when no name stands there. */
  name(index: number): { readonly name: string; readonly next: number } | undefined {
    const parts: string[] = [];
    let at = index;
    if (this.#isName(at)) parts.push(this.at(at++)?.text ?? '');
    else if (this.symbol(at) === '.') parts.push('');
    else return undefined;
    // In `master..users` the part between is the usual one: it stays empty here.
    while (this.symbol(at) === '.') {
      at++;
      parts.push(this.#isName(at) ? (this.at(at++)?.text ?? '') : '');
    }
    return { name: parts.join('.'), next: at };
  }

  #isName(index: number): boolean {
    const kind = this.at(index)?.kind;
    return kind === 'word' || kind === 'quoted' || kind === 'ambiguous';
  }

  /** Where it stands in the text. */
  textIn(text: string): string {
    const first = this.at(0);
    const last = this.at(this.length - 1);
    return first && last ? text.slice(first.from, last.to) : '';
  }
}
