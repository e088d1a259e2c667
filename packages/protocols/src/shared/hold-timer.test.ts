import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldTimer } from './hold-timer.ts';
import { MASK_HOLD_MS, MASK_HOLD_MS_MAX } from './limits.ts';

describe('the wait for the rest of what is held', () => {
  const rings = (work: (timer: HoldTimer) => void): Promise<number> => {
    const began = performance.now();
    return new Promise((resolve) => work(new HoldTimer(() => resolve(performance.now() - began))));
  };

  it('ends after some silence', async () => {
    const waited_ms = await rings((timer) => timer.touch(true));
    assert.ok(waited_ms >= MASK_HOLD_MS - 2, `${waited_ms} ms`);
  });

  it('takes what comes while this process is busy for what came in time', async () => {
    let came_ms = 0;
    const waited_ms = await rings((timer) => {
      timer.touch(true);
      // Its time is over, and more lies there unread.
      const until = performance.now() + 2 * MASK_HOLD_MS;
      while (performance.now() < until);
      setImmediate(() => {
        came_ms = 2 * MASK_HOLD_MS;
        timer.touch(true);
      });
    });
    assert.ok(waited_ms >= came_ms + MASK_HOLD_MS - 2, `${waited_ms} ms`);
  });

  it('goes on as long as nothing can come', async () => {
    let isBlocked = true;
    const began = performance.now();
    const rung = new Promise<number>((resolve) => {
      const timer = new HoldTimer(
        () => resolve(performance.now() - began),
        () => isBlocked,
      );
      timer.touch(true);
    });
    setTimeout(() => {
      isBlocked = false;
    }, 2 * MASK_HOLD_MS_MAX);
    assert.ok((await rung) >= 2 * MASK_HOLD_MS_MAX - 2);
  });

  it('has an end where more comes all the time', async () => {
    let more: NodeJS.Timeout | undefined;
    const waited_ms = await rings((timer) => {
      timer.touch(true);
      more = setInterval(() => timer.touch(false), 5);
    });
    clearInterval(more);
    assert.ok(waited_ms >= MASK_HOLD_MS_MAX - 2, `${waited_ms} ms`);
  });
});
