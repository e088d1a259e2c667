import type { Clock } from '@hoop/core/clock';
import { sql } from 'kysely';
import type { DatabaseKind } from './dialect/claiming.ts';
import { bump, fromJson, toJson } from './rows.ts';
import type { Db } from './schema.ts';

/**
 * Something changed that every gateway on this store must act on at once: links to cut, sessions to end, rules to tell.
 * It says what changed and hardly how: who hears it reads the store, so that a late or repeated one does no harm.
 */
export type Signal =
  /** An agent, or the organization key, was deleted; links that came with this key are to be cut. */
  | { readonly kind: 'agent.deleted'; readonly agentId: string; readonly keyId: string }
  /** Somebody wants this session to end. Whether they may was asked where they did. */
  | { readonly kind: 'session.kill'; readonly sessionId: string; readonly by: string }
  /** A credential was revoked, or its owner wants the sessions to end that came in with it. */
  | { readonly kind: 'credential.ended'; readonly credentialId: string }
  /** A user's SSH key was removed. */
  | { readonly kind: 'ssh_key.deleted'; readonly keyId: string }
  /** A user was deleted, or is active or not any more. */
  | { readonly kind: 'user.changed'; readonly userId: string }
  /** A connection was deleted or changed. */
  | { readonly kind: 'connection.changed'; readonly connectionId: string }
  /** Rules were made, changed, deleted, attached or taken away. */
  | { readonly kind: 'policy.changed' }
  /** People were asked for an approval, or it was decided or is not wanted any more. */
  | { readonly kind: 'review.changed'; readonly reviewId: string };

/** The channel of PostgreSQL's LISTEN. A notification carries nothing: whoever hears it reads the table. */
export const SIGNAL_CHANNEL = 'hoop_signals';

/** A signal that nobody has read by then concerns nobody: the gateway that was away so long has no sessions left. */
export const SIGNAL_KEPT_MS = 24 * 3_600_000;

/** Rows of one read. */
const PAGE_ROWS = 500;

export interface SignalRow {
  readonly seq: number;
  readonly signal: Signal;
}

/** The ever-growing list of signals. */
export class Signals {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #kind: DatabaseKind;
  readonly #wake: () => void;

  /** @param wake told after each signal; where there is one process it is all that is needed. */
  constructor(db: Db, clock: Clock, kind: DatabaseKind, wake: () => void) {
    this.#db = db;
    this.#clock = clock;
    this.#kind = kind;
    this.#wake = wake;
  }

  /** The same list, as a transaction sees it. */
  in(tx: Db): Signals {
    return new Signals(tx, this.#clock, this.#kind, this.#wake);
  }

  /** Called in the transaction of the fact: it is heard when that is committed, and never when it is rolled back. */
  async publish(signal: Signal): Promise<void> {
    const { kind, ...payload } = signal;
    await this.#db
      .insertInto('signals')
      .values({ kind, payload_json: toJson(payload), created_at: this.#clock.now() })
      .execute();
    if (this.#kind === 'postgres') await sql`select pg_notify(${SIGNAL_CHANNEL}, '')`.execute(this.#db);
    // A reader queues behind this transaction, so it finds what is committed by then.
    this.#wake();
  }

  /** The newest number; 0 when there is none. */
  async newest(): Promise<number> {
    const row = await this.#db
      .selectFrom('signals')
      .select((expression) => expression.fn.max('seq').as('seq'))
      .executeTakeFirst();
    return row?.seq ?? 0;
  }

  /** Those after `seq`, in order: one page of them, and none when there are no more. */
  async after(seq: number): Promise<readonly SignalRow[]> {
    const query = this.#db.selectFrom('signals').selectAll().where('seq', '>', seq).orderBy('seq').limit(sql.lit(PAGE_ROWS));
    return (await query.execute()).map((row) => ({
      seq: row.seq,
      signal: { kind: row.kind, ...fromJson<object>(row.payload_json) } as Signal,
    }));
  }

  /** Forgets what is too old to concern anybody. */
  async prune(): Promise<void> {
    await this.#db
      .deleteFrom('signals')
      .where('created_at', '<', this.#clock.now() - SIGNAL_KEPT_MS)
      .execute();
  }
}

/** What every change of a rule ends with. */
export async function policyChanged(tx: Db, signals: Signals): Promise<void> {
  await bump(tx, 'policy');
  await signals.in(tx).publish({ kind: 'policy.changed' });
}
