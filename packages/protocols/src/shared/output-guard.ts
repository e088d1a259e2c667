import type { Denial } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import type { Mask } from '@hoop/core/gate';
import { withoutSequences } from './escapes.ts';
import { GUARD_CONTEXT_BYTES } from './limits.ts';

/** Looks at a stream of output for what a rule forbids, however it is cut and whatever colours stand between its letters. */
export class OutputGuard {
  /** What came last, with what steers in it. */
  #context: Buffer = Buffer.alloc(0);

  /** Looks at a piece with what came before it, as the target sent it. */
  look(chunk: Buffer, forbids: AnswerRules['forbids']): Denial | undefined {
    if (!forbids) return undefined;
    const whole = this.#context.length === 0 ? chunk : Buffer.concat([this.#context, chunk]);
    this.#context = Buffer.from(whole.subarray(Math.max(0, whole.length - GUARD_CONTEXT_BYTES)));
    const read = withoutSequences(whole);
    // What a sequence carries, such as a window's title, is shown somewhere too.
    return forbids(read) ?? (read === whole ? undefined : forbids(whole));
  }
}

/** Hides nothing. With it a `MaskStream` holds the last word back all the same, so that none of it was shown when its rest turns out to be forbidden. */
export const HOLDING: Mask = { suspects: () => false, apply: (text) => text };
