import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import type { ExecReply } from '@hoop/contract/routes/sessions';
import { Program } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { TestPostgres, USERS } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';

const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));

const home = realpathSync(temporaryDirectory('embedded'));

let parts: Parts;
let key = '';
before(async () => {
  parts = await Parts.start();
  key = (await parts.office.api.call(routes.createAgent, { body: { name: 'apps', mode: 'embedded' } })).token;
});
after(() => parts[Symbol.asyncDispose]());

/** An application, which runs until its input ends, and its connection. */
function application(name: string, flags: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const logFile = join(home, `${name}.log`);
  const words = ['run', '--name', name, ...flags, '--', 'sh', '-c', 'echo up; cat; exit 5'];
  return new Program(HOOP, words, { cwd: home, env: { HOME: home, HOOP_KEY: key, HOOP_LOG_FILE: logFile, ...env } });
}

function exec(connection: string, script: string): Promise<ExecReply> {
  return parts.office.api.call(routes.execSession, { body: { connection, script } });
}

async function online(name: string, status: 'online' | 'offline' = 'online'): Promise<void> {
  await until(`${name} is ${status}`, async () => {
    const found = await parts.office.api.call(routes.getConnection, { params: { nameOrID: name } }).catch(() => undefined);
    return found?.status === status;
  });
}

async function ends(program: Program): Promise<void> {
  program.endInput();
  const { exitCode, stdout, stderr } = await program.done;
  assert.deepEqual([exitCode, stdout, stderr], [5, 'up\n', '']);
}

describe('a session beside an application', () => {
  test('has its environment but for the key, and its directory; the application hears nothing of it', async () => {
    const program = application('shop', ['--command', 'sh'], { SECRET_KEY_BASE: 'kept $HOME "here"' });
    await online('shop');
    const { output, exit_code } = await exec(
      'shop',
      'printenv SECRET_KEY_BASE; pwd; printenv HOOP_KEY HOOP_DSN; env | grep -c xagt-; exit 3',
    );
    assert.deepEqual([output, exit_code], [`kept $HOME "here"\n${home}\n0\n`, 3]);
    await ends(program);
    await online('shop', 'offline');
  });

  test('reaches the database whose address and password stay with the application', async () => {
    const postgres = await TestPostgres.start();
    try {
      const { user, password } = USERS.app;
      const database = await postgres.database();
      const uri = `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${postgres.port}/${database}?sslmode=disable`;
      const program = application('shop-db', ['--postgres'], { HOOP_DB_URI: uri });
      await online('shop-db');
      const { output } = await exec('shop-db', 'select current_user as who, current_database() as what');
      assert.match(output, new RegExp(`${user}\\s+${database}`));
      const stored = JSON.stringify(await parts.office.api.call(routes.getConnection, { params: { nameOrID: 'shop-db' } }));
      assert.ok(!stored.includes(encodeURIComponent(password)) && !stored.includes(String(postgres.port)));
      await ends(program);
    } finally {
      await postgres.stop();
    }
  });

  test('is there again when the gateway is; the application went on meanwhile', async () => {
    const program = application('steady', ['--command', 'sh']);
    await online('steady');
    await parts.killAndRestart('gateway');
    await online('steady');
    const reply = await until('a session is opened', () => exec('steady', 'echo again').catch(() => undefined));
    assert.equal(reply.output, 'again\n');
    await ends(program);
  });

  test('ends with the application', async () => {
    const program = application('short', ['--command', 'sh']);
    await online('short');
    const session = exec('short', 'echo begun; exec sleep 1000');
    await until('the session runs', async () => {
      const [newest] = await parts.office.sessions('short');
      return newest?.status === 'open';
    });
    await ends(program);
    const { output_status } = await session;
    assert.notEqual(output_status, 'success');
  });

  test('is told apart by the name of its connection where many applications share the organization key', async () => {
    const { key: shared } = await parts.office.api.call(routes.createOrgKey);
    const one = application('one', ['--command', 'sh'], { HOOP_KEY: shared, WHO: 'the first' });
    const two = application('two', ['--command', 'sh'], { HOOP_KEY: shared, WHO: 'the second' });
    await Promise.all([online('one'), online('two')]);
    const outputs = await Promise.all([exec('one', 'echo $WHO'), exec('two', 'echo $WHO')]);
    assert.deepEqual(
      outputs.map(({ output }) => output),
      ['the first\n', 'the second\n'],
    );
    await Promise.all([ends(one), ends(two)]);
  });

  test('is not there when the key was revoked, and the application is not disturbed', async () => {
    const program = application('orphan', ['--command', 'sh']);
    await online('orphan');
    await parts.office.api.call(routes.deleteAgent, { params: { nameOrID: 'apps' } });
    await until(
      'the connection is not online any more',
      async () => (await exec('orphan', 'echo').catch(() => undefined)) === undefined || true,
    );
    await ends(program);
  });
});
