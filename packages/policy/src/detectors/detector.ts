import type { Code } from './checks.ts';

/** What a detector calls for each value, in bytes of the view, with a score between 0 and 1. */
export type Found = (from: number, to: number, score: number) => void;

/** How a code is divided: not at all, as its country writes it, in groups of one size, or in any other way. */
export type Layout = 'plain' | 'listed' | 'regular';

/** A code of known length with letters and digits in known places. All that are wanted are looked for in one pass. */
export interface CodeEntity {
  readonly entity: string;
  /** `A` a letter, `9` a digit: `AAAAA9999A`. */
  readonly shapes: readonly string[];
  /** Groups as they are written: `3-2-4`. Without separators, and in groups of one size, it is looked at always. */
  readonly layouts: readonly string[];
  /** In groups of one size it is none, unless they are among the layouts. */
  readonly isNeverRegular?: boolean;
  /** With so many characters only it may be in groups of one size that are not among the layouts. Without it, with any. */
  readonly regularLengths?: readonly number[];
  /** Words that make it more likely when they stand before it, in lower case. */
  readonly context: readonly string[];
  /** How likely `code` is one, 0 when it is none. In upper case, without separators. */
  score(code: Code, length: number, layout: Layout): number;
}

/** What has to be in a run of bytes for a value to be there. */
export interface Hints {
  /** Digits that follow each other, at most three separators between them. */
  readonly digits?: number;
  /** Letters, digits and signs of tokens without a gap. */
  readonly run?: number;
  readonly texts?: readonly string[];
  /** One of these. */
  readonly bytes?: readonly number[];
  readonly words?: boolean;
}

/** A detector with a scanner of its own. It must be linear in the length. */
export interface ScanEntity {
  readonly entity: string;
  readonly hints: Hints;
  /** One of these has to be in the text; see `survey.ts`. */
  readonly bits: number;
  /** @param bits what is in the text */
  find(bytes: Buffer, found: Found, bits: number): void;
}

/** A run of letters, digits and `+/=_-.` without a gap, at least 16 long, that a secret could be. */
export interface RunEntity {
  readonly entity: string;
  /** Called once in front of each text. */
  begin?(): void;
  /** What a word in the run begins with for `begins` to be called. */
  readonly firsts?: string;
  /** Called where a word begins. Says from where on it wants to be called again. `to` is where the run ends */
  begins?(bytes: Buffer, at: number, to: number, found: Found): number;
  /** Called for the whole run: from where it begins to where it ends. */
  find?(bytes: Buffer, from: number, to: number, found: Found): void;
}

/** Something about words and numbers. */
export interface WordEntity {
  readonly entity: string;
  readonly hints: Hints;
  /** What is inside of something that was found is not looked at again. */
  readonly skips: boolean;
  /** In which lists a word has to be; see `words.ts`. */
  readonly kinds: number;
  /** Which numbers `number` is called for: those of digits alone, or those with a blank and a capital behind. Without it, all. */
  readonly needs?: 'digits' | 'capital';
  /** Called for each run of letters and digits with a digit in it, in order. */
  number?(bytes: Buffer, from: number, to: number, found: Found): void;
  /**
   * Whether `number` can find anything there, in a text that begins at `start` and ends at `end`: false is certain. Every digit is as good
   * as any other: it says the same of all texts of one shape. Without it: always.
   */
  mayBe?(bytes: Buffer, from: number, to: number, start: number, end: number): boolean;
  /** Called for each word that is in a list (`kinds` says in which, see `words.ts`), or has a house number behind it. */
  block?(bytes: Buffer, from: number, to: number, kinds: number, found: Found): void;
}

/** Shapes of digits only. */
export function digits(...lengths: readonly number[]): string[] {
  return lengths.map((length) => '9'.repeat(length));
}
