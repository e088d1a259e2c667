import type { Denial } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { withoutSequences } from '../../shared/escapes.ts';
import { FORBIDDEN_CONTEXT_BYTES } from '../limits.ts';

/** Looks at one stream of output, piece by piece, for what rules forbid: with what came before, and as a person would read it. */
export class Forbidden {
  readonly #forbids: NonNullable<AnswerRules['forbids']>;
  #context: Buffer = Buffer.alloc(0);

  constructor(forbids: NonNullable<AnswerRules['forbids']>) {
    this.#forbids = forbids;
  }

  /** Why this piece may not be shown. */
  look(piece: Buffer): Denial | undefined {
    const whole = this.#context.length === 0 ? piece : Buffer.concat([this.#context, piece]);
    this.#context = Buffer.from(whole.subarray(Math.max(0, whole.length - FORBIDDEN_CONTEXT_BYTES)));
    const read = withoutSequences(whole);
    // What a sequence carries, such as a window's title, is shown somewhere too.
    return this.#forbids(read) ?? (read === whole ? undefined : this.#forbids(whole));
  }
}
