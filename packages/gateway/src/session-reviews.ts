import { createHash } from 'node:crypto';
import type { ReviewAnswer, ReviewMessage } from '@hoop/contract/tunnel';
import { PeerFault } from '@hoop/core/errors';
import { HELD_ACTIONS_MAX } from '@hoop/core/limits';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Person } from '@hoop/store/reviews';
import type { AgentLink } from '@hoop/tunnel/link';
import { type ReviewDesk, waitingWords } from './reviews.ts';

export interface SessionReviewsParts {
  readonly desk: ReviewDesk;
  readonly link: Pick<AgentLink, 'answerReview'>;
  readonly session: string;
  readonly connection: Pick<ConnectionRow, 'id' | 'name' | 'reviewers'>;
  readonly requester: Person;
  urlOf(reviewId: string): string | undefined;
}

/** What the agent holds in one session, brought before people, and their answers back to it. */
export class SessionReviews {
  readonly #parts: SessionReviewsParts;
  #open = 0;

  constructor(parts: SessionReviewsParts) {
    this.#parts = parts;
  }

  /** @throws PeerFault `bad_message` where the text is not what its hash says */
  take(message: ReviewMessage): void {
    const { desk, session, connection, requester, urlOf } = this.#parts;
    const { seq } = message;
    if (message.type === 'withdraw') {
      desk.withdraw(session, seq, message.reason);
      return;
    }
    const { text, sha256, via, rule, message: why } = message;
    if (createHash('sha256').update(text).digest('hex') !== sha256) {
      throw new PeerFault('bad_message', 'The agent asks for approval of a text that is not what its hash says');
    }
    const no = { state: 'decided', seq, approved: false, sha256 } as const;
    if (this.#open >= HELD_ACTIONS_MAX) {
      this.#answer({ ...no, reason: `${HELD_ACTIONS_MAX} actions of this session wait for approval already` });
      return;
    }
    this.#open++;
    const wish = {
      sessionId: session,
      seq,
      type: 'onetime',
      via,
      text,
      textHash: sha256,
      rule,
      message: why,
      connection,
      requester,
    } as const;
    void desk.ask(wish, {
      asked: (review) => this.#answer({ state: 'asked', seq, notice: waitingWords(review, urlOf(review.id)) }),
      decided: (outcome) => {
        this.#open--;
        this.#answer(outcome.approved ? { ...no, ...outcome, reason: '' } : { ...no, ...outcome });
      },
    });
  }

  /** The session is over, or is about to be: the agent must not go on waiting, nor people. */
  over(reason: string): void {
    this.#parts.desk.cancelSession(this.#parts.session, reason);
  }

  #answer(answer: ReviewAnswer): void {
    this.#parts.link.answerReview(this.#parts.session, answer);
  }
}
