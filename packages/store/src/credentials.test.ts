import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Store } from './store.ts';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

async function targets(store: Store): Promise<{ userId: string; connectionId: string; protocol: string }> {
  const user = await store.users.create({ email: 'ada@example.org', name: 'Ada', groups: [], status: 'active' });
  const connection = await store.connections.create({ name: 'pg', type: 'database', subtype: 'postgres', agentId: 'a' });
  return { userId: user.id, connectionId: connection.id, protocol: 'postgres' };
}

onEachDatabase('credentials', (database) => {
  it('gives a credential back by the hash of its secret, and never the hash', async () => {
    const clock = new TestClock();
    const store = await database.store({ clock });
    const target = await targets(store);
    const row = await store.credentials.insert({ ...target, id: 'c1', secretHash: 'hash-1', expireAt: clock.now_ms + 1, sessionId: 's1' });
    const dates = { createdAt: clock.now_ms, expireAt: clock.now_ms + 1, revokedAt: null };
    assert.deepEqual(row, { ...target, ...dates, id: 'c1', orgId: row.orgId, sessionId: 's1' });
    assert.deepEqual(await store.credentials.bySecretHash('hash-1'), row);
    assert.deepEqual(await store.credentials.get('c1'), row);
    assert.equal(await store.credentials.bySecretHash('hash-2'), undefined);
  });

  it('is dead at once when it is revoked, and can be revoked once', async () => {
    const store = await database.store();
    await store.credentials.insert({ ...(await targets(store)), id: 'c1', secretHash: 'h', expireAt: null });
    const revocations = await Promise.all([store.credentials.revoke('c1'), store.credentials.revoke('c1')]);
    assert.deepEqual(revocations.sort(), [false, true]);
    assert.equal(await store.credentials.bySecretHash('h'), undefined);
    assert.notEqual((await store.credentials.get('c1'))?.revokedAt, null);
    assert.equal(await store.credentials.revoke('nobody'), false);
  });

  it('lists what is alive, the newest first', async () => {
    const clock = new TestClock();
    const store = await database.store({ clock });
    const target = await targets(store);
    const ends = { expired: clock.now_ms, endless: null, soon: clock.now_ms + 10, revoked: null };
    for (const [id, expireAt] of Object.entries(ends)) {
      clock.now_ms += 1;
      await store.credentials.insert({ ...target, id, secretHash: id, expireAt });
    }
    await store.credentials.revoke('revoked');
    const list = await store.credentials.listOf(target.userId);
    assert.deepEqual(
      list.map((row) => row.id),
      ['soon', 'endless'],
    );
    assert.deepEqual(await store.credentials.listOf('nobody'), []);
  });

  it('dies with its user', async () => {
    const store = await database.store();
    await store.credentials.insert({ ...(await targets(store)), id: 'c1', secretHash: 'h', expireAt: null });
    await store.users.delete('ada@example.org');
    assert.equal(await store.credentials.bySecretHash('h'), undefined);
  });

  it('is refused for a user or connection that is gone', async () => {
    const store = await database.store();
    const target = await targets(store);
    const credential = { ...target, id: 'c1', secretHash: 'h', expireAt: null };
    await assert.rejects(store.credentials.insert({ ...credential, userId: 'nobody' }), code('credential_target_unknown'));
    await assert.rejects(store.credentials.insert({ ...credential, connectionId: 'nothing' }), code('credential_target_unknown'));
  });

  it('is forgotten when it ended long ago, and not before', async () => {
    const clock = new TestClock();
    const store = await database.store({ clock });
    const target = await targets(store);
    await store.credentials.insert({ ...target, id: 'old', secretHash: '1', expireAt: clock.now_ms - 10 });
    await store.credentials.insert({ ...target, id: 'revoked', secretHash: '2', expireAt: null });
    await store.credentials.insert({ ...target, id: 'alive', secretHash: '3', expireAt: null });
    await store.credentials.revoke('revoked');
    assert.equal(await store.credentials.purge(clock.now_ms), 1);
    assert.equal(await store.credentials.purge(clock.now_ms + 1), 1);
    assert.notEqual(await store.credentials.get('alive'), undefined);
  });
});
