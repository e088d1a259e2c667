import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CLAIM_MS } from './outbox.ts';
import { onEachDatabase, TestClock } from './testing/suite.ts';

onEachDatabase('settings', (database) => {
  it('gives back what was set last, whatever the key is called', async () => {
    const { settings } = await database.store();
    assert.equal(await settings.get('a'), undefined);
    for (const key of ['a', '__proto__', 'constructor', '🦊']) {
      for (const value of [null, 0, '', false, [1, 'x', null], { nested: { deep: [true] } }, 'text']) {
        await settings.set(key, value);
        assert.deepEqual(await settings.get(key), value);
      }
    }
    assert.equal(await settings.delete('a'), true);
    assert.equal(await settings.delete('a'), false);
    assert.equal(await settings.get('a'), undefined);
  });

  it('gives secrets back in clear, and lets a setting become a secret and a plain one again', async () => {
    const { settings } = await database.store();
    await settings.set('key', 'plain');
    await settings.set('key', { d: 'private' }, { secret: true });
    assert.deepEqual(await settings.get('key'), { d: 'private' });
    await settings.set('key', 'plain again');
    assert.equal(await settings.get('key'), 'plain again');
  });

  it('gives all who race to create a setting the same value', async () => {
    const place = await database.place();
    const neighbour = database.neighbour(place);
    const one = await database.store(place);
    const other = neighbour ? await database.store(neighbour) : one;
    const tries = Array.from({ length: 10 }, (_, index) =>
      (index % 2 ? one : other).settings.getOrCreate('signing', `key ${index}`, { secret: true }),
    );
    assert.equal(new Set(await Promise.all(tries)).size, 1);
  });
});

onEachDatabase('the outbox', (database) => {
  it('gives messages in order, to one claimer at a time, until they are done', async () => {
    const clock = new TestClock();
    const { outbox } = await database.store({ clock });
    for (let index = 0; index < 5; index++) await outbox.append('session.open', { index });
    const first = await outbox.claim(2);
    assert.deepEqual(
      first.map(({ kind, payload, createdAt, attempts }) => ({ kind, payload, createdAt, attempts })),
      [0, 1].map((index) => ({ kind: 'session.open', payload: { index }, createdAt: clock.now_ms, attempts: 1 })),
    );
    const rest = await outbox.claim(10);
    assert.deepEqual(
      rest.map((message) => message.payload),
      [{ index: 2 }, { index: 3 }, { index: 4 }],
    );
    assert.deepEqual(await outbox.claim(10), []);
    await outbox.done(rest.map((message) => message.seq));
    await outbox.done([]);
    clock.now_ms += CLAIM_MS;
    assert.deepEqual(
      (await outbox.claim(10)).map(({ payload, attempts }) => ({ payload, attempts })),
      [0, 1].map((index) => ({ payload: { index }, attempts: 2 })),
    );
  });

  it('gives every message to exactly one of many who claim at the same time', async () => {
    const place = await database.place();
    const neighbour = database.neighbour(place);
    const one = await database.store(place);
    const other = neighbour ? await database.store(neighbour) : one;
    for (let index = 0; index < 40; index++) await one.outbox.append('k', index);
    const seen: unknown[] = [];
    const drain = async (store: typeof one): Promise<void> => {
      for (let batch = await store.outbox.claim(3); batch.length > 0; batch = await store.outbox.claim(3)) {
        seen.push(...batch.map((message) => message.payload));
      }
    };
    await Promise.all([drain(one), drain(other), drain(one), drain(other)]);
    assert.deepEqual(
      seen.map(Number).sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, index) => index),
    );
  });

  it('holds a message exactly when the fact beside it was stored', async () => {
    const store = await database.store();
    const failed = store.transaction(async (tx) => {
      await tx.users.createGroup('g');
      await tx.outbox.append('group.create', 'g');
      throw new Error('change of mind');
    });
    await assert.rejects(failed, /change of mind/);
    assert.deepEqual([await store.outbox.claim(10), await store.users.listGroups()], [[], []]);
    await store.transaction(async (tx) => {
      await tx.users.createGroup('g');
      await tx.outbox.append('group.create', 'g');
    });
    assert.deepEqual([(await store.outbox.claim(10)).length, await store.users.listGroups()], [1, ['g']]);
  });

  it('takes nonsense for a number of messages as none or as its maximum', async () => {
    const { outbox } = await database.store();
    await outbox.append('k', null);
    for (const limit of [-1, 0, 0.5]) assert.deepEqual(await outbox.claim(limit), []);
    assert.equal((await outbox.claim(Number.POSITIVE_INFINITY)).length, 1);
  });
});
