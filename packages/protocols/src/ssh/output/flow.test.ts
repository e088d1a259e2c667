import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MESSAGE } from '../messages.ts';
import { Flow } from './flow.ts';

const sizes = (messages: readonly Buffer[]): number[] =>
  messages.map((message) => (message[0] === MESSAGE.data ? message.length - 9 : -(message[0] ?? 0)));

describe('the windows of a channel whose output is changed on its way', () => {
  it('gives the client no more than it has room for, and the rest when it has', () => {
    const flow = new Flow(0, 100, 32_768);
    flow.took(60);
    assert.deepEqual(sizes(flow.send('stdout', Buffer.alloc(150))), [100]);
    assert.deepEqual(sizes(flow.after(Buffer.from([MESSAGE.eof]))), []);
    assert.deepEqual(sizes(flow.given(20)), [20]);
    assert.deepEqual(sizes(flow.given(1_000)), [30, -MESSAGE.eof]);
    assert.equal(flow.isWaiting, false);
  });

  it('gives the target room for what was taken out, and none for what was put in', () => {
    const shrinking = new Flow(0, 100_000, 32_768);
    shrinking.took(100_000);
    shrinking.send('stdout', Buffer.alloc(40_000));
    assert.equal(shrinking.grant(), 60_000);
    assert.equal(shrinking.grant(), 0);
    const growing = new Flow(0, 100_000, 32_768);
    growing.took(50_000);
    growing.send('stdout', Buffer.alloc(130_000));
    growing.given(40_000);
    assert.equal(growing.grant(), 0, 'the target still has more than the client');
    growing.took(50_000);
    growing.send('stdout', Buffer.alloc(1));
    growing.given(10_000);
    assert.equal(growing.grant(), 19_999);
  });

  it('never gives the target so much that what waits could grow without end', () => {
    const flow = new Flow(0, 2 ** 32, 32_768);
    flow.took(2 ** 32);
    assert.equal(flow.grant(), 2 * 1024 * 1024);
  });

  it('keeps nothing for a target that sends on and on beyond its room (A19)', () => {
    const flow = new Flow(0, 10, 32_768);
    const overrun = (): void => {
      for (let kept = 0; kept < 2 ** 20; kept += 32_768) {
        flow.took(32_768);
        flow.send('stdout', Buffer.alloc(32_768));
      }
    };
    assert.throws(overrun, { code: 'window_overrun' });
  });

  it('sends no piece that the client’s side would not take', () => {
    const flow = new Flow(0, 2 ** 21, 4_096);
    assert.deepEqual(sizes(flow.send('stdout', Buffer.alloc(10_000))), [4_096, 4_096, 1_808]);
    assert.deepEqual(sizes(new Flow(0, 2_000, 0).send('stdout', Buffer.alloc(2_000))), [1_024, 976]);
  });

  it('keeps only what is no output when the client wants no more', () => {
    const flow = new Flow(0, 1, 32_768);
    flow.send('stderr', Buffer.alloc(10));
    flow.after(Buffer.from([MESSAGE.close]));
    assert.deepEqual(sizes(flow.abandon()), [-MESSAGE.close]);
  });

  it('has the same room on both sides at the end, whatever comes in whatever pieces', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return seed % below;
    };
    const flow = new Flow(0, 50_000, 32_768);
    let [clientRoom, targetRoom, sent, shown] = [50_000, 50_000, 0, 0];
    for (let round = 0; round < 3_000; round++) {
      const count = random(Math.min(targetRoom, 9_000) + 1);
      flow.took(count);
      targetRoom -= count;
      const made = Math.floor(count * (random(3) / 1.5));
      sent += made;
      let messages = flow.send('stdout', Buffer.alloc(made));
      if (random(2) === 0) {
        const given = random(20_000);
        clientRoom += given;
        messages = [...messages, ...flow.given(given)];
      }
      for (const size of sizes(messages)) {
        clientRoom -= size;
        shown += size;
      }
      assert.ok(clientRoom >= 0, 'the client was given more than it takes');
      const more = flow.grant();
      targetRoom += more;
      assert.ok(more === 0 || targetRoom <= clientRoom, 'the target may send more than the client takes');
    }
    for (const size of sizes(flow.given(10 ** 9))) shown += size;
    assert.equal(shown, sent);
  });
});
