import { Doubt } from '../facts.ts';
import type { Token } from '../tokens.ts';
import { isHard, RESERVED } from './scan-words.ts';

/** A place among the words of a statement. What it is asked for and does not find is a Doubt. */
export class Cursor {
  readonly tokens: readonly Token[];
  readonly end: number;
  at = 0;

  constructor(tokens: readonly Token[], end: number) {
    this.tokens = tokens;
    this.end = end;
  }

  /** `a.b` from here on; stands behind it afterwards. */
  name(): string {
    const parts = [this.simpleName()];
    while (this.at < this.end && this.text(0) === '.') {
      this.at++;
      parts.push(this.simpleName());
    }
    if (parts.length > 2) throw new Doubt('not certain');
    return parts.join('.');
  }

  simpleName(): string {
    const { kind, text } = this.here();
    if (kind === 'word' ? isHard(text) || RESERVED.has(text) : kind !== 'quoted') throw new Doubt('not certain');
    this.at++;
    return text;
  }

  skipNames(): void {
    this.at++;
    for (;;) {
      this.simpleName();
      const mark = this.text(0);
      this.at++;
      if (mark === ')') return;
      if (mark !== ',') throw new Doubt('not certain');
    }
  }

  here(): Token {
    const token = this.at < this.end ? this.tokens[this.at] : undefined;
    if (!token) throw new Doubt('not certain');
    return token;
  }

  text(ahead: number): string {
    const token = this.at + ahead < this.end ? this.tokens[this.at + ahead] : undefined;
    return token?.kind === 'symbol' ? token.text : '';
  }

  word(ahead: number): string {
    const token = this.at + ahead < this.end ? this.tokens[this.at + ahead] : undefined;
    return token?.kind === 'word' ? token.text : '';
  }

  expect(word: string): void {
    if (this.word(0) !== word) throw new Doubt('not certain');
    this.at++;
  }
}
