import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openApi } from '../testing/fixtures.ts';

const directory = mkdtempSync(join(tmpdir(), 'hoop-api-keys-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function newKey(name: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ada@laptop', '-f', join(directory, name)]);
  return readFileSync(join(directory, `${name}.pub`), 'utf8');
}

test('a user adds, sees and removes keys, and nobody sees the key itself again', async () => {
  await using api = await openApi();
  const public_key = newKey('one');
  const added = await api.call('standard', 'POST', '/users/me/ssh-keys', { public_key });
  assert.equal(added.status, 201, added.text);
  assert.match(added.body.fingerprint, /^SHA256:/);
  assert.deepEqual([added.body.name, added.body.type, added.body.used_at], ['ada@laptop', 'ssh-ed25519', null]);
  const listed = await api.call('standard', 'GET', '/users/me/ssh-keys');
  assert.deepEqual(listed.body.items, [added.body]);
  assert.equal(listed.text.includes(public_key.split(' ')[1] ?? ''), false);
  assert.deepEqual((await api.call('other', 'GET', '/users/me/ssh-keys')).body.items, []);
  assert.equal((await api.call('standard', 'DELETE', `/users/me/ssh-keys/${added.body.id}`)).status, 204);
  assert.equal((await api.call('standard', 'DELETE', `/users/me/ssh-keys/${added.body.id}`)).status, 404);
});

test('a key is one user’s, and removed by that user or an admin only', async () => {
  await using api = await openApi();
  const public_key = newKey('two');
  const { body } = await api.call('standard', 'POST', '/users/me/ssh-keys', { public_key, name: 'mine' });
  const again = await api.call('other', 'POST', '/users/me/ssh-keys', { public_key });
  assert.deepEqual([again.status, again.body.code], [409, 'ssh_key_exists']);
  assert.equal((await api.call('other', 'DELETE', `/users/me/ssh-keys/${body.id}`)).status, 404);
  assert.equal((await api.call('standard', 'GET', `/users/${body.user_id}/ssh-keys`)).status, 403);
  assert.deepEqual((await api.call('admin', 'GET', `/users/${body.user_id}/ssh-keys`)).body.items, [body]);
  assert.equal((await api.call('admin', 'DELETE', `/users/me/ssh-keys/${body.id}`)).status, 204);
});

test('what is no key that can be used is refused with why', async () => {
  await using api = await openApi();
  for (const public_key of ['hello', 'ssh-dss AAAA', readFileSync(join(directory, 'one'), 'utf8')]) {
    const { status, body } = await api.call('standard', 'POST', '/users/me/ssh-keys', { public_key });
    assert.deepEqual([status, body.code, body.field], [422, 'ssh_key_unusable', 'public_key']);
  }
});
