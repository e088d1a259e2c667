import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SSH_KEYS_PER_USER_MAX } from './ssh-keys.ts';
import type { Store } from './store.ts';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

const user = async (store: Store, email = 'ada@example.org'): Promise<string> =>
  (await store.users.create({ email, name: 'Ada', groups: [], status: 'active' })).id;
const key = (userId: string, id: string) => ({ id, userId, name: 'laptop', type: 'ssh-ed25519', fingerprint: `SHA256:${id}` });

onEachDatabase('SSH keys', (database) => {
  it('are found by their fingerprint, and remember when they were used', async () => {
    const clock = new TestClock();
    const store = await database.store({ clock });
    const row = await store.sshKeys.insert(key(await user(store), 'k1'));
    assert.deepEqual(await store.sshKeys.byFingerprint('SHA256:k1'), row);
    assert.equal(row.usedAt, null);
    clock.now_ms += 5;
    await store.sshKeys.used('k1');
    assert.equal((await store.sshKeys.get('k1'))?.usedAt, clock.now_ms);
    assert.equal(await store.sshKeys.byFingerprint('SHA256:k2'), undefined);
  });

  it('belong to one user each, and not without end', async () => {
    const store = await database.store();
    const [ada, bob] = [await user(store), await user(store, 'bob@example.org')];
    for (let count = 0; count < SSH_KEYS_PER_USER_MAX; count++) await store.sshKeys.insert(key(ada, `k${count}`));
    await assert.rejects(store.sshKeys.insert(key(ada, 'more')), code('too_many_ssh_keys'));
    await assert.rejects(store.sshKeys.insert({ ...key(bob, 'other'), fingerprint: 'SHA256:k1' }), code('ssh_key_exists'));
    assert.equal((await store.sshKeys.listOf(ada)).length, SSH_KEYS_PER_USER_MAX);
    assert.deepEqual(await store.sshKeys.listOf(bob), []);
  });

  it('are gone at once, and every gateway hears of it', async () => {
    const store = await database.store();
    await store.sshKeys.insert(key(await user(store), 'k1'));
    const before = await store.signals.newest();
    assert.deepEqual([await store.sshKeys.delete('k1'), await store.sshKeys.delete('k1')], [true, false]);
    assert.equal(await store.sshKeys.byFingerprint('SHA256:k1'), undefined);
    const signals = await store.signals.after(before);
    assert.deepEqual(
      signals.map(({ signal }) => signal),
      [{ kind: 'ssh_key.deleted', keyId: 'k1' }],
    );
  });

  it('die with their user', async () => {
    const store = await database.store();
    await store.sshKeys.insert(key(await user(store), 'k1'));
    await store.users.delete('ada@example.org');
    assert.equal(await store.sshKeys.get('k1'), undefined);
  });
});
