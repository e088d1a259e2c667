import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeVault } from '@hoop/agent/testing/fake-vault';
import { routes } from '@hoop/contract/routes/all';
import pg from 'pg';
import { temporaryDirectory } from '../support/temporary.ts';
import { TestPostgres, USERS } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';

test('a connection whose every setting is kept at the agent leads to its database, and leaves no file behind, not even when the agent is killed', async () => {
  const postgres = await TestPostgres.start();
  await using vault = await FakeVault.start();
  const room = temporaryDirectory('secrets');
  const [TMPDIR, HOOP_SECRETS_DIR] = [join(room, 'tmp'), join(room, 'secrets')];
  for (const path of [TMPDIR, HOOP_SECRETS_DIR]) mkdirSync(path);
  const { DB = '', HOST = '', PORT = '' } = postgres.settings(await postgres.database());
  writeFileSync(join(HOOP_SECRETS_DIR, 'user'), `${USERS.app.user}\n`);
  vault.kv2.set('secret/data/shop', { password: USERS.app.password });
  const vaultLogin = { VAULT_ADDR: vault.url, VAULT_APP_ROLE_ID: vault.role.role_id, VAULT_APP_ROLE_SECRET_ID: vault.role.secret_id };
  const parts = await Parts.start({ ...vaultLogin, TMPDIR, HOOP_SECRETS_DIR, SHOP: JSON.stringify({ port: Number(PORT) }), DB });
  try {
    const { id: agent_id } = await parts.office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } });
    const settings = {
      'envvar:HOST': HOST,
      'envvar:PORT': '_envjson:SHOP:port',
      'envvar:USER': '_file:user',
      'envvar:PASS': '_vaultkv2:shop:password',
      'envvar:DB': 'system.agent.envs',
      'envvar:SSLMODE': 'verify-full',
      'filesystem:SSLROOTCERT': postgres.ca,
    };
    const secret = Object.fromEntries(Object.entries(settings).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
    const body = { name: 'shop', type: 'database' as const, subtype: 'postgres', agent_id, secret };
    await parts.office.api.call(routes.createConnection, { body });
    const access = await parts.office.credential('shop');
    const enter = (): Promise<pg.Client> =>
      until('a client is let in', async () => {
        const { host, port } = access;
        const next = new pg.Client({ host, port, user: 'shop', password: access.secret, database: DB, connectionTimeoutMillis: 5_000 });
        next.on('error', () => undefined);
        return next.connect().then(
          () => next,
          () => undefined,
        );
      });
    const files = (): string[] =>
      readdirSync(TMPDIR, { recursive: true })
        .filter((path) => /\/s-\w+\//.test(String(path)))
        .map(String);

    const client = await enter();
    const { rows } = await client.query('select session_user as who, ssl from pg_stat_ssl where pid = pg_backend_pid()');
    assert.deepEqual(rows, [{ who: USERS.app.user, ssl: true }]);
    assert.equal(files().length, 1);
    await client.end();
    await until('the session’s file is gone', async () => files().length === 0);

    await enter();
    const [left = ''] = files();
    await parts.killAndRestart('agent');
    await until('what the killed agent left is gone', async () => !files().includes(left));
    const again = await enter();
    await again.end();
    assert.equal(await parts.stop('agent'), 0);
    assert.deepEqual(readdirSync(TMPDIR), []);
    assert.equal(vault.count('auth/approle/login'), 2);
  } finally {
    await parts[Symbol.asyncDispose]();
    await postgres.stop();
  }
});
