import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { Misconfigured } from '@hoop/core/errors';
import { publicKeyPin } from '@hoop/tunnel/client';
import { serverCertificate } from './certificate.ts';
import { type GatewayConfig, loadConfig } from './config.ts';
import { readEnv } from './env.ts';
import { createOwnFile } from './own-file.ts';
import { encryptionKey } from './secrets.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hoop-certificate-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

let homes = 0;
const freshHome = (env: NodeJS.ProcessEnv = {}): GatewayConfig =>
  loadConfig(readEnv({ HOOP_HOME: join(scratch, `home-${++homes}`), ...env }, false));

test('the first start makes a certificate that a client trusts by its authority and by its pin', async () => {
  const made = await serverCertificate(freshHome());
  const server = tls.createServer({ cert: made.cert, key: made.key.reveal() }, (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const peer = await new Promise<X509Certificate | undefined>((resolve, reject) => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: made.ca }, () => {
      resolve(socket.getPeerX509Certificate());
      socket.destroy();
    });
    socket.once('error', reject);
  });
  server.close();
  assert.equal(publicKeyPin(peer?.publicKey.export({ type: 'spki', format: 'der' }) ?? Buffer.alloc(0)), made.pin);
});

test('what it made is for the owner’s eyes only', async () => {
  const config = freshHome();
  await serverCertificate(config);
  const directory = join(config.home, 'tls');
  assert.deepEqual(readdirSync(directory).sort(), ['ca.key', 'ca.pem', 'server.key', 'server.pem']);
  for (const name of readdirSync(directory)) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test('a second start finds the same; a renewal and a new name keep the key, and so the pin', async () => {
  const config = freshHome();
  const first = await serverCertificate(config);
  assert.equal((await serverCertificate(config)).cert, first.cert);

  const renewed = await serverCertificate(config, Date.now() + 380 * 86_400_000);
  assert.notEqual(renewed.cert, first.cert);
  assert.equal(renewed.pin, first.pin);
  assert.equal(renewed.ca, first.ca);

  const renamed = await serverCertificate({ ...config, apiUrl: 'https://hoop.example' });
  assert.equal(new X509Certificate(renamed.cert).checkHost('hoop.example'), 'hoop.example');
  assert.equal(renamed.pin, first.pin);
});

test('a key that others can read, and one that is damaged, stop the start', async () => {
  const config = freshHome();
  await serverCertificate(config);
  const key = join(config.home, 'tls', 'server.key');
  chmodSync(key, 0o644);
  await assert.rejects(serverCertificate(config), (error: unknown) => error instanceof Misconfigured && /chmod 600/.test(error.message));
  chmodSync(key, 0o600);
  writeFileSync(key, 'nonsense');
  await assert.rejects(serverCertificate(config), (error: unknown) => error instanceof Misconfigured && /damaged/.test(error.message));
});

test('the encryption key is made once and stays', () => {
  const config = freshHome();
  const first = encryptionKey(config);
  assert.equal(first.length, 32);
  assert.deepEqual(encryptionKey(config), first);
  assert.equal(statSync(join(config.home, 'encryption.key')).mode & 0o777, 0o600);
  writeFileSync(join(config.home, 'encryption.key'), 'short');
  assert.throws(() => encryptionKey(config), Misconfigured);

  const given = Buffer.alloc(32, 3);
  assert.deepEqual(encryptionKey(freshHome({ HOOP_ENCRYPTION_KEY: given.toString('base64') })), given);
});

test('of two processes that make a file at once, both end up with the same', () => {
  const path = join(scratch, 'race', 'key');
  assert.equal(createOwnFile(path, 'first'), 'first');
  assert.equal(createOwnFile(path, 'second'), 'first');
  assert.deepEqual(readdirSync(join(scratch, 'race')), ['key']);
});
