import { isDigit } from './checks.ts';
import type { CodeEntity, Found, Layout, WordEntity } from './detector.ts';
import type { Wanted } from './shapes.ts';

/** A value with more to be done for it is searched as any other text. */
const STEPS_MAX = 64;
const ZERO = 0x30;

type FindNumber = NonNullable<WordEntity['number']>;
type FindBare = (text: Buffer, from: number, to: number) => void;
type FoundEntity = (entity: string, from: number, to: number, score: number) => void;

/** A detector that looks at one number, or a code that may be there: all of them have the same fields, because that is quicker. */
interface Step {
  readonly from: number;
  readonly to: number;
  /** A code, from which score on it counts, how many digits are in front of it, and how it is divided. */
  readonly code: CodeEntity | undefined;
  readonly threshold: number;
  readonly at: number;
  readonly length: number;
  readonly layout: Layout;
  /** A word detector, its place among the others, and what it calls. */
  readonly find: FindNumber | undefined;
  readonly index: number;
  readonly found: Found;
  /** For digits with zeros in front. */
  readonly bare: FindBare | undefined;
}

const NO_STEP: Step = {
  from: 0,
  to: 0,
  code: undefined,
  threshold: 0,
  at: 0,
  length: 0,
  layout: 'plain',
  find: undefined,
  index: 0,
  found: () => undefined,
  bare: undefined,
};

/**
 * What there is to be done for a text of digits and signs: which of them could be one code, and who looks at them, follows from its shape
 * alone, which nearly all values of a column share. There are no letters in it, so that no word can make a code more likely.
 */
export class Plan {
  /** What other detectors have to look for. */
  readonly bits: number;
  readonly #steps: readonly Step[];

  constructor(bits: number, steps: readonly Step[]) {
    this.bits = bits;
    this.#steps = steps;
  }

  /** Whether nobody looks at such a text, but for what the bits say. */
  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  /**
   * @param codes the digits of the text, from the first on, from the second on, and so forth
   * @param until by word detector: where what it found ends
   */
  find(text: Buffer, codes: readonly Uint8Array[], until: Int32Array, found: FoundEntity): void {
    const steps = this.#steps;
    for (let at = 0; at < steps.length; at++) {
      const step = steps[at];
      if (!step) continue;
      if (step.code) {
        const code = codes[step.at];
        const score = code ? step.code.score(code, step.length, step.layout) : 0;
        if (score > 0 && score >= step.threshold) found(step.code.entity, step.from, step.to, score);
      } else if (step.find) {
        if (step.from >= (until[step.index] ?? 0)) step.find(text, step.from, step.to, step.found);
      } else if (text[step.from] === ZERO) step.bare?.(text, step.from, step.to);
    }
  }
}

/** A plan that is being made. */
export class Planned {
  readonly #steps: Step[] = [];

  number(index: number, find: FindNumber, found: Found, from: number, to: number): void {
    this.#steps.push({ ...NO_STEP, index, find, found, from, to });
  }

  codes(text: Buffer, from: number, to: number, length: number, layout: Layout, wanted: readonly Wanted[]): void {
    let at = 0;
    for (let before = 0; before < from; before++) if (isDigit(text[before] ?? 0)) at++;
    for (const { code, threshold } of wanted) this.#steps.push({ ...NO_STEP, code, threshold, at, from, to, length, layout });
  }

  zeros(bare: FindBare, from: number, to: number): void {
    this.#steps.push({ ...NO_STEP, bare, from, to });
  }

  /** Undefined: there is too much to be done. */
  plan(bits: number): Plan | undefined {
    return this.#steps.length > STEPS_MAX ? undefined : new Plan(bits, this.#steps);
  }
}
