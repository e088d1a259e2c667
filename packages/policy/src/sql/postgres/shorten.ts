import { Doubt } from '../facts.ts';
import { LEXICONS, type Token, tokensOf } from '../tokens.ts';

/** What is shorter is parsed as it is. In UTF-16 units. */
const LENGTH_MIN = 512;

/** Of these no part is read as a text of its own. */
const STARTS = /^\s*(with|select|insert|update|delete|merge|explain)\b/i;

/**
 * The same statement with one value in each `IN (1, 2, 3, …)` and one row in each `VALUES (1, 'a'), (2, 'b'), …` of constants: the rest
 * of them says nothing about what it does, and PostgreSQL's parser would take ten times as long for it. Undefined when there is nothing
 * to leave out.
 */
export function shortened(text: string, tokens?: readonly Token[]): string | undefined {
  if (text.length < LENGTH_MIN || !STARTS.test(text)) return undefined;
  try {
    return new Shortener(text, tokens ?? tokensOf(text, LEXICONS.postgres)).run();
  } catch (error) {
    if (error instanceof Doubt) return undefined;
    throw error;
  }
}

class Shortener {
  readonly #text: string;
  readonly #tokens: readonly Token[];

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  run(): string | undefined {
    const parts: string[] = [];
    let kept = 0;
    for (let at = 0; at + 1 < this.#tokens.length; at++) {
      if (this.#tokens[at]?.kind !== 'word') continue;
      const word = this.#tokens[at]?.text;
      const cut = word === 'in' ? this.#listAt(at + 1) : word === 'values' ? this.#rowsAt(at + 1) : undefined;
      if (!cut) continue;
      parts.push(this.#text.slice(kept, cut.from));
      kept = cut.to;
      at = cut.last;
    }
    return parts.length === 0 ? undefined : parts.join('') + this.#text.slice(kept);
  }

  /** `(1, 2, 3)` but for its first value. */
  #listAt(open: number): Cut | undefined {
    const close = this.#constantsEnd(open);
    const first = this.#tokens[open + 1];
    const last = this.#tokens[close];
    return close > open + 2 && first && last ? { from: first.to, to: last.from, last: close } : undefined;
  }

  /** `(1, 2), (3, 4)` but for the first row. */
  #rowsAt(open: number): Cut | undefined {
    const first = this.#constantsEnd(open);
    if (first === 0) return undefined;
    let last = first;
    while (this.#is(',', last + 1)) {
      const next = this.#constantsEnd(last + 2);
      if (next === 0) break;
      last = next;
    }
    const from = this.#tokens[first]?.to;
    const to = this.#tokens[last]?.to;
    return last > first && from !== undefined && to !== undefined ? { from, to, last } : undefined;
  }

  /** Where the parenthesis closes that opens here, when there is nothing but constants in it; else 0. */
  #constantsEnd(open: number): number {
    if (!this.#is('(', open)) return 0;
    for (let at = open + 1; ; at += 2) {
      if (!this.#isConstant(at)) return 0;
      if (this.#is(')', at + 1)) return at + 1;
      if (!this.#is(',', at + 1)) return 0;
    }
  }

  #is(symbol: string, at: number): boolean {
    const token = this.#tokens[at];
    return token?.kind === 'symbol' && token.text === symbol;
  }

  /** A number, a parameter, or a plain string: before others a letter stands that says how they are read. */
  #isConstant(at: number): boolean {
    const token = this.#tokens[at];
    if (!token) return false;
    if (token.kind === 'number' || token.kind === 'parameter') return true;
    return token.kind === 'string' && this.#text[token.from] === "'" && /[\s,(]/.test(this.#text[token.from - 1] ?? '');
  }
}

interface Cut {
  readonly from: number;
  readonly to: number;
  /** The last token that was looked at. */
  readonly last: number;
}
