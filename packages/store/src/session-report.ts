import { sql } from 'kysely';
import { fromJson } from './rows.ts';
import type { Db } from './schema.ts';
import { matches, type SessionFilter } from './session-list.ts';

/** What was hidden in one session that has ended. */
export interface MaskedSession {
  readonly id: string;
  readonly connection: string;
  readonly type: string;
  readonly subtype: string;
  readonly userEmail: string;
  /** Values per entity. */
  readonly masked: Readonly<Record<string, number>>;
}

/** Which sessions count in a report. */
export type ReportFilter = Pick<SessionFilter, 'user' | 'connection' | 'verb' | 'startDate' | 'endDate'>;

export interface SessionTotals {
  readonly sessions: number;
  /** Of those that have ended, in milliseconds; null when there is none. */
  readonly duration_ms: number | null;
}

/** Sessions that are read at a time. */
export const REPORT_PAGE_ROWS = 1_000;

/** Sessions in which something was hidden, page by page, the newest first. */
export async function* maskedSessions(db: Db, filter: ReportFilter, pageRows: number): AsyncGenerator<readonly MaskedSession[]> {
  let last: { readonly startedAt: number; readonly id: string } | undefined;
  while (true) {
    const rows = await db
      .selectFrom('sessions')
      .select(['id', 'connection', 'type', 'subtype', 'user_email', 'started_at', 'metrics_json'])
      .where((where) => matches(where, filter))
      // As it is written by this store: an object with something in it.
      .where('metrics_json', 'like', '%"masked":{"%')
      .where(({ eb, and, or }) =>
        last === undefined
          ? sql<boolean>`1 = 1`
          : or([eb('started_at', '<', last.startedAt), and([eb('started_at', '=', last.startedAt), eb('id', '<', last.id)])]),
      )
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(sql.lit(pageRows))
      .execute();
    yield rows.map((row) => ({
      id: row.id,
      connection: row.connection,
      type: row.type,
      subtype: row.subtype,
      userEmail: row.user_email,
      masked: maskedIn(row.metrics_json),
    }));
    const end = rows.at(-1);
    if (!end || rows.length < pageRows) return;
    last = { startedAt: end.started_at, id: end.id };
  }
}

export async function totalsOf(db: Db, filter: ReportFilter): Promise<SessionTotals> {
  const row = await db
    .selectFrom('sessions')
    .select((expression) => [
      expression.fn.countAll<number>().as('sessions'),
      sql<number | string | null>`avg(ended_at - started_at)`.as('duration_ms'),
    ])
    .where((where) => matches(where, filter))
    .executeTakeFirstOrThrow();
  return { sessions: Number(row.sessions), duration_ms: row.duration_ms === null ? null : Number(row.duration_ms) };
}

function maskedIn(metrics: string | null): Record<string, number> {
  const { masked } = (metrics === null ? {} : fromJson(metrics)) as { masked?: Record<string, unknown> };
  return Object.fromEntries(Object.entries(masked ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}
