import { cutText } from '@hoop/core/bytes';
import type { Clock } from '@hoop/core/clock';
import { invariant } from '@hoop/core/errors';
import { AUDIT_TEXT_BYTES_MAX } from '@hoop/core/limits';
import type { Selectable } from 'kysely';
import { orConflict } from './dialect/faults.ts';
import { atomically, fromJson, type Json, type JsonObject, toJson } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import { listSessions, type SessionFilter, type SessionPage } from './session-list.ts';
import { type MaskedSession, maskedSessions, REPORT_PAGE_ROWS, type ReportFilter, type SessionTotals, totalsOf } from './session-report.ts';

export type SessionStatus = 'open' | 'ready' | 'done';
export type SessionVerb = 'connect' | 'exec';

/** One use of a connection. Names of user and connection are copies: they stay what they were when it happened. */
export interface SessionRow {
  readonly id: string;
  readonly orgId: string;
  readonly userId: string;
  readonly userEmail: string;
  readonly userName: string;
  /** The connection's name. */
  readonly connection: string;
  readonly connectionId: string | null;
  /** Of the connection, such as `database` and `postgres`. */
  readonly type: string;
  readonly subtype: string;
  readonly connectionTags: Readonly<Record<string, string>>;
  readonly verb: SessionVerb;
  /** `cli`, `webapp`, `api`, `native` …: the entry point. */
  readonly origin: string;
  readonly status: SessionStatus;
  readonly exitCode: number | null;
  /** Stable code of why it ended. */
  readonly endReason: string | null;
  /** The gateway that holds it. */
  readonly gatewayId: string;
  readonly agentId: string | null;
  readonly credentialId: string | null;
  readonly identityType: string;
  readonly batchId: string | null;
  readonly correlationId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: JsonObject;
  readonly metrics: JsonObject | null;
  readonly guardrailsInfo: readonly Json[];
  /** Bytes of the whole script; 0 without one. */
  readonly scriptSize: number;
  /** The head of the session's chain of audit records when it ended. */
  readonly auditHead: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
}

export interface NewSession {
  readonly id: string;
  readonly userId: string;
  readonly userEmail: string;
  readonly userName: string;
  readonly connection: string;
  readonly connectionId?: string | null;
  readonly type: string;
  readonly subtype: string;
  readonly connectionTags?: Readonly<Record<string, string>>;
  readonly verb: SessionVerb;
  readonly origin: string;
  readonly status: SessionStatus;
  readonly gatewayId: string;
  readonly agentId?: string | null;
  readonly credentialId?: string | null;
  readonly identityType?: string;
  readonly batchId?: string | null;
  readonly correlationId?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: JsonObject;
  /** What `exec` runs. Cut at `AUDIT_TEXT_BYTES_MAX` for keeping. */
  readonly script?: string;
  readonly startedAt: number;
}

export interface SessionEnd {
  readonly status: 'done';
  readonly exitCode?: number | null;
  readonly endReason?: string | null;
  readonly endedAt: number;
  readonly metrics?: JsonObject | null;
  readonly guardrailsInfo?: readonly Json[];
  readonly auditHead?: string | null;
}

/** Ids in one statement: SQLite takes 32,766 parameters, and nobody needs so many at once. */
export const SESSIONS_AT_ONCE_MAX = 1_000;

/** The reason of sessions that ended because their gateway died. */
export const GATEWAY_DIED = 'gateway_died';

export class Sessions {
  readonly #db: Db;
  readonly #searches: Db;
  readonly #clock: Clock;

  /** @param searches where reads go that may be long; `db` itself inside a transaction. */
  constructor(db: Db, searches: Db, clock: Clock) {
    this.#db = db;
    this.#searches = searches;
    this.#clock = clock;
  }

  /** @throws Refusal `session_exists` when the id is taken. */
  async insert(session: NewSession): Promise<SessionRow> {
    const { id, script } = session;
    if (!script) return insertRow(this.#db, session);
    return atomically(this.#db, async (tx) => {
      const row = await insertRow(tx, session);
      const kept = cutText(script.replaceAll('\0', '\uFFFD'), AUDIT_TEXT_BYTES_MAX);
      await tx.insertInto('session_inputs').values({ session_id: id, script: kept }).execute();
      return row;
    });
  }

  /** Ends a session, once: false when it was done already (the sweeper and the relay may both try) or never was. */
  async finish(id: string, end: SessionEnd): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('sessions')
      .set({
        status: end.status,
        exit_code: end.exitCode,
        end_reason: end.endReason,
        ended_at: end.endedAt,
        metrics_json: end.metrics === undefined ? undefined : end.metrics && toJson(end.metrics),
        guardrails_info_json: end.guardrailsInfo && toJson(end.guardrailsInfo),
        audit_head: end.auditHead,
      })
      .where('id', '=', id)
      .where('status', '!=', 'done')
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Records were added to a session that is done. */
  async moveAuditHead(id: string, head: string): Promise<void> {
    await this.#db.updateTable('sessions').set({ audit_head: head }).where('id', '=', id).execute();
  }

  async get(id: string): Promise<SessionRow | undefined> {
    const row = await this.#db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toSession(row);
  }

