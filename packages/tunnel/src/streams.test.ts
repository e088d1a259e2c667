import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AgentHello, FRAME_KINDS } from '@hoop/contract/tunnel';
import { STREAM_BUFFER_BYTES_MAX } from '@hoop/core/limits';
import type { SessionHost } from './link.ts';
import { MemoryAgentLink } from './memory-link.ts';
import type { FrameStream } from './stream.ts';
import { eventually, type Link, Listener, openLink, TRANSPORTS } from './testing/links.ts';

const { data, event, ready, fail } = FRAME_KINDS;

for (const transport of TRANSPORTS) {
  describe(`streams (${transport})`, () => {
    let link: Link;
    before(async () => {
      link = await openLink(transport);
    });
    after(() => link.close());

    test('carry bytes and messages both ways, in order', async () => {
      const [near, far] = await link.streams();
      const [here, there] = [new Listener(), new Listener()];
      const order: string[] = [];
      there.data = (bytes) => void (bytes.length > 0 && order.push(`data ${bytes}`));
      there.message = (kind, payload) => void order.push(`${kind} ${payload}`);
      near.receive(here);
      far.receive(there);
      void near.send(event, Buffer.from('one'));
      void near.send(data, Buffer.from('two'));
      void near.send(event, Buffer.from('three'));
      void near.send(ready, Buffer.alloc(0));
      void near.send(data, Buffer.alloc(0));
      void near.send(fail, Buffer.from('{}'));
      await eventually('all of it is there', () => order.length >= 5);
      assert.deepEqual(order, [`${event} one`, 'data two', `${event} three`, `${ready} `, `${fail} {}`]);
      void far.send(data, Buffer.from('back'));
      await eventually('the answer is there', () => here.text === 'back');
    });

    test('keep what comes before anybody listens', async () => {
      const [near, far] = await link.streams();
      void near.send(data, Buffer.from('early'));
      near.end();
      await new Promise((resolve) => setTimeout(resolve, 20));
      const there = new Listener();
      far.receive(there);
      await eventually('the end is there', () => there.hasEnded);
      assert.equal(there.text, 'early');
    });

    test('say that they broke also to who listens only afterwards', async () => {
      const [near, far] = await link.streams();
      near.destroy();
      // What the peer says comes in order where the streams share a carrier.
      const [next] = await link.streams();
      next.destroy();
      await new Promise((resolve) => setImmediate(resolve));
      const there = new Listener();
      far.receive(there);
      await eventually('it is told', () => there.error?.code === 'stream_lost');
      assert.equal(there.hasEnded, false);
    });

    test('end on each side by itself, after everything that was sent', async () => {
      const [near, far] = await link.streams();
      const [here, there] = [new Listener(), new Listener()];
      near.receive(here);
      far.receive(there);
      const large = Buffer.alloc(300_000, 'x');
      void near.send(data, large);
      near.end();
      await eventually('the end is there', () => there.hasEnded);
      assert.equal(there.text.length, large.length);
      assert.equal(here.hasEnded, false);
      void far.send(data, Buffer.from('still'));
      far.end();
      await eventually('the other end is there', () => here.hasEnded);
      assert.equal(here.text, 'still');
      assert.deepEqual([here.error, there.error], [undefined, undefined]);
    });

    test('break at once on both sides when one destroys its own, and say so once', async () => {
      const [near, far] = await link.streams();
      const [here, there] = [new Listener(), new Listener()];
      let told = 0;
      there.broken = () => void told++;
      near.receive(here);
      far.receive(there);
      near.destroy();
      near.destroy();
      await eventually('the other side hears of it', () => told > 0);
      assert.equal(near.send(data, Buffer.from('x')), undefined);
      assert.equal(far.send(data, Buffer.from('x')), undefined);
      far.end();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(told, 1);
      assert.equal(there.hasEnded, false);
    });

    test('break when whoever takes their frames fails, at once or later', async () => {
      for (const take of [
        () => {
          throw new Error('cannot take it');
        },
        () => Promise.reject(new Error('cannot take it')),
      ]) {
        const [near, far] = await link.streams();
        const [here, there] = [new Listener(), new Listener()];
        there.data = take;
        near.receive(here);
        far.receive(there);
        void near.send(data, Buffer.from('x'));
        await eventually('both sides hear of it', () => here.error !== undefined && there.error !== undefined);
        assert.match(there.error?.message ?? '', /cannot take it/);
      }
    });

    test('hand on nothing while a piece is being dealt with', async () => {
      const [near, far] = await link.streams();
      const there = new Listener();
      const gates: (() => void)[] = [];
      let busy = 0;
      const take = (text: string): Promise<void> => {
        assert.equal(++busy, 1);
        there.text += text;
        return new Promise((resolve) =>
          gates.push(() => {
            busy--;
            resolve();
          }),
        );
      };
      there.data = (bytes) => take(bytes.toString());
      there.message = (_kind, payload) => take(`<${payload}>`) as unknown as void;
      far.receive(there);
      let sent = '';
      for (let number = 0; number < 100; number++) {
        void near.send(number % 3 ? data : event, Buffer.from(`${number},`));
        sent += number % 3 ? `${number},` : `<${number},>`;
      }
      near.end();
      await eventually('all of it was dealt with', () => {
        gates.shift()?.();
        return there.hasEnded;
      });
      assert.equal(there.text, sent);
    });

    test('hold back who writes to a slow reader, and let go when it reads', async () => {
      const [near, far] = await link.streams();
      const there = new Listener();
      const gate = Promise.withResolvers<void>();
      let bytes = 0;
      there.data = (piece) => {
        bytes += piece.length;
        return gate.promise;
      };
      far.receive(there);
      const piece = Buffer.alloc(64 * 1024);
      let sent = 0;
      let held = near.send(data, Buffer.alloc(0));
      // What the system's own buffers take comes on top of the window.
      while (!held && sent < 64 * STREAM_BUFFER_BYTES_MAX) {
        held = near.send(data, piece);
        sent += piece.length;
        if (!held) await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(sent <= 8 * STREAM_BUFFER_BYTES_MAX, `${sent} bytes went ahead of the reader`);
      gate.resolve();
      await held;
      near.end();
      await eventually('all of it arrives', () => there.hasEnded);
      assert.equal(bytes, sent);
    });

    test('release who waits for a reader that is gone', async () => {
      const [near, far] = await link.streams();
      const [here, there] = [new Listener(), new Listener()];
      there.data = () => new Promise(() => undefined);
      near.receive(here);
      far.receive(there);
      let held = near.send(data, Buffer.alloc(0));
      while (!held) {
        held = near.send(data, Buffer.alloc(256 * 1024));
        await new Promise((resolve) => setImmediate(resolve));
      }
      far.destroy();
      await held;
    });

    test('do not slow each other: beside fifty that nobody reads, one moves fifty megabytes', async () => {
      const stalled = await Promise.all(Array.from({ length: 50 }, () => link.streams()));
      for (const [near, far] of stalled) {
        const there = new Listener();
        there.data = () => new Promise(() => undefined);
        far.receive(there);
        let held = near.send(data, Buffer.alloc(0));
        while (!held) held = near.send(data, Buffer.alloc(64 * 1024));
      }
      const [near, far] = await link.streams();
      const there = new Listener();
      let bytes = 0;
      there.data = (piece) => {
        bytes += piece.length;
      };
      far.receive(there);
      const total = 50 * 1024 * 1024;
      for (let sent = 0; sent < total; sent += 64 * 1024) await near.send(data, Buffer.alloc(64 * 1024));
      near.end();
      await eventually('it arrives', () => there.hasEnded, 30_000);
      assert.equal(bytes, total);
      for (const [each] of stalled) each.destroy();
    });

    test('are carried by the thousand, each for itself', async () => {
      const count = 3_000;
      const pairs = await Promise.all(Array.from({ length: count }, () => link.streams()));
      const listeners = pairs.map(([near, far]) => {
        const [here, there] = [new Listener(), new Listener()];
        there.data = (bytes) => void far.send(data, bytes);
        there.ended = () => far.end();
        near.receive(here);
        far.receive(there);
        return here;
      });
      pairs.forEach(([near], number) => {
        void near.send(data, Buffer.from(`stream ${number}`));
        near.end();
      });
      await eventually('every echo is back', () => listeners.every(({ hasEnded }) => hasEnded), 30_000);
      listeners.forEach(({ text }, number) => {
        assert.equal(text, `stream ${number}`);
      });
    });

    test('take a message as large as a frame may be', async () => {
      const [near, far] = await link.streams();
      const there = new Listener();
      let bytes = 0;
      there.message = (_kind, payload) => {
        bytes = payload.length;
      };
      far.receive(there);
      await near.send(event, Buffer.alloc(8 * 1024 * 1024, 'e'));
      await eventually('it arrives', () => bytes > 0);
      assert.equal(bytes, 8 * 1024 * 1024);
    });
  });
}

describe('a link that is cut', () => {
  test('breaks every stream on it, on both sides (memory)', async () => {
    const served: FrameStream[] = [];
    const host = { serve: (stream: FrameStream) => served.push(stream) } as unknown as SessionHost;
    const link = new MemoryAgentLink('id', 'one', {} as AgentHello, host);
    const near = [await link.openStream(), await link.openStream()];
    const listeners = [...near, ...served].map((stream) => {
      const listener = new Listener();
      stream.receive(listener);
      return listener;
    });
    link.close('its key was deleted');
    await link.closed;
    await eventually('everybody hears of it', () => listeners.every(({ error }) => error !== undefined));
    await assert.rejects(link.openStream(), /went offline/);
  });

  for (const transport of TRANSPORTS.filter((each) => each !== 'memory')) {
    test(`breaks every stream on it, on both sides (${transport})`, async () => {
      const link = await openLink(transport);
      const pairs = await Promise.all(Array.from({ length: 20 }, () => link.streams()));
      const listeners = pairs.flatMap(([near, far]) => {
        const both = [new Listener(), new Listener()] as const;
        near.receive(both[0]);
        far.receive(both[1]);
        return both;
      });
      link.cut?.();
      await eventually('everybody hears of it', () => listeners.every(({ error }) => error !== undefined));
      await assert.rejects(link.streams(), /link to the gateway broke/);
      link.close();
    });
  }
});
