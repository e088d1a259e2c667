import { LINE_CHARACTERS_MAX } from '../limits.ts';

/**
 * A line as it was typed, by the keys that every line editor has. A key that brings in text which was not typed, or that editors
 * understand differently, makes it uncertain: then only what the terminal shows can tell.
 */
export class TypedLine {
  #characters: string[] = [];
  #at = 0;
  /** What was typed without such a key in between; where none of it is on the screen, it was not meant to be seen. */
  #runs: string[] = [''];
  isCertain = true;
  /** More than can be judged. */
  isTooLong = false;

  get text(): string {
    return this.#characters.join('');
  }

  /** Of several pasted lines, the last one with something in it. */
  get lastRow(): string {
    return this.text.trimEnd().split('\n').at(-1) ?? '';
  }

  get rows(): number {
    return this.text.split('\n').length;
  }

  get isEmpty(): boolean {
    return this.#characters.length === 0 && this.isCertain;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#characters.length;
  }

  /** The pieces that were typed one after the other. */
  get runs(): readonly string[] {
    return this.#runs.map((run) => run.trim()).filter((run) => run !== '');
  }

  insert(text: string): void {
    if (this.#characters.length + text.length > LINE_CHARACTERS_MAX) {
      this.isTooLong = true;
      return;
    }
    for (const character of text) this.#characters.splice(this.#at++, 0, character);
    this.#runs[this.#runs.length - 1] += text;
  }

  /** A line end in pasted text: the line goes on. */
  insertBreak(): void {
    this.insert('\n');
    this.#runs.push('');
  }

  clear(): void {
    this.#characters = [];
    this.#at = 0;
    this.#runs = [''];
    this.isCertain = true;
    this.isTooLong = false;
  }

  makeUncertain(): void {
    this.isCertain = false;
    if (this.#runs.at(-1) !== '') this.#runs.push('');
    if (this.#runs.length > RUNS_MAX) this.#runs.splice(0, 1);
  }

  backspace(): void {
    if (this.#at > 0) this.#remove(this.#at - 1, 1);
    // At the beginning of what was typed it may take away what was not.
    else this.makeUncertain();
  }

  delete(): void {
    if (this.#at < this.#characters.length) this.#remove(this.#at, 1);
  }

  killBack(): void {
    if (!this.isAtEnd) this.makeUncertain();
    this.#remove(0, this.#at);
  }

  killForward(): void {
    this.#remove(this.#at, this.#characters.length - this.#at);
  }

  killWord(): void {
    let from = this.#at;
    while (from > 0 && this.#characters[from - 1] === ' ') from--;
    while (from > 0 && this.#characters[from - 1] !== ' ') from--;
    this.#remove(from, this.#at - from);
  }

  left(): void {
    this.#go(this.#at - 1);
  }

  right(): void {
    // Behind the end an editor may put in what it suggests.
    if (this.isAtEnd) this.makeUncertain();
    this.#go(this.#at + 1);
  }

  home(): void {
    this.#go(0);
  }

  end(): void {
    if (this.isAtEnd) this.makeUncertain();
    this.#go(this.#characters.length);
  }

  #go(to: number): void {
    this.#at = Math.max(0, Math.min(to, this.#characters.length));
    if (this.#runs.at(-1) !== '') this.#runs.push('');
  }

  #remove(from: number, count: number): void {
    this.#characters.splice(from, count);
    this.#at = from;
    if (this.#runs.at(-1) !== '') this.#runs.push('');
  }
}

const RUNS_MAX = 64;
