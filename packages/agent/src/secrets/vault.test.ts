import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import { testCertificate } from '@hoop/core/testing/certificate';
import { FakeVault } from '../testing/fake-vault.ts';
import { HandClock, secretsWith, wish } from '../testing/secrets-env.ts';
import { SECRET_CACHE_MS_MAX, SECRET_REPLY_BYTES_MAX } from './limits.ts';
import type { TargetSecrets } from './target-secrets.ts';
import { vaultPath } from './vault.ts';

const PATH = 'secret/data/shop/db';
const asRole = { VAULT_APP_ROLE_ID: 'agent-role', VAULT_APP_ROLE_SECRET_ID: 'agent-secret-id' };

async function vaultWithShop(tls?: ReturnType<typeof testCertificate>): Promise<FakeVault> {
  const vault = await FakeVault.start(tls);
  vault.kv2.set(PATH, { password: 'hunter2', port: 5433, nothing: null });
  return vault;
}

const passOf = async (secrets: TargetSecrets, reference: string): Promise<string | undefined> =>
  (await secrets.resolve(wish({ PASS: reference }))).settings.PASS;

/** Rejects with this kind and code, with words that fit, and never with what must not be told. */
const tells = (kind: string, code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AppError);
  assert.deepEqual([error.kind, error.code], [kind, code], error.message);
  assert.match(error.message, words);
  assert.match(error.message, /^PASS of the connection shop is _vaultkv[12]:/);
  for (const hidden of ['hunter2', 'agent-secret-id', 'root']) assert.ok(!`${error.message} ${error.cause}`.includes(hidden));
  return true;
};

describe('a secret in Vault', () => {
  test('is read from version 2 by its whole path, without the mount’s data, or without the mount', async () => {
    await using vault = await vaultWithShop();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root\n', VAULT_NAMESPACE: 'team' });
    for (const path of ['shop/db', 'secret/shop/db', 'secret/data/shop/db', '/v1/secret/data/shop/db'])
      assert.equal(await passOf(secrets, `_vaultkv2:${path}:password`), 'hunter2', path);
    assert.equal(await passOf(secrets, '_vaultkv2:shop/db:port'), '5433');
    assert.deepEqual(vault.asked[0], { method: 'GET', path: PATH, token: 'root', namespace: 'team' });
    assert.deepEqual(new Set(vault.asked.map(({ path }) => path)), new Set([PATH]));
  });

  test('is read from another mount of version 2, and from version 1', async () => {
    await using vault = await vaultWithShop();
    vault.kv2.set('team/kv/data/shop', { password: 'from team' });
    vault.kv1.set('kv/a%20b', { password: 'from v1' });
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' });
    assert.equal(await passOf(secrets, '_vaultkv2:team/kv/data/shop:password'), 'from team');
    assert.equal(await passOf(secrets, '_vaultkv1:kv/a b:password'), 'from v1');
  });

  test('is asked for once by sessions that want it at the same time, and not again for a while', async () => {
    await using vault = await vaultWithShop();
    const clock = new HandClock();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' }, { clock });
    const all = await Promise.all(Array.from({ length: 50 }, () => passOf(secrets, '_vaultkv2:shop/db:password')));
    assert.deepEqual([new Set(all), vault.count(PATH)], [new Set(['hunter2']), 1]);
    vault.kv2.set(PATH, { password: 'rotated' });
    clock.pass(SECRET_CACHE_MS_MAX - 1);
    assert.equal(await passOf(secrets, '_vaultkv2:shop/db:password'), 'hunter2');
    clock.pass(1);
    assert.equal(await passOf(secrets, '_vaultkv2:shop/db:password'), 'rotated');
  });

  test('is used for as long as its lease says, where that is short', async () => {
    await using vault = await vaultWithShop();
    vault.kv1.set('database/creds/ro', { password: 'dynamic' });
    vault.lease.secret = 100;
    const clock = new HandClock();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' }, { clock });
    await passOf(secrets, '_vaultkv1:database/creds/ro:password');
    clock.pass(79_000);
    await passOf(secrets, '_vaultkv1:database/creds/ro:password');
    assert.equal(vault.count('database/creds/ro'), 1);
    clock.pass(2_000);
    await passOf(secrets, '_vaultkv1:database/creds/ro:password');
    assert.equal(vault.count('database/creds/ro'), 2);
  });

  test('is not taken from memory past its time when Vault is down', async () => {
    const vault = await vaultWithShop();
    const clock = new HandClock();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' }, { clock });
    await passOf(secrets, '_vaultkv2:shop/db:password');
    await vault[Symbol.asyncDispose]();
    assert.equal(await passOf(secrets, '_vaultkv2:shop/db:password'), 'hunter2');
    clock.pass(SECRET_CACHE_MS_MAX);
    await assert.rejects(
      passOf(secrets, '_vaultkv2:shop/db:password'),
      tells('target', 'secret_unavailable', /cannot be reached \(ECONNREFUSED\)/),
    );
  });

  test('is asked for again after a login with it failed, but not by everybody who fails at once', async () => {
    await using vault = await vaultWithShop();
    const clock = new HandClock();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' }, { clock });
    const first = await secrets.resolve(wish({ PASS: '_vaultkv2:shop/db:password' }));
    vault.kv2.set(PATH, { password: 'rotated' });
    first.doubt();
    assert.equal(await passOf(secrets, '_vaultkv2:shop/db:password'), 'hunter2');
    clock.pass(10_000);
    first.doubt();
    assert.equal(await passOf(secrets, '_vaultkv2:shop/db:password'), 'rotated');
  });

  test('is told as missing when it is, with what to do', async () => {
    await using vault = await vaultWithShop();
    vault.kv2.set('secret/data/deleted', null);
    vault.kv1.set('kv/flat', { password: 'x' });
    vault.forbidden.add('secret/data/others');
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' });
    const wrong: [string, string, RegExp][] = [
      ['_vaultkv2:nosuch:password', 'secret_not_found', /has nothing at secret\/data\/nosuch/],
      ['_vaultkv2:deleted:password', 'secret_not_found', /newest version .* is deleted/],
      ['_vaultkv2:shop/db:nosuch', 'secret_not_found', /no key nosuch/],
      ['_vaultkv2:shop/db:nothing', 'secret_not_found', /no key nothing/],
      ['_vaultkv2:shop/db:toString', 'secret_not_found', /no key toString/],
      ['_vaultkv2:others:password', 'secret_unavailable', /does not let the agent read secret\/data\/others; give its token a policy/],
    ];
    for (const [reference, code, words] of wrong) await assert.rejects(passOf(secrets, reference), tells('misconfigured', code, words));
  });

  test('cannot be a part of Vault that is no secret: the agent’s own token stays its own', async () => {
    await using vault = await vaultWithShop();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' });
    const paths = [
      'auth/token/lookup-self',
      '/v1/auth/token/lookup-self',
      'sys/seal-status',
      'identity/x',
      'cubbyhole/x',
      'kv/../auth/x',
      'kv//x',
      './x',
    ];
    for (const path of paths)
      await assert.rejects(
        passOf(secrets, `_vaultkv1:${path}:id`),
        tells('misconfigured', 'secret_reference_invalid', /; (name|write)/),
        path,
      );
    assert.equal(vault.asked.length, 0);
    assert.equal(vaultPath(1, 'kv/a?b=c#d'), 'kv/a%3Fb%3Dc%23d');
  });
});

