import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { code } from '../testing/suite.ts';
import { TURN_WAITERS_MAX, Turn } from './turn.ts';

describe('a turn', () => {
  it('is given in the order in which it was asked for, to one at a time', async () => {
    const turn = new Turn(60_000);
    const order: number[] = [];
    let holders = 0;
    const work = async (index: number): Promise<void> => {
      await turn.take();
      assert.equal(++holders, 1);
      await Promise.resolve();
      order.push(index);
      holders--;
      turn.give();
    };
    await Promise.all([0, 1, 2, 3, 4].map(work));
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
  });

  it('does not come for ever: who waits too long is told, and does not get it later', async () => {
    const turn = new Turn(1);
    await turn.take();
    await assert.rejects(turn.take(), code('store_busy'));
    turn.give();
    await turn.take();
    turn.give();
  });

  it('has a bounded queue', async () => {
    const turn = new Turn(60_000);
    await turn.take();
    const waiting = Array.from({ length: TURN_WAITERS_MAX }, () => turn.take());
    await assert.rejects(turn.take(), code('store_busy'));
    for (let index = 0; index < TURN_WAITERS_MAX; index++) turn.give();
    await Promise.all(waiting);
  });
});
