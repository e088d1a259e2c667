import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CATALOGUE_FRESH_MS, Catalogues } from '@hoop/agent/catalogues';
import { silentLog } from '@hoop/core/log';
import { sessionFacts } from '@hoop/core/testing/session-facts';
import { compilePolicy } from '@hoop/policy/rules';
import { postgres } from '@hoop/protocols/postgres/index';
import { CATALOGUE_BYTES_MAX } from '@hoop/protocols/postgres/limits';
import { TestPostgres, USERS } from '../../support/test-postgres.ts';

/** For how long a session goes by what was there, with a clock that the test moves. */
describe('what was read of a PostgreSQL server', () => {
  let server: TestPostgres;
  let database: string;
  let now_ms = 0;
  before(async () => {
    server = await TestPostgres.start();
    database = await server.database();
    await server.sql('create table users (id int, ssn text)', database);
  });
  after(() => server.stop());

  const masks = [{ name: 'm', entities: [], columns: ['users.ssn'] }];

  function policy(more: Readonly<Record<string, string>> = {}) {
    const values = server.settings(database, { USER: USERS.trusted.user, ...more });
    const settings = postgres.settings.parse(values);
    const read = () => {
      assert.ok(postgres.catalogue);
      return postgres.catalogue({ settings, hello: { user: '' }, log: silentLog(), session: sessionFacts() });
    };
    const clock = { now: () => now_ms, micros: () => now_ms * 1_000 };
    const catalogue = new Catalogues(silentLog(), clock).of({ protocol: 'postgres', settings: values, database, read });
    return compilePolicy({ revision: 1, guardrails: [], masks }, 'postgres', { catalogue });
  }

  async function hidden(compiled: ReturnType<typeof policy>, text: string): Promise<boolean> {
    const verdict = await compiled.judge({ seq: 1, text, via: 'query' });
    return verdict.allow === true && verdict.answer?.hides?.([{ name: 'x' }])?.[0] !== undefined;
  }

  test('counts for ten seconds: what is made past the gateway is followed from then on', async () => {
    const compiled = policy();
    assert.equal(await hidden(compiled, 'select note as x from contacts'), false);
    await server.sql('create view contacts as select ssn as note from users', database);
    now_ms += CATALOGUE_FRESH_MS - 1;
    assert.equal(await hidden(compiled, 'select note as x from contacts'), false);
    now_ms += 1;
    assert.equal(await hidden(compiled, 'select note as x from contacts'), true);
  });

  test('is nothing where nobody can log in: then all is hidden that may be a view', async () => {
    const compiled = policy({ PORT: '1' });
    assert.equal(await hidden(compiled, 'select id as x from contacts'), true);
    assert.equal(await hidden(compiled, 'select 1 as x'), false);
  });

  test('is nothing where there is more than can be kept', async () => {
    const own = await server.database();
    const body = `repeat('x', ${CATALOGUE_BYTES_MAX})`;
    await server.sql(
      `set check_function_bodies = off;
       do $$ begin execute 'create function f() returns int language sql as ' || quote_literal(${body}); end $$`,
      own,
    );
    const settings = postgres.settings.parse(server.settings(own));
    const read = postgres.catalogue?.({ settings, hello: { user: '' }, log: silentLog(), session: sessionFacts() });
    await assert.rejects(Promise.resolve(read), (error: { code?: string }) => error.code !== undefined);
  });
});