describe('an agent that logs in to Vault as an AppRole', () => {
  test('does so once for all, and again before its token ends', async () => {
    await using vault = await vaultWithShop();
    vault.lease.token = 1_000;
    const clock = new HandClock();
    const secrets = secretsWith({ VAULT_ADDR: vault.url, ...asRole }, { clock });
    await Promise.all(['port', 'password'].map((key) => passOf(secrets, `_vaultkv2:shop/db:${key}`)));
    vault.kv2.set('secret/data/b', { password: 'b' });
    vault.kv2.set('secret/data/c', { password: 'c' });
    clock.pass(799_000);
    await passOf(secrets, '_vaultkv2:b:password');
    assert.equal(vault.count('auth/approle/login'), 1);
    clock.pass(2_000);
    await Promise.all(['b', 'c'].map((path) => passOf(secrets, `_vaultkv2:${path}:password`)));
    assert.equal(vault.count('auth/approle/login'), 2);
  });

  test('logs in once more when its token is not taken any more, and no more than once', async () => {
    await using vault = await vaultWithShop();
    vault.kv2.set('secret/data/b', { password: 'b' });
    vault.forbidden.add('secret/data/c');
    const secrets = secretsWith({ VAULT_ADDR: vault.url, ...asRole });
    await passOf(secrets, '_vaultkv2:shop/db:password');
    vault.tokens.clear();
    assert.equal(await passOf(secrets, '_vaultkv2:b:password'), 'b');
    assert.equal(vault.count('auth/approle/login'), 2);
    await assert.rejects(
      passOf(secrets, '_vaultkv2:c:password'),
      tells('misconfigured', 'secret_unavailable', /does not let the agent read/),
    );
    assert.deepEqual([vault.count('auth/approle/login'), vault.count('secret/data/c')], [3, 2]);
  });

  test('that Vault does not know is told so', async () => {
    await using vault = await vaultWithShop();
    vault.role.secret_id = 'another';
    const secrets = secretsWith({ VAULT_ADDR: vault.url, ...asRole });
    await assert.rejects(
      passOf(secrets, '_vaultkv2:shop/db:password'),
      tells('misconfigured', 'secret_unavailable', /does not know the agent’s AppRole/),
    );
    vault.role.secret_id = 'agent-secret-id';
    assert.equal(await passOf(secrets, '_vaultkv2:shop/db:password'), 'hunter2');
  });
});

