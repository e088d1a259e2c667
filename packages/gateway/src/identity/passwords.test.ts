import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '@hoop/core/errors';
import { handClock } from '../testing/fixtures.ts';
import { AttemptLimit } from './attempt-limit.ts';
import { Passwords } from './passwords.ts';

test('a password is kept as argon2id with the recommended cost, each time with another salt', async () => {
  const passwords = await Passwords.create();
  const [one, other] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')]);
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  assert.notEqual(one, other);
  assert.equal(await passwords.verify(one, 'correct horse'), true);
  assert.equal(await passwords.verify(one, 'correct horsf'), false);
});

test('the same password typed on another keyboard is the same', async () => {
  const passwords = await Passwords.create();
  const hash = await passwords.hash('na\u00efve passw\u00f6rd');
  assert.equal(await passwords.verify(hash, 'nai\u0308ve passwo\u0308rd'), true);
});

test('without a hash the answer is no, after the same work', async () => {
  const passwords = await Passwords.create();
  const hash = await passwords.hash('x');
  const cost = async (known: string | undefined): Promise<number> => {
    const times: number[] = [];
    for (let n = 0; n < 7; n++) {
      const start = performance.now();
      assert.equal(await passwords.verify(known, 'wrong'), false);
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[3] ?? 0;
  };
  const [known, unknown] = [await cost(hash), await cost(undefined)];
  assert.ok(unknown > known / 3 && known > unknown / 3, `${known} ms and ${unknown} ms`);
});

test('more logins than can wait are told to come back, and those that wait are served', async () => {
  const passwords = await Passwords.create();
  const all = await Promise.allSettled(Array.from({ length: 80 }, () => passwords.verify(undefined, 'x')));
  const refused = all.filter((each) => each.status === 'rejected');
  assert.equal(refused.length, 80 - 2 - 64);
  for (const each of refused) assert.ok(each.reason instanceof Refusal && each.reason.code === 'too_busy');
  assert.equal(await passwords.verify(undefined, 'x'), false, 'and the next one has its turn');
});

test('attempts of one key are counted in a window, and keys that are not seen any more are forgotten', () => {
  const clock = handClock();
  const limit = new AttemptLimit({ attempts_max: 2, window_ms: 1_000, clock, keys_max: 3 });
  const blocked = (key: string): boolean => {
    try {
      limit.begin(key);
      return false;
    } catch (error) {
      assert.ok(error instanceof Refusal && error.code === 'too_many_attempts');
      return true;
    }
  };
  assert.deepEqual([blocked('a'), blocked('a'), blocked('a'), blocked('b')], [false, false, true, false]);
  limit.succeeded('a');
  assert.deepEqual([blocked('a'), blocked('a')], [false, true]);
  clock.advance(1_000);
  assert.equal(blocked('a'), false);
  for (const key of ['c', 'd', 'e', 'f']) blocked(key);
  assert.deepEqual([blocked('a'), blocked('a')], [false, false], 'the oldest key was forgotten to make room');
});
