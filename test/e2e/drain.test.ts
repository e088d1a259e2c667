import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { TestPostgres } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';

test('a gateway that is asked to stop lets the running statement finish, takes no new client, and exits with 0', async () => {
  const postgres = await TestPostgres.start();
  const parts = await Parts.start();
  try {
    const { host, port, secret } = await parts.access(postgres.settings(await postgres.database()));
    const newClient = (): pg.Client =>
      new pg.Client({ host, port, user: 'db', password: secret, database: 'db', connectionTimeoutMillis: 5_000 });
    const client = await until('the agent is linked', async () => {
      const next = newClient();
      next.on('error', () => undefined);
      return next.connect().then(
        () => next,
        () => undefined,
      );
    });
    const running = client.query("select pg_sleep(1), 'done' as said");
    await until('the statement runs', async () => {
      const [row] = await postgres.sql("select count(*)::int as n from pg_stat_activity where query like 'select pg_sleep(1)%'");
      return row?.n === 1;
    });
    const stopped = parts.stop('gateway');
    await until('a new client is turned away', () =>
      newClient()
        .connect()
        .then(
          () => false,
          () => true,
        ),
    );
    assert.equal((await running).rows[0]?.said, 'done');
    await client.end();
    assert.equal(await stopped, 0);
    assert.equal(await parts.stop('agent'), 0);
  } finally {
    await parts[Symbol.asyncDispose]();
    await postgres.stop();
  }
});
