import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { configPath, loadStored, saveStored } from '../config.ts';
import { Shell } from '../testing/shell.ts';

test('config view masks the token, and --raw shows it', async () => {
  using shell = new Shell();
  saveStored(shell.home, { api_url: 'https://gw.example.com', token: 'very-secret' });
  const { out } = await shell.run(['config', 'view']);
  assert.equal(
    out,
    [
      'api_url:          https://gw.example.com',
      'grpc_url:         -',
      'token:            [secret]',
      'tls_ca:           -',
      'skip_tls_verify:  false',
      '',
    ].join('\n'),
  );
  assert.equal((await shell.run(['config', 'view', 'token'])).out, '[secret]\n');
  assert.equal((await shell.run(['config', 'view', 'token', '--raw'])).out, 'very-secret\n');
  assert.equal((await shell.run(['config', 'view', 'api-url'])).out, 'https://gw.example.com\n');
  assert.equal(JSON.parse((await shell.run(['config', 'view', '--json'])).out).token, '[secret]');
});

test('config view of a part that is not set fails without an output', async () => {
  using shell = new Shell();
  const unset = await shell.run(['config', 'view', 'grpc_url']);
  assert.deepEqual([unset.code, unset.out], [1, '']);
  const unknown = await shell.run(['config', 'view', 'colour']);
  assert.deepEqual([unknown.code, unknown.out], [2, '']);
});

test('config create keeps the token of the same gateway and drops that of another', async () => {
  using shell = new Shell();
  saveStored(shell.home, { api_url: 'https://gw.example.com', token: 'x' });
  await shell.run(['config', 'create', '--api-url', 'https://gw.example.com/', '--grpc-url', 'grpcs://gw.example.com:8010']);
  assert.deepEqual(loadStored(shell.home), { api_url: 'https://gw.example.com', grpc_url: 'grpcs://gw.example.com:8010', token: 'x' });
  const { err } = await shell.run(['config', 'create', '--api-url', 'https://other.example.com']);
  assert.deepEqual(loadStored(shell.home), { api_url: 'https://other.example.com' });
  assert.match(err, /hoop login/);
});

test('config clear removes the file', async () => {
  using shell = new Shell();
  saveStored(shell.home, { token: 'x' });
  assert.equal((await shell.run(['config', 'clear'])).code, 0);
  assert.equal(existsSync(configPath(shell.home)), false);
});
