import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DRAIN_MS_MAX } from '@hoop/core/limits';
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

test('a gateway that is asked to stop does not wait for clients that ask nothing, and tells them in their words', async () => {
  const postgres = await TestPostgres.start();
  const parts = await Parts.start();
  try {
    const { host, port, secret } = await parts.access(postgres.settings(await postgres.database()));
    const ended = Promise.withResolvers<string>();
    const idle = await until('the agent is linked', async () => {
      const next = new pg.Client({ host, port, user: 'db', password: secret, database: 'db' });
      next.on('error', (error) => ended.resolve(error.message));
      return next.connect().then(
        () => next,
        () => undefined,
      );
    });
    await idle.query('select 1');
    const since = performance.now();
    assert.equal(await parts.stop('gateway'), 0);
    const took_ms = performance.now() - since;
    assert.ok(took_ms < DRAIN_MS_MAX / 2, `it took ${Math.round(took_ms)} ms`);
    assert.equal(await ended.promise, 'The gateway is going down; connect again in a moment');
    assert.equal(await parts.stop('agent'), 0);
  } finally {
    await parts[Symbol.asyncDispose]();
    await postgres.stop();
  }
});
