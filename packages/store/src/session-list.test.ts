import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it } from 'node:test';
import { type CompiledQuery, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import pg from 'pg';
import type { Schema } from './schema.ts';
import { COUNT_CAP, listSessions, type SessionFilter } from './session-list.ts';
import { databases, type Place } from './testing/databases.ts';
import { onEachDatabase } from './testing/suite.ts';

/** Many sessions at once, in one statement that both databases understand. */
function manySessions(rows: number): string {
  return `insert into sessions (id, user_id, user_email, user_name, connection, type, subtype, connection_tags_json, verb, origin, status,
      gateway_id, identity_type, labels_json, metadata_json, guardrails_info_json, script_size, started_at)
    with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < ${rows})
    select 'id-' || i, 'user-' || (i % 10), 'u' || (i % 10) || '@example.org', '', 'c-' || (i % 7), 'database', 'postgres', '{}', 'connect',
      'cli', 'done', 'g', 'user', '{}', '{}', '[]', 0, i from numbers`;
}

async function runIn(place: Place, statement: string): Promise<void> {
  if (place.postgresUri === undefined) {
    const db = new DatabaseSync(join(place.home, 'store.db'));
    db.exec(statement);
    db.close();
    return;
  }
  const client = new pg.Client({ connectionString: place.postgresUri });
  await client.connect();
  await client.query(statement);
  await client.end();
}

onEachDatabase('long lists of sessions', (database) => {
  it('are counted to a cap, or exactly', async () => {
    const place = await database.place();
    const { sessions } = await database.store(place);
    await runIn(place, manySessions(COUNT_CAP + 500));
    const capped = await sessions.list({ count: 'capped', limit: 1 });
    assert.deepEqual([capped.total, capped.totalIsCapped, capped.hasNextPage], [COUNT_CAP, true, true]);
    const exact = await sessions.list({ count: 'exact', limit: 1 });
    assert.deepEqual([exact.total, exact.totalIsCapped], [COUNT_CAP + 500, false]);
    const user = await sessions.list({ count: 'capped', user: 'user-3', limit: 1 });
    assert.deepEqual([user.total, user.totalIsCapped], [1050, false]);
    const deep = await sessions.list({ offset: 10_000, limit: 100 });
    assert.deepEqual([deep.rows.length, deep.rows[0]?.id, deep.hasNextPage], [100, 'id-500', true]);
  });
});

describe('the usual lists of sessions', () => {
  const sqlite = databases().find((database) => database.name === 'SQLite');
  after(() => sqlite?.stop());

  it('are read along an index, in order, and never sorted', async () => {
    assert.ok(sqlite);
    const place = await sqlite.place();
    const store = await sqlite.store(place);
    await store.close();
    const file = new DatabaseSync(join(place.home, 'store.db'));
    const plans = async (filter: SessionFilter): Promise<string> => {
      const queries: CompiledQuery[] = [];
      await listSessions(recorder(queries), filter);
      const lines = queries.flatMap(({ sql, parameters }) => file.prepare(`explain query plan ${sql}`).all(...(parameters as string[])));
      return lines.map((line) => String(line.detail)).join('\n');
    };
    const filters: Record<string, SessionFilter> = {
      sessions_by_time: { startDate: 5, endDate: 9 },
      sessions_by_user: { user: 'u', startDate: 5 },
      sessions_by_email: { user: 'u@example.org' },
      sessions_by_connection: { connection: 'pg', endDate: 9 },
      sessions_by_type: { type: 'database' },
      sessions_by_batch: { batchId: 'b' },
      sessions_by_correlation: { correlationId: 'c' },
    };
    for (const [index, filter] of Object.entries(filters)) {
      const plan = await plans({ ...filter, count: 'capped' });
      assert.ok(plan.includes(`INDEX ${index}`), `${index}: ${plan}`);
      assert.ok(!plan.includes('TEMP B-TREE') && !/SCAN sessions$/m.test(plan), plan);
    }
    file.close();
  });
});

/** A database that only notes what it is asked. */
function recorder(queries: CompiledQuery[]): Kysely<Schema> {
  const connection = {
    executeQuery: async (query: CompiledQuery) => {
      queries.push(query);
      return { rows: query.sql.includes('count(') ? [{ count: 0 }] : [] } as never;
    },
    streamQuery: () => {
      throw new Error('Not used');
    },
  };
  const nothing = async (): Promise<void> => {};
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createDriver: () => ({
        init: nothing,
        acquireConnection: async () => connection,
        beginTransaction: nothing,
        commitTransaction: nothing,
        rollbackTransaction: nothing,
        releaseConnection: nothing,
        destroy: nothing,
      }),
    },
  });
}