  /** The sessions of these ids, in no order; those that are not there are left out. At most `SESSIONS_AT_ONCE_MAX` ids. */
  async some(ids: readonly string[]): Promise<readonly SessionRow[]> {
    invariant(ids.length <= SESSIONS_AT_ONCE_MAX, 'no more sessions are asked for than a statement takes');
    if (ids.length === 0) return [];
    const rows = await this.#searches
      .selectFrom('sessions')
      .selectAll()
      .where('id', 'in', [...ids])
      .execute();
    return rows.map(toSession);
  }

  /** How many sessions of other gateways began in this time. */
  async countElsewhere(gatewayId: string, from_ms: number, until_ms: number): Promise<number> {
    const row = await this.#searches
      .selectFrom('sessions')
      .select((expression) => expression.fn.countAll<number>().as('count'))
      .where('gateway_id', '!=', gatewayId)
      .where('started_at', '>=', from_ms)
      .where('started_at', '<', until_ms)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** What `exec` was given; undefined where there was no script. */
  async scriptOf(id: string): Promise<string | undefined> {
    const row = await this.#db.selectFrom('session_inputs').select('script').where('session_id', '=', id).executeTakeFirst();
    return row?.script;
  }

  /**
   * One page, the newest first.
   * @throws Refusal `page_out_of_range`
   */
  async list(filter: SessionFilter = {}): Promise<SessionPage> {
    const { rows, ...page } = await listSessions(this.#searches, filter);
    return { ...page, rows: rows.map(toSession) };
  }

  /** Sessions in which something was hidden, page by page, the newest first. */
  masked(filter: ReportFilter, pageRows = REPORT_PAGE_ROWS): AsyncGenerator<readonly MaskedSession[]> {
    return maskedSessions(this.#searches, filter, pageRows);
  }

  totals(filter: ReportFilter): Promise<SessionTotals> {
    return totalsOf(this.#searches, filter);
  }

  /** Replaces the metadata that a user may edit. False when there is no such session. */
  async setMetadata(id: string, metadata: JsonObject): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('sessions')
      .set({ metadata_json: toJson(metadata) })
      .where('id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** What this gateway has not finished, the oldest first. */
  async openOnes(gatewayId: string): Promise<readonly SessionRow[]> {
    const rows = await this.#db
      .selectFrom('sessions')
      .selectAll()
      .where('gateway_id', '=', gatewayId)
      .where('status', '!=', 'done')
      .orderBy('started_at')
      .execute();
    return rows.map(toSession);
  }

  /** Marks as done what a gateway left when it died, and gives the ids. Called before that gateway opens new ones. */
  async sweep(gatewayId: string): Promise<readonly string[]> {
    const rows = await this.#db
      .updateTable('sessions')
      .set({ status: 'done', end_reason: GATEWAY_DIED, ended_at: this.#clock.now() })
      .where('gateway_id', '=', gatewayId)
      .where('status', '!=', 'done')
      .returning('id')
      .execute();
    return rows.map((row) => row.id);
  }
}

async function insertRow(db: Db, session: NewSession): Promise<SessionRow> {
  const insert = db.insertInto('sessions').values(toColumns(session)).returningAll();
  return toSession(await orConflict(insert.executeTakeFirstOrThrow(), 'session_exists', 'There is a session with this id already'));
}

function toColumns(session: NewSession) {
  return {
    id: session.id,
    user_id: session.userId,
    user_email: session.userEmail,
    user_name: session.userName,
    connection: session.connection,
    connection_id: session.connectionId ?? null,
    type: session.type,
    subtype: session.subtype,
    connection_tags_json: toJson(session.connectionTags ?? {}),
    verb: session.verb,
    origin: session.origin,
    status: session.status,
    exit_code: null,
    end_reason: null,
    gateway_id: session.gatewayId,
    agent_id: session.agentId ?? null,
    credential_id: session.credentialId ?? null,
    identity_type: session.identityType ?? 'user',
    batch_id: session.batchId ?? null,
    correlation_id: session.correlationId ?? null,
    labels_json: toJson(session.labels ?? {}),
    metadata_json: toJson(session.metadata ?? {}),
    metrics_json: null,
    guardrails_info_json: '[]',
    script_size: Buffer.byteLength(session.script ?? ''),
    audit_head: null,
    started_at: session.startedAt,
    ended_at: null,
  };
}

function toSession(row: Selectable<Schema['sessions']>): SessionRow {
  return {
    id: row.id,
    orgId: row.org_id,
    userId: row.user_id,
    userEmail: row.user_email,
    userName: row.user_name,
    connection: row.connection,
    connectionId: row.connection_id,
    type: row.type,
    subtype: row.subtype,
    connectionTags: fromJson(row.connection_tags_json),
    verb: row.verb as SessionVerb,
    origin: row.origin,
    status: row.status as SessionStatus,
    exitCode: row.exit_code,
    endReason: row.end_reason,
    gatewayId: row.gateway_id,
    agentId: row.agent_id,
    credentialId: row.credential_id,
    identityType: row.identity_type,
    batchId: row.batch_id,
    correlationId: row.correlation_id,
    labels: fromJson(row.labels_json),
    metadata: fromJson(row.metadata_json),
    metrics: row.metrics_json === null ? null : fromJson(row.metrics_json),
    guardrailsInfo: fromJson(row.guardrails_info_json),
    scriptSize: row.script_size,
    auditHead: row.audit_head,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}
