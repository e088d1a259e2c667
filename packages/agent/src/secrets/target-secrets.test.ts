import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { AppError } from '@hoop/core/errors';
import { FakeVault } from '../testing/fake-vault.ts';
import { secretsWith, wish } from '../testing/secrets-env.ts';
import { SECRET_FILE_BYTES_MAX } from './limits.ts';
import type { TargetSecrets } from './target-secrets.ts';

let room = '';
before(() => {
  room = mkdtempSync(join(tmpdir(), 'secrets-test-'));
});
after(() => rmSync(room, { recursive: true }));

const settingsOf = async (secrets: TargetSecrets, settings: Record<string, string>) => (await secrets.resolve(wish(settings))).settings;

const rejects = (work: Promise<unknown>, code: string, words: RegExp, note?: string) =>
  assert.rejects(
    work,
    (error) => {
      assert.ok(error instanceof AppError && error.kind === 'misconfigured', inspect(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
      assert.ok(!inspect(error).includes('hunter2'), error.message);
      return true;
    },
    note,
  );

describe('the settings of a session', () => {
  test('are what they say, where they say it; what was fetched is not read as a reference again', async () => {
    const secrets = secretsWith({
      SHOP: '{"PORT":5433,"PASS":"_envjson:SHOP:PORT","more":{"a":[1]}}',
      DB: 'shop',
      HOST: 'system.agent.envs',
    });
    const resolved = await settingsOf(secrets, {
      HOST: 'system.agent.envs',
      PORT: '_envjson:SHOP:PORT',
      USER: 'a:b:c',
      PASS: '_envjson:SHOP:PASS',
      DB: 'system.agent.envs',
      EXTRA: '_envjson:SHOP:more',
    });
    const expected = { HOST: 'system.agent.envs', PORT: '5433', USER: 'a:b:c', PASS: '_envjson:SHOP:PORT', DB: 'shop', EXTRA: '{"a":[1]}' };
    assert.deepEqual(resolved, expected);
  });

  test('are all read before any is fetched: a mistake costs no request, and shows no value', async () => {
    await using vault = await FakeVault.start();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' });
    const work = settingsOf(secrets, { USER: '_vaultkv2:shop:user', PASS: '_aws:hunter2' });
    await rejects(work, 'secret_reference_invalid', /^PASS of the connection shop cannot be used: .*write _aws:<secret id or ARN>:<key>/);
    assert.equal(vault.asked.length, 0);
  });

  test('do not show the values that are kept, however they are printed', async () => {
    const secrets = secretsWith({ VAULT_TOKEN: 'hunter2', VAULT_APP_ROLE_SECRET_ID: 'hunter2' });
    assert.ok(!inspect(secrets, { depth: 10, showHidden: true }).includes('hunter2') && !JSON.stringify(secrets).includes('hunter2'));
  });
});

describe('a variable of the agent', () => {
  test('that opens something for the agent itself is read by no connection, listed or not', async () => {
    const names = [
      'HOOP_KEY',
      'HOOP_DSN',
      'HOOP_ENCRYPTION_KEY',
      'VAULT_TOKEN',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_CONTAINER_AUTHORIZATION_TOKEN',
    ];
    const more = [
      'AZURE_CLIENT_SECRET',
      'GOOGLE_APPLICATION_CREDENTIALS',
      'POSTGRES_DB_URI',
      'https_proxy',
      'IDP_CLIENT_SECRET',
      'TLS_KEY',
    ];
    for (const name of [...names, ...more]) {
      const secrets = secretsWith({ [name]: '{"k":"hunter2"}', HOOP_AGENT_ENVS: `${name},*` });
      await rejects(settingsOf(secrets, { [name]: 'system.agent.envs' }), 'secret_reference_invalid', /no connection may read/, name);
      await rejects(settingsOf(secrets, { PASS: `_envjson:${name}:k` }), 'secret_reference_invalid', /no connection may read/, name);
    }
    assert.equal((await settingsOf(secretsWith({ AWS_REGION: 'x' }), { AWS_REGION: 'system.agent.envs' })).AWS_REGION, 'x');
  });

  test('is read when it is listed, where there is a list', async () => {
    const variables = { HOOP_AGENT_ENVS: 'SHOP_*, PASS', SHOP_A: '{"k":"a"}', PASS: 'p', OTHER: 'hunter2' };
    const resolved = await settingsOf(secretsWith(variables), { PASS: 'system.agent.envs', A: '_envjson:SHOP_A:k' });
    assert.deepEqual(resolved, { PASS: 'p', A: 'a' });
    await rejects(
      settingsOf(secretsWith(variables), { OTHER: 'system.agent.envs' }),
      'secret_reference_invalid',
      /add it to HOOP_AGENT_ENVS/,
    );
    await rejects(
      settingsOf(secretsWith({ ...variables, HOOP_AGENT_ENVS: '' }), { PASS: 'system.agent.envs' }),
      'secret_reference_invalid',
      /add it/,
    );
  });

  test('is read only when it is listed, in a process that others share', async () => {
    const shared = (variables: Record<string, string>) => secretsWith(variables, { ownProcess: false });
    await rejects(settingsOf(shared({ PASS: 'hunter2' }), { PASS: 'system.agent.envs' }), 'secret_reference_invalid', /HOOP_AGENT_ENVS/);
    assert.deepEqual(await settingsOf(shared({ PASS: 'p', HOOP_AGENT_ENVS: 'PASS' }), { PASS: 'system.agent.envs' }), { PASS: 'p' });
  });

  test('that is not there, or holds no JSON, is told by its name', async () => {
    const secrets = secretsWith({ SHOP: 'hunter2', LIST: '["hunter2"]', SOME: '{"a":"hunter2"}' });
    await rejects(settingsOf(secrets, { PASS: 'system.agent.envs' }), 'secret_not_found', /^PASS of .* the agent has no variable PASS/);
    await rejects(settingsOf(secrets, { toString: 'system.agent.envs' }), 'secret_not_found', /no variable toString/);
    for (const name of ['SHOP', 'LIST'])
      await rejects(settingsOf(secrets, { PASS: `_envjson:${name}:a` }), 'secret_not_found', /no JSON object/);
    await rejects(settingsOf(secrets, { PASS: '_envjson:SOME:b' }), 'secret_not_found', /no key b/);
  });
});

describe('a file of the agent’s host', () => {
  test('gives its whole text, or a key of its JSON, anew each time', async () => {
    const HOOP_SECRETS_DIR = join(room, 'plain');
    mkdirSync(join(HOOP_SECRETS_DIR, 'shop'), { recursive: true });
    writeFileSync(join(HOOP_SECRETS_DIR, 'pass'), 'first\n');
    writeFileSync(join(HOOP_SECRETS_DIR, 'shop', 'db.json'), '{"port":5433}');
    // As clusters lay out secrets: a link to what is beside it.
    symlinkSync(join('shop', 'db.json'), join(HOOP_SECRETS_DIR, 'linked.json'));
    const secrets = secretsWith({ HOOP_SECRETS_DIR });
    const wanted = { PASS: '_file:pass', PORT: '_file:shop/db.json:port', LINKED: '_file:linked.json:port' };
    assert.deepEqual(await settingsOf(secrets, wanted), { PASS: 'first', PORT: '5433', LINKED: '5433' });
    writeFileSync(join(HOOP_SECRETS_DIR, 'pass'), 'second');
    assert.equal((await settingsOf(secrets, wanted)).PASS, 'second');
  });

  test('is read in its directory only: not above, not through links, not the agent’s own credentials', async () => {
    const HOOP_SECRETS_DIR = join(room, 'inside');
    mkdirSync(join(HOOP_SECRETS_DIR, 'kubernetes.io', 'serviceaccount'), { recursive: true });
    writeFileSync(join(HOOP_SECRETS_DIR, 'kubernetes.io', 'serviceaccount', 'token'), 'hunter2');
    writeFileSync(join(room, 'outside'), 'hunter2');
    writeFileSync(join(room, 'inside-too'), 'hunter2');
    writeFileSync(join(HOOP_SECRETS_DIR, 'large'), Buffer.alloc(SECRET_FILE_BYTES_MAX + 1));
    symlinkSync(join('..', 'outside'), join(HOOP_SECRETS_DIR, 'out'));
    symlinkSync(join('kubernetes.io', 'serviceaccount', 'token'), join(HOOP_SECRETS_DIR, 'token'));
    symlinkSync(room, join(HOOP_SECRETS_DIR, 'up'));
    const secrets = secretsWith({ HOOP_SECRETS_DIR });
    const wrong: [string, string, RegExp][] = [
      ['../outside', 'secret_reference_invalid', /has no \.\./],
      ['a/../../outside', 'secret_reference_invalid', /has no \.\./],
      [join(room, 'outside'), 'secret_reference_invalid', /relative to/],
      ['../inside-too', 'secret_reference_invalid', /has no \.\./],
      ['out', 'secret_reference_invalid', /leads out of/],
      ['up/outside', 'secret_reference_invalid', /leads out of/],
      ['up', 'secret_reference_invalid', /leads out of/],
      ['kubernetes.io/serviceaccount/token', 'secret_reference_invalid', /credential of the agent itself/],
      ['token', 'secret_reference_invalid', /credential of the agent itself/],
      ['kubernetes.io', 'secret_reference_invalid', /credential of the agent itself/],
      ['large', 'secret_unavailable', /more than 1048576 bytes/],
      ['nosuch', 'secret_not_found', /there is no nosuch/],
    ];
    for (const [name, code, words] of wrong) await rejects(settingsOf(secrets, { PASS: `_file:${name}` }), code, words, name);
  });

  test('lies directly in the usual directory where no other was named', async () => {
    await rejects(settingsOf(secretsWith({}), { PASS: '_file:some/where' }), 'secret_reference_invalid', /directly in \/run\/secrets/);
    await rejects(settingsOf(secretsWith({}), { PASS: '_file:no-such-secret' }), 'secret_not_found', /in \/run\/secrets/);
    assert.throws(() => secretsWith({ HOOP_SECRETS_DIR: 'relative' }), { code: 'agent_config' });
  });
});

describe('files that a connection brings', () => {
  const coded = (text: string): string => Buffer.from(text).toString('base64');

  test('are there for the session under names that cannot be guessed, for the agent’s user only, and gone after it', async () => {
    const base = mkdtempSync(join(room, 'files-'));
    const secrets = secretsWith({ SHOP: '{"key":"from a reference"}' }, { base });
    const open = wish({ HOST: 'h', CERT: 'overlaid' }, { CERT: coded('cert\n'), KEY: coded('_envjson:SHOP:key') });
    const [one, two] = await Promise.all([secrets.resolve(open), secrets.resolve(open)]);
    const { CERT = '', KEY = '', HOST } = one.settings;
    assert.deepEqual([HOST, readFileSync(CERT, 'utf8'), readFileSync(KEY, 'utf8')], ['h', 'cert\n', 'from a reference']);
    assert.match(CERT.slice(base.length), /^\/hoop-agent-\w{6}\/s-\w{6}\/[0-9a-f]{32}$/);
    assert.deepEqual(
      [CERT, KEY, dirname(CERT), dirname(dirname(CERT))].map((path) => (statSync(path).mode & 0o777).toString(8)),
      ['600', '600', '700', '700'],
    );
    assert.notEqual(dirname(CERT), dirname(two.settings.CERT ?? ''));
    one.release();
    one.release();
    assert.deepEqual(
      [statSync(dirname(CERT), { throwIfNoEntry: false }), readFileSync(two.settings.CERT ?? '', 'utf8')],
      [undefined, 'cert\n'],
    );
    await secrets.close();
    assert.deepEqual(readdirSync(base), []);
  });

  test('of an agent that was killed are removed by the next one, and those of a living agent are not', async () => {
    const base = mkdtempSync(join(room, 'left-'));
    const living = secretsWith({}, { base });
    const kept = (await living.resolve(wish({}, { CERT: coded('c') }))).settings.CERT ?? '';
    await killedWithFiles(base);
    mkdirSync(join(base, 'hoop-agent-fresh1'));
    mkdirSync(join(base, 'somebody-else'));
    symlinkSync(room, join(base, 'hoop-agent-link01'));
    const before = readdirSync(base).length;
    assert.equal(await secretsWith({}, { base }).removeLeftovers(), 1);
    assert.deepEqual([readdirSync(base).length, readFileSync(kept, 'utf8')], [before - 1, 'c']);
    await living.close();
  });

  test('come again after somebody tidied up, and are told when there is no room for them', async () => {
    const base = mkdtempSync(join(room, 'tidy-'));
    const secrets = secretsWith({}, { base });
    await secrets.resolve(wish({}, { CERT: coded('c') }));
    for (const name of readdirSync(base)) rmSync(join(base, name), { recursive: true });
    const again = await secrets.resolve(wish({}, { CERT: coded('c') }));
    assert.equal(readFileSync(again.settings.CERT ?? '', 'utf8'), 'c');
    await secrets.close();
    const nowhere = secretsWith({}, { base: join(base, 'nosuch') });
    await rejects(nowhere.resolve(wish({}, { CERT: coded('hunter2') })), 'secret_files', /cannot write files into .*\(ENOENT\)/);
  });
});

/** An agent with a session's file that is killed as it stands. */
async function killedWithFiles(base: string): Promise<void> {
  const script = `
    const { SessionFiles } = await import('${new URL('./session-files.ts', import.meta.url)}');
    await new SessionFiles(process.argv[1]).write(new Map([['CERT', Buffer.from('hunter2')]]));
    process.stdout.write('written');
    process.stdin.resume();`;
  const flags = ['--conditions=hoop:source', '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script, base];
  const child = spawn(process.execPath, flags, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}
