import { createHash } from 'node:crypto';
import type { ReviewAnswer, ReviewMessage } from '@hoop/contract/tunnel';
import { type Action, ALLOW, type Approval, type Hold, type LaterPart, type Verdict } from '@hoop/core/action';
import type { Approvals, Policy } from '@hoop/core/gate';
import { HELD_ACTIONS_MAX, REVIEW_TEXT_BYTES_MAX, REVIEW_WAIT_MS_MAX } from '@hoop/core/limits';

/** The gateway ends a wait by itself; this is for one that does not. */
const BACKSTOP_MS = REVIEW_WAIT_MS_MAX + 60_000;

export interface ApprovalsOptions {
  /** The gateway asks people. Without it everything that would be held is denied. */
  readonly canAsk: boolean;
  /** Sends on the session's own stream, behind the record of the action. */
  send(message: ReviewMessage): void;
  /** Words for the client while it waits. */
  notice(text: string): void;
}

interface Pending {
  readonly sha256: string;
  settle(approval: Approval): void;
}

/** Asks people through the gateway about the actions of one session, and waits. Whatever goes wrong is a no. */
export class GatewayApprovals implements Approvals {
  readonly #options: ApprovalsOptions;
  readonly #pending = new Map<number, Pending>();
  #closed: string | undefined;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
  }

  /** Whether something waits. */
  get waiting(): boolean {
    return this.#pending.size > 0;
  }

  request(action: Action, hold: Hold): Promise<Approval> {
    const { beside } = action;
    return beside ? this.#requestWith(action, hold, beside) : this.#request(action, hold);
  }

  /** People read what would run with all that it runs with, and that is what their yes is about. */
  async #requestWith({ beside: _, ...action }: Action, hold: Hold, beside: NonNullable<Action['beside']>): Promise<Approval> {
    const line = await beside();
    return this.#request(line === '' ? action : { ...action, text: `${action.text}\n-- ${line}` }, hold);
  }

  #request(action: Action, hold: Hold): Promise<Approval> {
    const refusal = this.#refusalOf(action);
    if (refusal !== undefined) return Promise.resolve({ approved: false, reason: refusal });
    const { seq, via, text } = action;
    const sha256 = createHash('sha256').update(text).digest('hex');
    const { promise, resolve } = Promise.withResolvers<Approval>();
    const timer = setTimeout(() => this.#settle(seq, { approved: false, reason: 'nobody answered in time' }), BACKSTOP_MS);
    timer.unref();
    const settle = (approval: Approval): void => {
      clearTimeout(timer);
      resolve(approval);
    };
    this.#pending.set(seq, { sha256, settle });
    this.#options.send({ type: 'request', seq, via, text, sha256, rule: hold.rule, message: hold.message });
    return promise;
  }

  /** What the gateway says. About something that does not wait any more it says nothing of use. */
  answer(answer: ReviewAnswer): void {
    const pending = this.#pending.get(answer.seq);
    if (!pending) return;
    if (answer.state === 'asked') {
      this.#options.notice(answer.notice);
      return;
    }
    const { by, reason } = answer;
    if (!answer.approved) this.#settle(answer.seq, { approved: false, reason, ...(by === undefined ? {} : { by }) });
    else if (answer.sha256 === pending.sha256 && by !== undefined) this.#settle(answer.seq, { approved: true, by });
    else this.#settle(answer.seq, { approved: false, reason: 'the approval is about another text; try again' });
  }

  /** The client does not want any more what it asked for: people need not be asked either. */
  withdraw(): void {
    const reason = 'it was cancelled';
    for (const seq of [...this.#pending.keys()]) {
      this.#options.send({ type: 'withdraw', seq, reason });
      this.#settle(seq, { approved: false, reason });
    }
  }

  /** The session is over: nothing is asked for any more. */
  close(): void {
    this.#closed = 'the session ended';
    for (const seq of [...this.#pending.keys()]) this.#settle(seq, { approved: false, reason: this.#closed });
  }

  #refusalOf({ text }: Action): string | undefined {
    if (this.#closed !== undefined) return this.#closed;
    if (!this.#options.canAsk) return 'the gateway is older than this agent and cannot ask for approval; update it';
    if (this.#pending.size >= HELD_ACTIONS_MAX) return `${HELD_ACTIONS_MAX} actions of this session wait for approval already`;
    if (Buffer.byteLength(text) > REVIEW_TEXT_BYTES_MAX) {
      return `it is longer than ${REVIEW_TEXT_BYTES_MAX} bytes, which nobody can read before approving; split it`;
    }
    return undefined;
  }

  #settle(seq: number, approval: Approval): void {
    const pending = this.#pending.get(seq);
    this.#pending.delete(seq);
    pending?.settle(approval);
  }
}

/** The same rules, but what they let pass waits for approval. */
export function holdingAll(policy: Policy, message: string): Policy {
  const held: Verdict = { allow: 'hold', hold: { rule: HOLD_ALL_RULE, message } };
  const orHeld = (verdict: Verdict): Verdict =>
    verdict.allow !== true ? verdict : verdict.answer ? { ...held, answer: verdict.answer } : held;
  return {
    revision: policy.revision,
    mask: policy.mask,
    mayHold: true,
    // What people approve is the action; rules alone find something in what it goes on with.
    ...(policy.judgeMore ? { judgeMore: (part: LaterPart) => policy.judgeMore?.(part) ?? ALLOW } : {}),
    judge: (action) => {
      const verdict = policy.judge(action);
      return verdict instanceof Promise ? verdict.then(orHeld) : orHeld(verdict);
    },
  };
}

/** What records name where the connection itself wants approval, and no rule. */
const HOLD_ALL_RULE = 'reviewers';
