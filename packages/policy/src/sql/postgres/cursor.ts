import { Doubt } from '../facts.ts';
import type { Token } from '../tokens.ts';
import { FIELDS, KEYWORDS, PLAIN_TYPES, TEXT_TYPES } from './scan-words.ts';

/** Thrown where only the parser is certain: always the same one, for where it came from is of no interest, and takes time to find out. */
export const UNCERTAIN = new Doubt('not certain');

const END: Token = { kind: 'symbol', text: '', from: 0, to: 0 };

/** PostgreSQL cuts off what is longer, in bytes; what is not ASCII never comes here. */
const NAME_MAX = 63;

/** A place among the words of a statement. What it is asked for and does not find is a Doubt. */
export class Cursor {
  readonly #tokens: readonly Token[];
  readonly #end: number;
  #at = 0;
  /** What stands here. */
  here: Token = END;
  /** The word that stands here, in small letters; empty where there is none. */
  word = '';
  /** The same of a sign, and empty at the end too. */
  symbol = '';

  constructor(tokens: readonly Token[], end: number) {
    this.#tokens = tokens;
    this.#end = end;
    this.goTo(0);
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  goTo(at: number): void {
    const token = this.tokenAt(at);
    const { kind, text } = token;
    this.#at = at;
    this.here = token;
    this.word = kind === 'word' ? text : '';
    this.symbol = kind === 'symbol' ? text : '';
  }

  next(count = 1): void {
    this.goTo(this.#at + count);
  }

  tokenAt(at: number): Token {
    return (at < this.#end ? this.#tokens[at] : undefined) ?? END;
  }

  symbolAt(at: number): string {
    const { kind, text } = this.tokenAt(at);
    return kind === 'symbol' ? text : '';
  }

  wordAfter(ahead = 1): string {
    const { kind, text } = this.tokenAt(this.#at + ahead);
    return kind === 'word' ? text : '';
  }

  symbolAfter(ahead = 1): string {
    return this.symbolAt(this.#at + ahead);
  }

  /** Of the text, as far as there are words in it. */
  get length(): number {
    return this.tokenAt(this.#end - 1).to;
  }

  /** Goes on when this word stands here. */
  takes(word: string): boolean {
    if (this.word !== word) return false;
    this.next();
    return true;
  }

  takesSymbol(symbol: string): boolean {
    if (this.symbol !== symbol) return false;
    this.next();
    return true;
  }

  expect(word: string): void {
    if (!this.takes(word)) throw UNCERTAIN;
  }

  expectSymbol(symbol: string): void {
    if (!this.takesSymbol(symbol)) throw UNCERTAIN;
  }

  /** `a.b` from here on: a table. */
  qualifiedName(): string {
    const parts = [this.simpleName()];
    while (this.takesSymbol('.')) parts.push(this.anyName());
    if (parts.length > 2) throw UNCERTAIN;
    return parts.join('.');
  }

  /** A name of a table, of a column, or that somebody gives. */
  simpleName(): string {
    if (this.here.kind === 'word' && (KEYWORDS.get(this.word) ?? 'column') !== 'column') throw UNCERTAIN;
    return this.anyName();
  }

  /** Behind a dot or AS every word is a name. */
  anyName(): string {
    const { kind, text } = this.here;
    if ((kind !== 'word' && kind !== 'quoted') || text.length > NAME_MAX || text === '') throw UNCERTAIN;
    this.next();
    return text;
  }

  /** `(a, b)`. */
  names(): void {
    this.expectSymbol('(');
    do this.simpleName();
    while (this.takesSymbol(','));
    this.expectSymbol(')');
  }

  /** A type behind `::` or AS. */
  type(): void {
    const { word } = this;
    if (word === 'interval') {
      this.next();
      this.intervalFields();
    } else if (word === 'timestamp' || word === 'time') {
      this.next();
      this.timeZone();
    } else if (word === 'double') {
      this.next();
      this.expect('precision');
    } else if (TEXT_TYPES.has(word)) {
      this.next();
      if (word === 'national' && !this.takes('char')) this.expect('character');
      this.takes('varying');
      this.modifiers();
    } else if (PLAIN_TYPES.has(word)) {
      this.next();
      this.modifiers();
    } else {
      if (this.here.kind === 'word' && (KEYWORDS.get(word) ?? 'function') !== 'function') throw UNCERTAIN;
      this.anyName();
      while (this.takesSymbol('.')) this.anyName();
      this.modifiers();
    }
    this.#bounds();
  }

  /** `(3) with time zone`. */
  timeZone(): void {
    this.modifiers();
    if ((this.word === 'with' || this.word === 'without') && this.wordAfter() === 'time' && this.wordAfter(2) === 'zone') this.next(3);
  }

  /** `year to month`, `second(3)`. */
  intervalFields(): void {
    if (FIELDS.has(this.word)) {
      this.next();
      if (this.word === 'to' && FIELDS.has(this.wordAfter())) this.next(2);
    }
    this.modifiers();
  }

  /** `(10, 2)`. */
  modifiers(): void {
    if (!this.takesSymbol('(')) return;
    do {
      this.takesSymbol('-');
      if (this.here.kind !== 'number' && this.here.kind !== 'string') throw UNCERTAIN;
      this.next();
    } while (this.takesSymbol(','));
    this.expectSymbol(')');
  }

  /** `[]`, `[3][]`, `ARRAY[3]`. */
  #bounds(): void {
    if (this.word === 'array') this.next();
    while (this.takesSymbol('[')) {
      if (this.here.kind === 'number') this.next();
      this.expectSymbol(']');
    }
  }
}