describe('a Vault that does not do what it should', () => {
  const unlucky: [string, (vault: FakeVault) => void, RegExp][] = [
    ['says nothing', (vault) => (vault.instead = () => undefined), /did not answer within 100 ms/],
    ['stops in its answer', (vault) => (vault.instead = (to) => void to.writeHead(200).write('{')), /did not answer within 100 ms/],
    [
      'hangs up in its answer',
      (vault) => (vault.instead = (to) => void to.writeHead(200, { 'content-length': 9 }).write('{', () => to.destroy())),
      /broke off/,
    ],
    ['hangs up', (vault) => (vault.instead = (to) => to.destroy()), /cannot be reached \(ECONNRESET\)/],
    ['talks nonsense', (vault) => (vault.instead = (to) => void to.end('<html>hunter2')), /does not speak as Vault does/],
    ['talks other JSON', (vault) => (vault.instead = (to) => void to.end('["hunter2"]')), /does not speak as Vault does/],
    [
      'talks without end',
      (vault) => (vault.instead = (to) => void to.end('x'.repeat(SECRET_REPLY_BYTES_MAX + 1))),
      /more than 1048576 bytes/,
    ],
    [
      'sends the agent elsewhere',
      (vault) => (vault.instead = (to) => void to.writeHead(307, { location: vault.url }).end()),
      /elsewhere \(status 307\)/,
    ],
    ['is sealed', (vault) => (vault.instead = (to) => void to.writeHead(503).end('{}')), /sealed/],
    ['is broken', (vault) => (vault.instead = (to) => void to.writeHead(500).end('{}')), /status 500/],
  ];
  for (const [what, set, words] of unlucky) {
    test(`${what}: that is told, and the next session asks again`, async () => {
      await using vault = await vaultWithShop();
      const secrets = secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root', VAULT_HTTP_REQ_TIMEOUT: '100ms' });
      set(vault);
      await assert.rejects(passOf(secrets, '_vaultkv2:shop/db:password'), tells('target', 'secret_unavailable', words));
      assert.equal(vault.asked.length, 1);
      vault.instead = undefined;
      assert.equal(await passOf(secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root' }), '_vaultkv2:shop/db:password'), 'hunter2');
    });
  }

  test('has a certificate of its own authority: it is trusted when the agent has that, as text or file, and only then', async () => {
    const certificate = testCertificate();
    await using vault = await vaultWithShop(certificate);
    const directory = mkdtempSync(join(tmpdir(), 'vault-ca-'));
    const file = join(directory, 'ca.pem');
    writeFileSync(file, certificate.cert);
    const withCa = (VAULT_CACERT: string) => secretsWith({ VAULT_ADDR: vault.url, VAULT_TOKEN: 'root', VAULT_CACERT });
    for (const ca of [certificate.cert, file, `file://${file}`])
      assert.equal(await passOf(withCa(ca), '_vaultkv2:shop/db:password'), 'hunter2');
    await assert.rejects(passOf(withCa(''), '_vaultkv2:shop/db:password'), tells('misconfigured', 'secret_unavailable', /not trusted/));
    rmSync(directory, { recursive: true });
    await assert.rejects(passOf(withCa(file), '_vaultkv2:shop/db:password'), tells('misconfigured', 'secret_unavailable', /VAULT_CACERT/));
  });

  test('is not set up on the agent’s side: each missing or wrong variable is named', async () => {
    const wrong: [Record<string, string>, RegExp][] = [
      [{}, /no login to Vault; set VAULT_TOKEN/],
      [{ VAULT_APP_ROLE_ID: 'x' }, /VAULT_APP_ROLE_SECRET_ID/],
      [{ VAULT_TOKEN: 'root' }, /set VAULT_ADDR/],
      [{ VAULT_TOKEN: 'root', VAULT_ADDR: 'vault.internal:8200' }, /VAULT_ADDR of the agent is no address/],
      [{ VAULT_TOKEN: 'root', VAULT_ADDR: 'http://127.0.0.1:1', VAULT_HTTP_REQ_TIMEOUT: 'soon' }, /VAULT_HTTP_REQ_TIMEOUT/],
    ];
    for (const [variables, words] of wrong)
      await assert.rejects(
        passOf(secretsWith(variables), '_vaultkv2:shop/db:password'),
        tells('misconfigured', 'secret_unavailable', words),
      );
  });
});
