import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Kysely, sql } from 'kysely';
import { code } from '../testing/suite.ts';
import { SearchDialect } from './search.ts';
import { SqliteDialect } from './sqlite.ts';

interface Tables {
  readonly t: { a: number | null; b: string | null };
}

const COUNT_TO = (rows: number) => sql<{ n: number }>`
  with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < ${rows}) select count(*) as n from numbers`;

describe('the SQLite dialect', () => {
  const home = mkdtempSync(join(tmpdir(), 'hoop-dialect-'));
  const file = join(home, 'test.db');
  const db = new Kysely<Tables>({ dialect: new SqliteDialect(file, 200) });
  after(async () => {
    await db.destroy();
    rmSync(home, { recursive: true });
  });

  it('gives rows of reads and of writes that return some, and counts the rows of other writes', async () => {
    await db.schema.createTable('t').addColumn('a', 'integer').addColumn('b', 'text').execute();
    const inserted = await db.insertInto('t').values({ a: 1, b: 'x' }).returning('a').execute();
    assert.equal(inserted[0]?.a, 1);
    const { numInsertedOrUpdatedRows } = await db
      .insertInto('t')
      .values([
        { a: 2, b: null },
        { a: null, b: 'y' },
      ])
      .executeTakeFirstOrThrow();
    assert.equal(numInsertedOrUpdatedRows, 2n);
    assert.equal((await db.updateTable('t').set({ b: 'z' }).executeTakeFirst()).numUpdatedRows, 3n);
    assert.equal((await db.deleteFrom('t').where('a', '=', 2).executeTakeFirst()).numDeletedRows, 1n);
    assert.equal((await db.selectFrom('t').selectAll().execute()).length, 2);
  });

  it('stores whole numbers as whole numbers', async () => {
    const { rows } = await sql<{ type: string }>`select typeof(${5}) as type, typeof(${1.5}) as other`.execute(db);
    assert.deepEqual({ ...rows[0] }, { type: 'integer', other: 'real' });
  });

  it('takes more distinct statements than it keeps', async () => {
    for (let index = 0; index < 600; index++) {
      const { rows } = await sql<{ n: number }>`select ${sql.lit(index % 400)} as n`.execute(db);
      assert.equal(rows[0]?.n, index % 400);
    }
  });

  it('notices a change of the schema behind a statement that it keeps', async () => {
    const read = () => sql`select * from changing`.execute(db);
    await sql`create table changing (a)`.execute(db);
    await sql`insert into changing values (1)`.execute(db);
    assert.deepEqual(Object.keys((await read()).rows[0] ?? {}), ['a']);
    await sql`alter table changing add column b`.execute(db);
    assert.deepEqual(Object.keys((await read()).rows[0] ?? {}), ['a', 'b']);
  });

  it('does not let a statement of somebody else into a transaction', async () => {
    const order: string[] = [];
    const transaction = db.transaction().execute(async (tx) => {
      await sql`select 1`.execute(tx);
      await Promise.resolve();
      await sql`select 2`.execute(tx);
      order.push('transaction');
    });
    const other = sql`select 3`.execute(db).then(() => order.push('other'));
    await Promise.all([transaction, other]);
    assert.deepEqual(order, ['transaction', 'other']);
  });

  it('says that it is busy when a transaction waits for itself, and rolls back', async () => {
    const stuck = db.transaction().execute(async (tx) => {
      await tx.insertInto('t').values({ a: 99, b: 'stuck' }).execute();
      await db.selectFrom('t').selectAll().execute();
    });
    await assert.rejects(stuck, code('store_busy'));
    assert.deepEqual(await db.selectFrom('t').selectAll().where('a', '=', 99).execute(), []);
  });

  it('refuses to stream, which would hold the only connection', async () => {
    await assert.rejects(db.selectFrom('t').selectAll().stream().next(), code('store_stream'));
  });

  it('never gives a wrong number: one that JavaScript cannot hold is an error', async () => {
    await assert.rejects(sql`select 9007199254740993 as n`.execute(db), code('store_failed'));
  });
});

describe('searches', () => {
  const home = mkdtempSync(join(tmpdir(), 'hoop-search-'));
  const file = join(home, 'test.db');
  const writer = new Kysely<Tables>({ dialect: new SqliteDialect(file) });
  after(async () => {
    await writer.destroy();
    rmSync(home, { recursive: true });
  });

  it('let the event loop turn while they run', async () => {
    await writer.schema.createTable('t').addColumn('a', 'integer').addColumn('b', 'text').execute();
    const dialect = new SearchDialect(file);
    const searches = new Kysely<Tables>({ dialect });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const { rows } = await COUNT_TO(3_000_000).execute(searches);
    clearInterval(timer);
    assert.equal(rows[0]?.n, 3_000_000);
    assert.ok(turns > 10, `${turns} turns`);
    await dialect.close();
  });

  it('see what was committed before, and only read', async () => {
    const dialect = new SearchDialect(file);
    const searches = new Kysely<Tables>({ dialect });
    for (let index = 0; index < 5; index++) {
      await writer.insertInto('t').values({ a: index, b: null }).execute();
      assert.equal((await searches.selectFrom('t').selectAll().execute()).length, index + 1);
    }
    await assert.rejects(searches.insertInto('t').values({ a: 1, b: null }).execute(), code('store_full'));
    await assert.rejects(
      searches.transaction().execute(async () => undefined),
      code('store_search'),
    );
    await assert.rejects(searches.selectFrom('t').selectAll().stream().next(), code('store_stream'));
    await dialect.close();
  });

  it('are given up when they take too long; the ones after that work again', async () => {
    const dialect = new SearchDialect(file, 250);
    const searches = new Kysely<Tables>({ dialect });
    await assert.rejects(COUNT_TO(15_000_000).execute(searches), code('store_busy'));
    let found: number | undefined;
    for (let tries = 0; found === undefined && tries < 60; tries++) {
      const next = await Promise.allSettled([COUNT_TO(10).execute(searches)]);
      if (next[0].status === 'fulfilled') found = next[0].value.rows[0]?.n;
      else code('store_busy')(next[0].reason);
    }
    assert.equal(found, 10);
    await dialect.close();
  });

  it('do not start after the end', async () => {
    const dialect = new SearchDialect(file);
    const searches = new Kysely<Tables>({ dialect });
    await dialect.close();
    await assert.rejects(searches.selectFrom('t').selectAll().execute(), code('store_closed'));
  });

  it('fail, and the process lives, when there is no such file', async () => {
    const dialect = new SearchDialect(join(home, 'missing.db'));
    const searches = new Kysely<Tables>({ dialect });
    await assert.rejects(searches.selectFrom('t').selectAll().execute(), code('store_failed'));
    await dialect.close();
  });
});
