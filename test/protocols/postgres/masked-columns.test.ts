import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import pg from 'pg';
import { COMMON, linesOf, POSTGRES, SECRETS, TABLES } from '../../policy/columns/statements.ts';
import type { Access } from '../../support/office.ts';
import { USERS } from '../../support/test-postgres.ts';
import { Lab } from './lab.ts';
import { type WatchedClient, watchedClient } from './watched-client.ts';

/** A masking rule as people write it over the API, and what their clients then see of a PostgreSQL server. */
describe('columns that a masking rule of PostgreSQL names, from the API to a client', () => {
  let lab: Lab;
  let access: Access;
  let database: string;

  before(async () => {
    lab = await Lab.start('tunnel');
    database = await lab.postgres.database();
    access = await lab.access(database);
    const direct = new pg.Client({ host: '127.0.0.1', port: lab.postgres.port, ...USERS.trusted, database });
    await direct.connect();
    for (const text of [...TABLES, 'analyze', 'create function names() returns setof users language sql as $$ select * from users $$'])
      await direct.query(text);
    await direct.end();
    const body = { name: 'contact', columns: ['*email*', 'users.phone'], connection_ids: [access.connectionId] };
    await lab.system.office.api.call(routes.createMaskingRule, { body });
  });
  after(() => lab.close());

  const connect = (): Promise<WatchedClient> => watchedClient(access, database);

  for (const way of ['as text', 'prepared'] as const) {
    test(`are never seen, however a statement asks for them, ${way}`, async () => {
      const { client, seen } = await connect();
      for (const [index, text] of [...linesOf(COMMON), ...linesOf(POSTGRES)].entries()) {
        await client.query(way === 'as text' ? { text } : { text, name: `s${index}` });
        assert.doesNotMatch(seen(), SECRETS, text);
      }
      assert.match(seen(), /########/);
      await client.end();
    });
  }

  test('are not quoted in errors, and not put elsewhere', async () => {
    const { client, seen } = await connect();
    for (const text of [
      'select email::int from users',
      'select 1 from users where cast(phone as date) > now()',
      'select email::regclass from users',
      'select email::regrole from users',
      'select nextval(email) from users',
      'select current_setting(email) from users',
      "select has_database_privilege(email, 'connect') from users",
      "select has_schema_privilege(email, 'usage') from users",
      'select pg_stat_file(email) from users',
      'update orders set total = (select email::regclass::int from users limit 1)',
      'create index broken on users ((email::int))',
      'create unique index broken on users ((left(email, 7)))',
      'alter table users add check (id > 100)',
      'create table copied as select email as x from users',
      'insert into orders (id, total) select id, length(email) from users',
      "do $$ begin raise notice '%', (select email from users limit 1); end $$",
      'create view v as select lower(email) as x from users',
      'alter table users rename column email to x',
    ])
      await assert.rejects(client.query(text), Error, text);
    await assert.rejects(
      client.query('create table copied as select email as x from users'),
      /would take the values of a masked column away/,
    );
    assert.doesNotMatch(seen(), SECRETS);
    await assert.rejects(client.query('select emial from users'), /column "emial" does not exist/);
    const { rows } = await client.query('select x.* from names() x where id = 1');
    assert.deepEqual([rows[0].name, rows[0].email], ['Ada', '########']);
    await client.end();
  });
});
