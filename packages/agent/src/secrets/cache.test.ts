import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandClock } from '../testing/secrets-env.ts';
import { SecretCache } from './cache.ts';
import { type SecretDocument, valuesOf } from './document.ts';
import { SECRET_CACHE_ENTRIES_MAX, SECRET_FETCHES_MAX } from './limits.ts';

const document = (ttl_ms = 1_000): SecretDocument => ({ values: valuesOf({ key: 'value' }), ttl_ms });

test('the cache holds so many documents and no more, and lets go of the oldest and of those whose time is over', async () => {
  const clock = new HandClock();
  const cache = new SecretCache(clock);
  for (let index = 0; index < SECRET_CACHE_ENTRIES_MAX + 5; index++) await cache.get(`${index}`, async () => document());
  assert.equal(cache.size, SECRET_CACHE_ENTRIES_MAX);
  let fetched = 0;
  const count = async (): Promise<SecretDocument> => {
    fetched++;
    return document();
  };
  await cache.get(`${SECRET_CACHE_ENTRIES_MAX}`, count);
  assert.equal(fetched, 0);
  await cache.get('0', count);
  assert.equal(fetched, 1);
  clock.pass(1_000);
  await cache.get('0', count);
  assert.deepEqual([cache.size, fetched], [1, 2]);
  await cache.get('not to be kept', async () => document(0));
  assert.equal(cache.size, 1);
});

test('a failure is shared by those who waited for it, and by nobody after', async () => {
  const cache = new SecretCache(new HandClock());
  let asked = 0;
  const failing = async (): Promise<SecretDocument> => {
    asked++;
    throw new Error('down');
  };
  const all = await Promise.allSettled([1, 2, 3].map(() => cache.get('a', failing)));
  assert.deepEqual([all.map(({ status }) => status), asked], [['rejected', 'rejected', 'rejected'], 1]);
  assert.ok(await cache.get('a', async () => document()));
});

test('only so many stores are asked at a time; one more is told to come again', async () => {
  const cache = new SecretCache(new HandClock());
  const { promise, resolve } = Promise.withResolvers<SecretDocument>();
  const waiting = Array.from({ length: SECRET_FETCHES_MAX }, (_, index) => cache.get(`${index}`, () => promise));
  await assert.rejects(
    cache.get('one more', () => promise),
    { code: 'secret_unavailable', kind: 'target' },
  );
  const joined = cache.get('0', () => assert.fail('asked twice'));
  resolve(document());
  await Promise.all([...waiting, joined]);
  assert.ok(await cache.get('one more', async () => document()));
});
