import { Refusal } from '@hoop/core/errors';
import { type ExpressionBuilder, type ExpressionWrapper, type Selectable, type SqlBool, sql } from 'kysely';
import type { Db, Schema } from './schema.ts';
import type { SessionRow, SessionStatus, SessionVerb } from './sessions.ts';
import { normalEmail } from './users.ts';

/** Sessions of one page. */
export const PAGE_ROWS_MAX = 100;

/** How deep one may page; further back one narrows the dates. An offset costs as much as reading what it skips. */
export const PAGE_OFFSET_MAX = 10_000;

/** Where a capped count stops counting. */
export const COUNT_CAP = 10_000;

export interface SessionFilter {
  /** The user's id, or e-mail when it has an `@`. */
  readonly user?: string;
  /** The connection's type. */
  readonly type?: string;
  readonly subtype?: string;
  /** The connection's name. */
  readonly connection?: string;
  readonly status?: SessionStatus;
  readonly verb?: SessionVerb;
  readonly origin?: string;
  readonly batchId?: string;
  readonly correlationId?: string;
  /** Started at this time or later, in ms since 1970. */
  readonly startDate?: number;
  /** Started before this time. */
  readonly endDate?: number;
  /** At most 100, which is the default. */
  readonly limit?: number;
  readonly offset?: number;
  /** `none` unless told otherwise: an exact count reads every match. */
  readonly count?: 'exact' | 'capped' | 'none';
}

export interface SessionPage {
  readonly rows: readonly SessionRow[];
  /** How many match in all; null when nobody asked. */
  readonly total: number | null;
  /** There are `total` or more. */
  readonly totalIsCapped: boolean;
  readonly hasNextPage: boolean;
}

interface RawPage extends Omit<SessionPage, 'rows'> {
  readonly rows: readonly Selectable<Schema['sessions']>[];
}

/** @throws Refusal `page_out_of_range` */
export async function listSessions(db: Db, filter: SessionFilter): Promise<RawPage> {
  const limit = within(filter.limit ?? PAGE_ROWS_MAX, PAGE_ROWS_MAX, 'limit');
  const offset = within(filter.offset ?? 0, PAGE_OFFSET_MAX, 'offset');
  const found = await db
    .selectFrom('sessions')
    .selectAll()
    .where((where) => matches(where, filter))
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(sql.lit(limit + 1))
    .offset(sql.lit(offset))
    .execute();
  const total = await count(db, filter);
  const rows = found.slice(0, limit);
  return { rows, total, totalIsCapped: filter.count === 'capped' && total === COUNT_CAP, hasNextPage: found.length > limit };
}

async function count(db: Db, filter: SessionFilter): Promise<number | null> {
  if (filter.count === undefined || filter.count === 'none') return null;
  let matching = db
    .selectFrom('sessions')
    .select('id')
    .where((where) => matches(where, filter));
  if (filter.count === 'capped') matching = matching.limit(sql.lit(COUNT_CAP));
  const row = await db
    .selectFrom(matching.as('matching'))
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return row.count;
}

type Where = ExpressionBuilder<Schema, 'sessions'>;

/** Which sessions a filter lets through. */
export function matches(where: Where, filter: SessionFilter): ExpressionWrapper<Schema, 'sessions', SqlBool> {
  const { user, startDate, endDate } = filter;
  const tests = [];
  if (user !== undefined) {
    tests.push(user.includes('@') ? where('user_email', '=', normalEmail(user)) : where('user_id', '=', user));
  }
  if (filter.type !== undefined) tests.push(where('type', '=', filter.type));
  if (filter.subtype !== undefined) tests.push(where('subtype', '=', filter.subtype));
  if (filter.connection !== undefined) tests.push(where('connection', '=', filter.connection));
  if (filter.status !== undefined) tests.push(where('status', '=', filter.status));
  if (filter.verb !== undefined) tests.push(where('verb', '=', filter.verb));
  if (filter.origin !== undefined) tests.push(where('origin', '=', filter.origin));
  if (filter.batchId !== undefined) tests.push(where('batch_id', '=', filter.batchId));
  if (filter.correlationId !== undefined) tests.push(where('correlation_id', '=', filter.correlationId));
  if (startDate !== undefined) tests.push(where('started_at', '>=', startDate));
  if (endDate !== undefined) tests.push(where('started_at', '<', endDate));
  return where.and(tests);
}

function within(value: number, max: number, what: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new Refusal('page_out_of_range', `The ${what} must be a whole number from 0 to ${max}`);
}
