import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FakeGateway } from '../testing/fake-gateway.ts';
import { Shell } from '../testing/shell.ts';

const ID = '11111111-1111-4111-8111-111111111111';
const key = {
  id: ID,
  user_id: 'u',
  name: 'laptop',
  type: 'ssh-ed25519',
  fingerprint: 'SHA256:abc',
  created_at: '2026-11-21T08:00:00.000Z',
  used_at: null,
};

test('a public key is added from its file, and a private one never leaves the machine', async () => {
  const sent: unknown[] = [];
  await using gateway = await FakeGateway.start({
    addSshKey: ({ body }) => {
      sent.push(body);
      return key;
    },
  });
  using shell = Shell.at(gateway);
  const file = (name: string, text: string): string => {
    const path = join(shell.home, name);
    writeFileSync(path, text);
    return path;
  };
  const added = await shell.run(['ssh-keys', 'add', file('id.pub', 'ssh-ed25519 AAAA me\n'), '--name', 'laptop']);
  assert.deepEqual([added.code, added.out], [0, 'SSH key SHA256:abc added\n'], added.err);
  assert.deepEqual(sent, [{ public_key: 'ssh-ed25519 AAAA me', name: 'laptop' }]);
  for (const path of [file('id', '-----BEGIN OPENSSH PRIVATE KEY-----\n'), file('two.pub', 'ssh-rsa A\nssh-rsa B\n'), '/nowhere/at/all']) {
    assert.notEqual((await shell.run(['ssh-keys', 'add', path])).code, 0, path);
  }
  assert.equal(sent.length, 1);
});

test('keys are listed, and removed by id or fingerprint', async () => {
  const removed: unknown[] = [];
  await using gateway = await FakeGateway.start({
    listSshKeys: () => ({ items: [key] }),
    deleteSshKey: ({ params }) => void removed.push(params.ID),
  });
  using shell = Shell.at(gateway);
  assert.match((await shell.run(['ssh-keys', 'list'])).out, new RegExp(`^${ID} +laptop +ssh-ed25519 +SHA256:abc +never$`, 'm'));
  assert.equal((await shell.run(['ssh-keys', 'remove', ID])).out, 'SSH key SHA256:abc removed\n');
  assert.equal((await shell.run(['ssh-keys', 'rm', 'SHA256:abc'])).code, 0);
  assert.notEqual((await shell.run(['ssh-keys', 'remove', 'other'])).code, 0);
  assert.deepEqual(removed, [ID, ID]);
});
