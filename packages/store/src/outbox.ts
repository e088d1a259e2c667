import type { Clock } from '@hoop/core/clock';
import { claimOutbox, type DatabaseKind } from './dialect/claiming.ts';
import { fromJson, type Json, toJson } from './rows.ts';
import type { Db } from './schema.ts';

/** Something that happened, for listeners that may be slow. Delivered at least once. */
export interface OutboxMessage {
  /** Grows; the order in which listeners see things. */
  readonly seq: number;
  readonly kind: string;
  readonly payload: Json;
  readonly createdAt: number;
  /** How often it was claimed, this time included. */
  readonly attempts: number;
}

/** How long a claimed message is kept from others. Whoever needs longer claims fewer. */
export const CLAIM_MS = 60_000;

/** Messages of one claim. */
export const CLAIM_MESSAGES_MAX = 1_000;

export class Outbox {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #kind: DatabaseKind;

  constructor(db: Db, clock: Clock, kind: DatabaseKind) {
    this.#db = db;
    this.#clock = clock;
    this.#kind = kind;
  }

  /** Called inside `store.transaction`, so that the message exists exactly when the fact does. */
  async append(kind: string, payload: Json): Promise<void> {
    await this.#db
      .insertInto('outbox')
      .values({ kind, payload_json: toJson(payload), created_at: this.#clock.now(), attempts: 0, claimed_until: 0 })
      .execute();
  }

  /** The oldest messages that nobody works on, at most `limit`. They come again after `CLAIM_MS` unless `done` is called. */
  async claim(limit: number): Promise<readonly OutboxMessage[]> {
    const now = this.#clock.now();
    const bounded = Math.max(0, Math.min(Math.trunc(limit), CLAIM_MESSAGES_MAX));
    const rows = await claimOutbox(this.#db, this.#kind, { limit: bounded, now, until: now + CLAIM_MS });
    return rows.map((row) => ({
      seq: row.seq,
      kind: row.kind,
      payload: fromJson<Json>(row.payload_json),
      createdAt: row.created_at,
      attempts: row.attempts,
    }));
  }

  /** Forgets messages that were delivered. */
  async done(seqs: readonly number[]): Promise<void> {
    if (seqs.length > 0) await this.#db.deleteFrom('outbox').where('seq', 'in', seqs).execute();
  }
}
