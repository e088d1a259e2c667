import type { Clock } from '@hoop/core/clock';
import { asAppError, Bug, Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import { REVIEW_WAIT_MS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import type { ConnectionRow } from '@hoop/store/connections';
import type { NewReview, Person, ReviewRow } from '@hoop/store/reviews';
import type { Store } from '@hoop/store/store';

export interface ReviewDeskDeps {
  readonly store: Pick<Store, 'reviews' | 'connections' | 'gateways'>;
  readonly gatewayId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long people have; `REVIEW_WAIT_MS_MAX` where not said. */
  readonly wait_ms?: number;
}

/** What people are asked about. */
export type Wish = Pick<NewReview, 'sessionId' | 'seq' | 'type' | 'via' | 'text' | 'textHash' | 'rule' | 'message'> & {
  readonly connection: Pick<ConnectionRow, 'id' | 'name' | 'reviewers'>;
  readonly requester: Person;
};

/** What came of it. `by` is absent where no person decided. */
export type Outcome =
  | { readonly approved: true; readonly by: string }
  | { readonly approved: false; readonly by?: string; readonly reason: string };

export interface Asker {
  /** People can see it now. */
  asked(review: ReviewRow): void;
  /** Once, and nothing after it. */
  decided(outcome: Outcome): void;
}

/** What a person says. */
export interface Decision {
  readonly status: 'APPROVED' | 'REJECTED';
  readonly reason?: string | undefined;
  /** Of the text that was read: it must be the one that was asked about. */
  readonly textHash?: string | undefined;
}

interface Waiting {
  readonly wish: Wish;
  readonly asker: Asker;
  review?: ReviewRow;
  timer?: NodeJS.Timeout;
  over: boolean;
}

/** Which of this gateway's sessions wait for people, and what people may say. Rows are the truth: a decision may be made on any gateway. */
export class ReviewDesk {
  readonly #deps: ReviewDeskDeps;
  readonly #waiting = new Map<string, Waiting>();
  readonly #byReview = new Map<string, Waiting>();
  readonly #watchers = new Map<string, (review: ReviewRow) => void>();

  constructor(deps: ReviewDeskDeps) {
    this.#deps = deps;
  }

  /** How many actions and openings wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Asks people. The asker hears everything else; this never rejects. */
  async ask(wish: Wish, asker: Asker): Promise<void> {
    const waiting: Waiting = { wish, asker, over: false };
    const key = keyOf(wish.sessionId, wish.seq);
    if (this.#waiting.has(key)) {
      asker.decided({ approved: false, reason: 'approval of this action was asked for already' });
      return;
    }
    this.#waiting.set(key, waiting);
    try {
      const review = await this.#store(wish);
      if (waiting.over) {
        await this.#deps.store.reviews.settle(review.id, { status: 'CANCELLED', reason: OVER });
        return;
      }
      this.#open(waiting, review);
      // It may have been decided while nobody here knew its id.
      await this.changed(review.id);
    } catch (thrown) {
      const error = asAppError(thrown);
      this.#deps.log.error({ err: error, session: wish.sessionId }, 'People could not be asked for approval');
      this.#end(waiting, { approved: false, reason: error instanceof Bug ? 'the request could not be stored' : error.message });
    }
  }

  /** Something happened to a review, here or on another gateway: who waits for it hears. */
  async changed(reviewId: string): Promise<void> {
    const waiting = this.#byReview.get(reviewId);
    const row = waiting && (await this.#deps.store.reviews.get(reviewId));
    if (row && row.status !== 'PENDING') this.#end(waiting, outcomeOf(row));
  }

  /** The action is not wanted any more. */
  withdraw(sessionId: string, seq: number, reason: string): void {
    const waiting = this.#waiting.get(keyOf(sessionId, seq));
    if (waiting) this.#giveUp(waiting, reason);
  }

  /** The session is over, or is about to be. */
  cancelSession(sessionId: string, reason: string): void {
    for (const waiting of [...this.#waiting.values()]) if (waiting.wish.sessionId === sessionId) this.#giveUp(waiting, reason);
  }

  isWaiting(sessionId: string): boolean {
    return [...this.#waiting.values()].some(({ wish }) => wish.sessionId === sessionId);
  }

  /** Calls back with the first review of a session that begins to wait from here on. Returns what ends that. */
  watch(sessionId: string, onAsked: (review: ReviewRow) => void): () => void {
    this.#watchers.set(sessionId, onAsked);
    return () => void this.#watchers.delete(sessionId);
  }

  /**
   * What a person says about a review that they may see.
   * @throws Refusal `forbidden`, `self_approval`, `review_decided`, `review_text_changed`, `review_text_unread`, `review_over`
   */
  async decide(review: ReviewRow, by: Identity, decision: Decision): Promise<ReviewRow> {
    const { reviews } = this.#deps.store;
    const decider = personOf(by);
    const isOwn = review.requester.id === by.userId;
    const { status, reason = '' } = decision;
    if (!isOwn && !(await this.mayDecide(review, by))) throw new Refusal('forbidden', `Only ${whoDecides(review)} may decide about this`);
    if (isOwn && status === 'APPROVED')
      throw new Refusal('self_approval', 'Nobody approves what they asked for themselves; ask somebody else');
    if (review.status !== 'PENDING') throw decided(review);
    mustBeRead(review, decision);
    if (review.gatewayId !== this.#deps.gatewayId && !(await this.#deps.store.gateways.isLive(review.gatewayId))) {
      await reviews.settle(review.id, { status: 'CANCELLED', reason: OVER });
      throw new Refusal('review_over', 'Nobody waits for this any more: its gateway is gone');
    }
    // Whoever takes back what they asked for has not rejected it.
    const settlement = isOwn ? ({ status: 'CANCELLED', decider, reason: reason || TAKEN_BACK } as const) : { status, decider, reason };
    const settled = await reviews.settle(review.id, settlement);
    if (!settled) throw decided((await reviews.get(review.id)) ?? review);
    this.#deps.log.info({ review: review.id, session: review.sessionId, by: by.email, status: settled.status }, 'A review was decided');
    return settled;
  }

  /** Members of the groups that review this connection as it is set up now, and administrators. */
  async mayDecide(review: ReviewRow, by: Identity): Promise<boolean> {
    if (by.isAdmin) return true;
    const connection = await this.#deps.store.connections.get(review.connectionId);
    return connection?.reviewers.some((group) => by.groups.includes(group)) ?? false;
  }

  #store({ connection, ...wish }: Wish): Promise<ReviewRow> {
    const { store, gatewayId, clock, wait_ms = REVIEW_WAIT_MS_MAX } = this.#deps;
    const { id: connectionId, name, reviewers: groups } = connection;
    return store.reviews.create({ ...wish, connectionId, connection: name, groups, gatewayId, expiresAt: clock.now() + wait_ms });
  }

  #open(waiting: Waiting, review: ReviewRow): void {
    waiting.review = review;
    this.#byReview.set(review.id, waiting);
    waiting.timer = setTimeout(() => void this.#expire(waiting, review), Math.max(0, review.expiresAt - this.#deps.clock.now()));
    waiting.asker.asked(review);
    this.#watchers.get(review.sessionId)?.(review);
  }

  async #expire(waiting: Waiting, review: ReviewRow): Promise<void> {
    try {
      const expired = await this.#deps.store.reviews.settle(review.id, { status: 'EXPIRED' });
      if (!expired) await this.changed(review.id);
    } catch (error) {
      this.#deps.log.error({ err: asAppError(error), review: review.id }, 'That nobody decided about a review could not be stored');
    }
    // Whatever the store says by now, nobody waits longer than that.
    this.#end(waiting, NOBODY_ANSWERED);
  }

  #giveUp(waiting: Waiting, reason: string): void {
    const { review } = waiting;
    this.#end(waiting, { approved: false, reason });
    if (!review) return;
    this.#deps.store.reviews.settle(review.id, { status: 'CANCELLED', reason }).catch((error) => {
      this.#deps.log.error({ err: asAppError(error), review: review.id }, 'A review that nobody waits for could not be cancelled');
    });
  }

  #end(waiting: Waiting, outcome: Outcome): void {
    if (waiting.over) return;
    waiting.over = true;
    clearTimeout(waiting.timer);
    this.#waiting.delete(keyOf(waiting.wish.sessionId, waiting.wish.seq));
    if (waiting.review) this.#byReview.delete(waiting.review.id);
    waiting.asker.decided(outcome);
  }
}

