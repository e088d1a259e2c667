import { sql } from 'kysely';
import type { Db, Schema } from '../schema.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

export interface Claim {
  readonly limit: number;
  readonly now: number;
  readonly until: number;
}

type OutboxRow = { seq: number; kind: string; payload_json: string; created_at: number; attempts: number };

/**
 * Takes the oldest rows of the outbox that nobody has, in one statement.
 * PostgreSQL must skip what another gateway is just taking; SQLite has one writer and no such words.
 */
export async function claimOutbox(db: Db, kind: DatabaseKind, claim: Claim): Promise<OutboxRow[]> {
  let oldest = db.selectFrom('outbox').select('seq').where('claimed_until', '<=', claim.now).orderBy('seq').limit(sql.lit(claim.limit));
  if (kind === 'postgres') oldest = oldest.forUpdate().skipLocked();
  const rows = await db
    .updateTable('outbox')
    .set((expression) => ({ claimed_until: claim.until, attempts: expression('attempts', '+', 1) }))
    .where('seq', 'in', oldest)
    .returning(COLUMNS)
    .execute();
  return rows.sort((one, other) => one.seq - other.seq);
}

const COLUMNS = ['seq', 'kind', 'payload_json', 'created_at', 'attempts'] as const satisfies readonly (keyof Schema['outbox'])[];
