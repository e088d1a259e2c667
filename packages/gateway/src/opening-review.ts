import { createHash } from 'node:crypto';
import type { DecisionEvent } from '@hoop/contract/audit';
import type { AccessMode } from '@hoop/core/connection';
import { type AppError, Bug, PeerFault, Refusal } from '@hoop/core/errors';
import { REVIEW_TEXT_BYTES_MAX } from '@hoop/core/limits';
import type { Wire } from '@hoop/core/wire';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Person, ReviewRow } from '@hoop/store/reviews';
import type { Store } from '@hoop/store/store';
import type { Outcome, ReviewDesk, Wish } from './reviews.ts';

/** What people are asked before a session of a connection with reviewers may open; undefined: nothing then. */
export type Opening = Pick<Wish, 'type' | 'via' | 'text' | 'message'>;

/**
 * A script is approved as a whole, and runs once. A session that a person opens is approved as a whole too, whatever is done in it.
 * A command whose text comes only later, over the wire, is held by the agent instead.
 * @throws Refusal `review_text_too_long`
 */
export function openingOf(
  { name, reviewers }: Pick<ConnectionRow, 'name' | 'reviewers'>,
  { verb, script }: { readonly verb: AccessMode; readonly script?: string | undefined },
): Opening | undefined {
  if (reviewers.length === 0 || (verb === 'exec' && script === undefined)) return undefined;
  const message = holdAllWords(name);
  if (script === undefined) return { type: 'jit', via: 'connect', text: `Open a session of ${name}`, message };
  if (Buffer.byteLength(script) > REVIEW_TEXT_BYTES_MAX) {
    throw new Refusal(
      'review_text_too_long',
      `Nobody can read more than ${REVIEW_TEXT_BYTES_MAX} bytes before approving; split the script`,
    );
  }
  return { type: 'onetime', via: 'script', text: script, message };
}

/** Why everything of a connection with reviewers waits. */
export function holdAllWords(connection: string): string {
  return `${connection} is used with approval only`;
}

export interface OpeningParts {
  readonly desk: ReviewDesk;
  readonly store: Pick<Store, 'connections'>;
  readonly session: string;
  readonly wire: Wire;
  readonly connection: ConnectionRow;
  readonly requester: Person;
  /** People can see it. */
  asked(review: ReviewRow): void;
  /** Resolves when what they said is on the disk. */
  record(event: DecisionEvent): void | Promise<void>;
  /** Rejects with why the session is ended from elsewhere while it waits. */
  readonly ended: Promise<never>;
}

/**
 * Waits for people; gives what the session goes on with.
 * @throws Refusal `review_rejected`, `connection_changed`; AppError with why the client leaves or the session is ended meanwhile
 */
export async function approvedOpening(opening: Opening, parts: OpeningParts): Promise<Wire> {
  const { desk, store, session, connection, requester, asked } = parts;
  const textHash = createHash('sha256').update(opening.text).digest('hex');
  const wire = new WatchedWire(parts.wire);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  void desk.ask(
    { ...opening, sessionId: session, seq: 0, textHash, rule: 'reviewers', connection, requester },
    { asked, decided: resolve },
  );
  const outcome = await Promise.race([promise, parts.ended, wire.left]).catch((error: AppError) => {
    desk.cancelSession(session, error.message);
    throw error;
  });
  await parts.record({ type: 'decision', seq: 0, ...outcome });
  if (!outcome.approved) throw notApproved(outcome);
  // People approved the use of what it was then.
  const now = await store.connections.get(connection.id);
  if (now?.updatedAt !== connection.updatedAt)
    throw new Refusal('connection_changed', `${connection.name} was changed while this waited for approval; ask again`);
  return wire;
}

function notApproved({ by, reason }: Exclude<Outcome, { approved: true }>): Refusal {
  const words = by === undefined ? `Not approved: ${reason}` : `Rejected by ${by}${reason === '' ? '' : `: ${reason}`}`;
  return new Refusal('review_rejected', words);
}

type Consume = (chunk: Buffer) => void | Promise<void>;

/** A wire that is pumped before anybody is ready for what comes, only to hear that its client leaves. One chunk waits; the rest is held back. */
class WatchedWire implements Wire {
  readonly #wire: Wire;
  readonly #pumped: Promise<void>;
  readonly #ready = Promise.withResolvers<Consume>();
  #consume: Consume | undefined;
  /** Rejects when the client leaves, if it says nothing before. */
  readonly left: Promise<never>;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#pumped = wire.pump((chunk) => (this.#consume ? this.#consume(chunk) : this.#ready.promise.then((consume) => consume(chunk))));
    this.left = new Promise((_, reject) => {
      const gone = (): void => reject(new PeerFault('client_lost', 'The client left while it waited for approval'));
      this.#pumped.then(gone, gone);
    });
    this.left.catch(() => undefined);
  }

  get peer(): string {
    return this.#wire.peer;
  }

  get open(): boolean {
    return this.#wire.open;
  }

  /** The pipe pumps; two readers would take one another's chunks. */
  read(): Promise<never> {
    return Promise.reject(new Bug('watched_wire', 'A wire that is watched is not read'));
  }

  unread(chunk: Buffer): void {
    this.#wire.unread(chunk);
  }

  pump(consume: Consume): Promise<void> {
    this.#consume = consume;
    this.#ready.resolve(consume);
    return this.#pumped;
  }

  write(bytes: Buffer): void | Promise<void> {
    return this.#wire.write(bytes);
  }

  end(): void {
    this.#wire.end();
  }

  destroy(error?: Error): void {
    this.#wire.destroy(error);
  }
}
