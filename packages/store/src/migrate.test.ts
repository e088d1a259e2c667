import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { systemClock } from '@hoop/core/clock';
import { silentLog } from '@hoop/core/log';
import { Kysely, sql } from 'kysely';
import { PostgresDialect } from './dialect/postgres.ts';
import { SqliteDialect } from './dialect/sqlite.ts';
import { migrate } from './migrate.ts';
import { initial } from './migrations/001-initial.ts';
import { MIGRATIONS } from './migrations/all.ts';
import type { Migration } from './migrations/migration.ts';
import type { Db, Schema } from './schema.ts';
import { databases, type Place } from './testing/databases.ts';
import { code, onEachDatabase } from './testing/suite.ts';

const second: Migration = {
  version: 2,
  name: 'second',
  statements: ({ text, end }) => [`create table extra (name ${text} primary key)${end}`, `insert into extra (name) values ('once')`],
};
const broken: Migration = { version: 2, name: 'broken', statements: ({ text }) => [`create table half (name ${text})`, 'no sql'] };

function open({ home, postgresUri }: Place): { db: Db; options: Parameters<typeof migrate>[1] } {
  const options = { clock: systemClock, log: silentLog() };
  if (postgresUri === undefined) {
    return { db: new Kysely<Schema>({ dialect: new SqliteDialect(join(home, 'store.db')) }), options: { ...options, kind: 'sqlite' } };
  }
  return { db: new Kysely<Schema>({ dialect: new PostgresDialect(postgresUri, silentLog()) }), options: { ...options, kind: 'postgres' } };
}

async function versions(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('migrations').select(['version', 'name']).orderBy('version').execute();
  return rows.map((row) => `${row.version} ${row.name}`);
}

/** A connection as the first version of the schema has it. */
async function insertOld(db: Db, name: string, resource: string): Promise<void> {
  const texts = ['type', 'subtype', 'agent_id', 'default_database'];
  const json = [
    'command',
    'secret_keys',
    'reviewers',
    'force_approve_groups',
    'redact_types',
    'mandatory_metadata_fields',
    'attributes',
    'tags',
    'connection_tags',
  ];
  const numbers = ['access_connect', 'access_exec', 'access_runbooks', 'access_schema', 'redact_enabled', 'created_at', 'updated_at'];
  const values: Record<string, string | number> = { id: `id-${name}`, name, resource_name: resource };
  for (const column of texts) values[column] = 'x';
  for (const column of json) values[`${column}_json`] = '[]';
  for (const column of numbers) values[column] = 1;
  await sql`insert into connections (${sql.join(Object.keys(values).map(sql.ref))}) values (${sql.join(Object.values(values))})`.execute(
    db,
  );
}

onEachDatabase('migrations', (database) => {
  it('bring an empty database up, and change nothing the second time', async () => {
    const { db, options } = open(await database.place());
    await migrate(db, options);
    await db.insertInto('groups').values({ name: 'kept', created_at: 1 }).execute();
    const before = await db.selectFrom('migrations').selectAll().execute();
    await migrate(db, options);
    assert.deepEqual(await db.selectFrom('migrations').selectAll().execute(), before);
    assert.equal((await db.selectFrom('groups').select('name').execute())[0]?.name, 'kept');
    await db.destroy();
  });

  it('run only what is new, each once', async () => {
    const { db, options } = open(await database.place());
    await migrate(db, { ...options, migrations: [initial] });
    await migrate(db, { ...options, migrations: [initial, second] });
    await migrate(db, { ...options, migrations: [initial, second] });
    assert.deepEqual(await versions(db), ['1 initial', '2 second']);
    assert.deepEqual((await sql`select name from extra`.execute(db)).rows.length, 1);
    await db.destroy();
  });

  it('leave the old schema when one of them fails', async () => {
    const { db, options } = open(await database.place());
    await migrate(db, { ...options, migrations: [initial] });
    await assert.rejects(migrate(db, { ...options, migrations: [initial, broken] }), code('store_failed'));
    assert.deepEqual(await versions(db), ['1 initial']);
    await assert.rejects(sql`select * from half`.execute(db), code('store_failed'));
    await migrate(db, { ...options, migrations: [initial, second] });
    assert.deepEqual(await versions(db), ['1 initial', '2 second']);
    await db.destroy();
  });

  it('refuse a store that a newer version wrote, and leave it alone', async () => {
    const { db, options } = open(await database.place());
    await migrate(db, { ...options, migrations: [initial, second] });
    await assert.rejects(migrate(db, { ...options, migrations: [initial] }), code('store_too_new'));
    const renamed = { ...second, name: 'another' };
    await assert.rejects(migrate(db, { ...options, migrations: [initial, renamed] }), code('store_too_new'));
    assert.deepEqual(await versions(db), ['1 initial', '2 second']);
    await db.destroy();
  });

  it('give the connections of an earlier version the resources that they name, or one of their own name', async () => {
    const { db, options } = open(await database.place());
    await migrate(db, { ...options, migrations: [initial] });
    for (const [name, resource] of Object.entries({ a: '', b: 'shared', c: 'shared', d: 'a' })) await insertOld(db, name, resource);
    await migrate(db, options);
    const resources = await db.selectFrom('resources').select(['name', 'automatic']).orderBy('name').execute();
    assert.deepEqual(
      resources.map((row) => `${row.name} ${row.automatic}`),
      ['a 1', 'shared 1'],
    );
    const left = await db.selectFrom('connections').select('name').where('resource_name', '=', '').execute();
    assert.deepEqual(left, []);
    await db.destroy();
  });

  it('have numbers without gaps', async () => {
    MIGRATIONS.forEach((migration, index) => {
      assert.equal(migration.version, index + 1);
    });
    const { db, options } = open(await database.place());
    await assert.rejects(migrate(db, { ...options, migrations: [second] }), code('store_migrations'));
    await db.destroy();
  });
});

describe('migrations on a server', () => {
  const postgres = databases().find((database) => database.name === 'PostgreSQL');
  after(() => postgres?.stop());

  it('run once when several migrators race', async () => {
    assert.ok(postgres);
    const place = await postgres.place();
    const migrators = Array.from({ length: 4 }, () => open(place));
    await Promise.all(migrators.map(({ db, options }) => migrate(db, { ...options, migrations: [initial, second] })));
    for (const { db } of migrators) {
      assert.deepEqual(await versions(db), ['1 initial', '2 second']);
      assert.equal((await sql`select name from extra`.execute(db)).rows.length, 1);
      await db.destroy();
    }
  });
});
