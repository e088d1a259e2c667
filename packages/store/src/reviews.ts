import { randomUUID } from 'node:crypto';
import { cutText } from '@hoop/core/bytes';
import type { Clock } from '@hoop/core/clock';
import { type Selectable, sql } from 'kysely';
import { orConflict } from './dialect/faults.ts';
import { atomically, fromJson, toFlag, toJson } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import type { Signals } from './signals.ts';

/** What a list shows of a text; the whole of a longer one is kept beside it. */
export const REVIEW_SHOWN_BYTES_MAX = 16 * 1024;

/** Rows of one page, and how deep one may page. */
export const REVIEW_PAGE_ROWS_MAX = 100;

export type ReviewStatus = 'PENDING' | 'APPROVED' | 'REJECTED' | 'EXPIRED' | 'CANCELLED';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

/** One request for approval. Names are copies: they stay what they were when it happened. */
export interface ReviewRow {
  readonly id: string;
  readonly sessionId: string;
  /** The action's number in its session; 0 is the session's opening. */
  readonly seq: number;
  /** The gateway that holds the session. */
  readonly gatewayId: string;
  readonly connection: string;
  readonly connectionId: string;
  /** `onetime`: one action or script. `jit`: a session, whatever is done in it. */
  readonly type: 'onetime' | 'jit';
  readonly via: string;
  /** At most `REVIEW_SHOWN_BYTES_MAX` of it. */
  readonly text: string;
  /** Of the whole text. */
  readonly textBytes: number;
  /** SHA-256 of the whole text, in hex. */
  readonly textHash: string;
  /** Whether `text` is less than the whole. */
  readonly isCut: boolean;
  readonly rule: string;
  readonly message: string;
  /** Who could decide when it was asked, besides administrators. */
  readonly groups: readonly string[];
  readonly requester: Person;
  readonly status: ReviewStatus;
  /** Null while it is pending, and where nobody decided. */
  readonly decider: Person | null;
  readonly decidedAt: number | null;
  readonly reason: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface NewReview
  extends Pick<ReviewRow, 'sessionId' | 'seq' | 'gatewayId' | 'connection' | 'connectionId' | 'type' | 'via' | 'textHash'> {
  /** Whole. */
  readonly text: string;
  readonly rule: string;
  readonly message: string;
  readonly groups: readonly string[];
  readonly requester: Person;
  readonly expiresAt: number;
}

export interface Settlement {
  readonly status: Exclude<ReviewStatus, 'PENDING'>;
  readonly decider?: Person;
  readonly reason?: string;
}

export interface ReviewFilter {
  readonly status?: ReviewStatus;
  readonly sessionId?: string;
  readonly connection?: string;
  /** Only those of this requester, or of these connections. */
  readonly visibleTo?: { readonly userId: string; readonly connectionIds: readonly string[] };
  /** At most `REVIEW_PAGE_ROWS_MAX`, which is the default. */
  readonly limit?: number;
  readonly offset?: number;
}

/** Requests for approval. Each change is told to every gateway in the transaction that makes it. */
export class Reviews {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** @throws Refusal `review_exists` when this action was asked about already: one answer is for one action. */
  async create(review: NewReview): Promise<ReviewRow> {
    return atomically(this.#db, async (tx) => {
      const values = toColumns(review, this.#clock.now());
      const insert = tx.insertInto('reviews').values(values).returningAll();
      const row = toReview(
        await orConflict(insert.executeTakeFirstOrThrow(), 'review_exists', 'Approval of this action was asked for already'),
      );
      if (row.isCut)
        await tx
          .insertInto('review_texts')
          .values({ review_id: row.id, text: storable(review.text) })
          .execute();
      await this.#signals.in(tx).publish({ kind: 'review.changed', reviewId: row.id });
      return row;
    });
  }

  async get(id: string): Promise<ReviewRow | undefined> {
    const row = await this.#db.selectFrom('reviews').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toReview(row);
  }

  /** The whole text, however long. */
  async textOf(id: string): Promise<string | undefined> {
    const whole = await this.#db.selectFrom('review_texts').select('text').where('review_id', '=', id).executeTakeFirst();
    return whole?.text ?? (await this.get(id))?.text;
  }

