import type { Denial } from './action.ts';
import type { MaskCounts } from './gate.ts';

/** A column of an answer, as the target describes it. */
export interface AnswerColumn {
  /** What the client sees as its name. */
  readonly name: string;
  /** Where the target says that its values come from; absent where it does not say. */
  readonly origin?: { readonly schema?: string; readonly table: string; readonly column: string };
}

/** Hides one value whole: null when it is to be shown as no value at all. An adapter shows no value where the column's type has no room for the stand-in. */
export type HideValue = (value: Buffer, counts: MaskCounts) => Buffer | null;

/** What rules demand of the answer to one action, beside the mask on every text in it. It stands on the action's permit. */
export interface AnswerRules {
  /** More rows than `max` are not shown: the answer ends there, with the denial. */
  readonly rows?: { readonly max: number; readonly denial: Denial };
  /**
   * Looks at one value, or at a piece of a stream with enough of what came before it. A denial ends the answer, and what
   * it is about is not shown. Never throws.
   */
  readonly forbids?: (text: Buffer) => Denial | undefined;
  /**
   * Which columns are hidden whole, by position; undefined when none is. Asked once for each result.
   * @param columns as described; only how many, where the target was not asked to describe them
   */
  readonly hides?: (columns: readonly AnswerColumn[] | number) => readonly (HideValue | undefined)[] | undefined;
  /**
   * Beside `hides`: what the target says in errors and notices may quote a hidden value. Where it can (a value that does not fit, a
   * row that breaks a constraint, words of the client's own), the code is shown and the words are not.
   */
  readonly hushes?: boolean;
  /**
   * Of an answer in a format that tells no types, in which a mask may miss values: what it ends with, or what it is counted as where it
   * may pass. Only of texts that may ask for such an answer.
   */
  readonly untyped?: Denial | { readonly countedAs: string };
}

/** Kinds of rules about answers. Who keeps `hides` keeps `hushes` with it. */
export type AnswerAbility = 'rows' | 'forbids' | 'hides';
