import type { Denial } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { ANSWER_CONTEXT_BYTES, ANSWER_HELD_BYTES_MAX } from './limits.ts';

/**
 * Looks at the body of an answer for what a rule forbids, and holds back what may turn out to belong to it: the beginning of the
 * answer, as long as there is room, and of what follows the newest piece.
 */
export class AnswerGuard {
  readonly #forbids: NonNullable<AnswerRules['forbids']>;
  #context: Buffer = Buffer.alloc(0);
  #held: { readonly frames: Buffer; readonly bytes: number }[] = [];
  #heldBytes = 0;
  /** Something went to the client already, so that there cannot be another answer instead. */
  begun = false;

  constructor(forbids: NonNullable<AnswerRules['forbids']>) {
    this.#forbids = forbids;
  }

  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Looks at a piece of the body as the target sent it, with what came before it. */
  look(piece: Buffer): Denial | undefined {
    const whole = this.#context.length === 0 ? piece : Buffer.concat([this.#context, piece]);
    this.#context = Buffer.from(whole.subarray(Math.max(0, whole.length - ANSWER_CONTEXT_BYTES)));
    return this.#forbids(whole);
  }

  /** Holds frames for the client back that stand for so many bytes of the body; returns those that it lets go for them. */
  hold(frames: Buffer, bytes: number): Buffer {
    this.#held.push({ frames, bytes });
    this.#heldBytes += bytes;
    if (this.#heldBytes <= ANSWER_HELD_BYTES_MAX) return NOTHING;
    return this.#letGo(this.#held.length - 1);
  }

  /** Everything that is held. */
  release(): Buffer {
    return this.#letGo(this.#held.length);
  }

  #letGo(count: number): Buffer {
    const gone = this.#held.splice(0, count);
    if (gone.length === 0) return NOTHING;
    for (const { bytes } of gone) this.#heldBytes -= bytes;
    this.begun = true;
    return Buffer.concat(gone.map(({ frames }) => frames));
  }
}

const NOTHING = Buffer.alloc(0);