const OVER = 'Its session is over';
const TAKEN_BACK = 'Taken back by who asked for it';
const NOBODY_ANSWERED = { approved: false, reason: 'nobody answered in time; ask your reviewers and try again' } as const;

function keyOf(sessionId: string, seq: number): string {
  return `${sessionId}/${seq}`;
}

function outcomeOf({ status, decider, reason }: ReviewRow): Outcome {
  if (status === 'APPROVED') return { approved: true, by: decider?.email ?? '' };
  if (status === 'EXPIRED') return NOBODY_ANSWERED;
  return { approved: false, reason, ...(status === 'REJECTED' && decider ? { by: decider.email } : {}) };
}

function whoDecides({ groups }: ReviewRow): string {
  return groups.length > 0 ? `administrators and members of ${groups.join(', ')}` : 'administrators';
}

function decided({ status, decider }: ReviewRow): Refusal {
  const who = decider ? ` by ${decider.email}` : '';
  return new Refusal(
    'review_decided',
    status === 'PENDING' ? 'The time for this is over' : `This is ${status.toLowerCase()} already${who}`,
  );
}

/** An approval is of the text that was read, and nobody has read what was not shown. @throws Refusal */
function mustBeRead(review: ReviewRow, { status, textHash }: Decision): void {
  if (textHash !== undefined && textHash.toLowerCase() !== review.textHash) {
    throw new Refusal('review_text_changed', 'This text_hash is of another text than what would run; read it again');
  }
  if (status === 'APPROVED' && review.isCut && textHash === undefined) {
    throw new Refusal(
      'review_text_unread',
      'The text is longer than what lists show; read the whole with expand=text and send its text_hash',
    );
  }
}

export function personOf({ userId: id, email, name }: Identity): Person {
  return { id, email, name };
}

/** Words for whoever waits. */
export function waitingWords(review: Pick<ReviewRow, 'id' | 'message' | 'expiresAt' | 'createdAt'>, url: string | undefined): string {
  const minutes = Math.max(1, Math.round((review.expiresAt - review.createdAt) / 60_000));
  const where = url === undefined ? '' : `, ${url}`;
  return `Waiting up to ${minutes} min for approval: ${review.message}. Review ${review.id}${where}`;
}