  /**
   * Ends the wait of one that is pending, once: undefined when it is over already, so of two who decide at a time one wins.
   * A person's decision comes too late after `expiresAt`; what is not a decision may come at any time.
   */
  async settle(id: string, { status, decider, reason = '' }: Settlement): Promise<ReviewRow | undefined> {
    return atomically(this.#db, async (tx) => {
      const now = this.#clock.now();
      let update = tx
        .updateTable('reviews')
        .set({
          status,
          reason: storable(reason),
          decided_at: now,
          decider_id: decider?.id ?? null,
          decider_email: decider?.email ?? null,
          decider_name: decider?.name ?? null,
        })
        .where('id', '=', id)
        .where('status', '=', 'PENDING');
      if (decider) update = update.where('expires_at', '>', now);
      const row = await update.returningAll().executeTakeFirst();
      if (row) await this.#signals.in(tx).publish({ kind: 'review.changed', reviewId: id });
      return row && toReview(row);
    });
  }

  /** Nobody waits any more for what this gateway had asked before it died. Gives how many those were. */
  async cancelOf(gatewayId: string, reason: string): Promise<number> {
    const { numUpdatedRows } = await this.#db
      .updateTable('reviews')
      .set({ status: 'CANCELLED', reason, decided_at: this.#clock.now() })
      .where('gateway_id', '=', gatewayId)
      .where('status', '=', 'PENDING')
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** One page, the newest first, and whether there are more. */
  async list(filter: ReviewFilter = {}): Promise<{ readonly rows: readonly ReviewRow[]; readonly hasNextPage: boolean }> {
    const limit = filter.limit ?? REVIEW_PAGE_ROWS_MAX;
    let query = this.#db.selectFrom('reviews').selectAll();
    if (filter.status) query = query.where('status', '=', filter.status);
    if (filter.sessionId !== undefined) query = query.where('session_id', '=', filter.sessionId);
    if (filter.connection !== undefined) query = query.where('connection', '=', filter.connection);
    const { visibleTo } = filter;
    if (visibleTo) {
      query = query.where((where) => {
        const own = where('requester_id', '=', visibleTo.userId);
        return visibleTo.connectionIds.length === 0 ? own : where.or([own, where('connection_id', 'in', visibleTo.connectionIds)]);
      });
    }
    const rows = await query
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(sql.lit(limit + 1))
      .offset(sql.lit(filter.offset ?? 0))
      .execute();
    return { rows: rows.slice(0, limit).map(toReview), hasNextPage: rows.length > limit };
  }
}

/** PostgreSQL's text takes no NUL. The hash is of what was asked for. */
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}

function toColumns(review: NewReview, now: number) {
  const whole = storable(review.text);
  const text = cutText(whole, REVIEW_SHOWN_BYTES_MAX);
  return {
    id: randomUUID(),
    session_id: review.sessionId,
    seq: review.seq,
    gateway_id: review.gatewayId,
    connection: review.connection,
    connection_id: review.connectionId,
    type: review.type,
    via: review.via,
    text,
    text_bytes: Buffer.byteLength(review.text),
    is_cut: toFlag(text.length < whole.length),
    text_hash: review.textHash,
    rule: review.rule,
    message: review.message,
    groups_json: toJson(review.groups),
    requester_id: review.requester.id,
    requester_email: review.requester.email,
    requester_name: review.requester.name,
    status: 'PENDING',
    decider_id: null,
    decider_email: null,
    decider_name: null,
    decided_at: null,
    reason: '',
    created_at: now,
    expires_at: review.expiresAt,
  };
}

function toReview(row: Selectable<Schema['reviews']>): ReviewRow {
  const { decider_id: id, decider_email: email, decider_name: name } = row;
  return {
    id: row.id,
    sessionId: row.session_id,
    seq: row.seq,
    gatewayId: row.gateway_id,
    connection: row.connection,
    connectionId: row.connection_id,
    type: row.type as ReviewRow['type'],
    via: row.via,
    text: row.text,
    textBytes: row.text_bytes,
    textHash: row.text_hash,
    isCut: row.is_cut === 1,
    rule: row.rule,
    message: row.message,
    groups: fromJson(row.groups_json),
    requester: { id: row.requester_id, email: row.requester_email, name: row.requester_name },
    status: row.status as ReviewStatus,
    decider: id === null ? null : { id, email: email ?? '', name: name ?? '' },
    decidedAt: row.decided_at,
    reason: row.reason,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
