import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FRAME_KINDS } from '@hoop/contract/tunnel';
import { Refusal } from '@hoop/core/errors';
import { memoryStreams } from './memory.ts';
import type { FrameStream } from './stream.ts';
import { StreamWire } from './stream-wire.ts';
import { eventually, Listener } from './testing/links.ts';

function pair(): { wire: StreamWire; far: FrameStream; there: Listener } {
  const [near, far] = memoryStreams();
  const there = new Listener();
  far.receive(there);
  return { wire: new StreamWire(near, 'somebody'), far, there };
}

const say = (far: FrameStream, text: string): void => void far.send(FRAME_KINDS.data, Buffer.from(text));

describe('a wire over a stream', () => {
  test('is read piece by piece, and first what was put back', async () => {
    const { wire, far } = pair();
    say(far, 'one');
    const read = (await wire.read()) ?? Buffer.alloc(0);
    assert.equal(String(read), 'one');
    wire.unread(read.subarray(1));
    say(far, 'two');
    assert.equal(String(await wire.read()), 'ne');
    assert.equal(String(await wire.read()), 'two');
    far.end();
    assert.equal(await wire.read(), undefined);
  });

  test('is read first and pumped then, without losing or turning around anything', async () => {
    const { wire, far } = pair();
    for (let number = 0; number < 50; number++) say(far, `${number},`);
    let heard = String(await wire.read());
    const pumped = wire.pump(async (chunk) => {
      await new Promise((resolve) => setImmediate(resolve));
      heard += chunk;
    });
    for (let number = 50; number < 100; number++) {
      say(far, `${number},`);
      if (number % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    far.end();
    await pumped;
    assert.equal(heard, Array.from({ length: 100 }, (_, number) => `${number},`).join(''));
  });

  test('holds back who writes while nothing is read', async () => {
    const { wire, far } = pair();
    let held = far.send(FRAME_KINDS.data, Buffer.alloc(0));
    let sent = 0;
    while (!held) {
      held = far.send(FRAME_KINDS.data, Buffer.alloc(64 * 1024));
      sent += 64 * 1024;
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(sent < 8 * 1024 * 1024);
    }
    let read = 0;
    while (read < sent) read += (await wire.read())?.length ?? 0;
    await held;
  });

  test('tells the words of whoever ended it', async () => {
    const { wire, far } = pair();
    const pumped = wire.pump(() => undefined);
    void far.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify({ kind: 'refusal', code: 'no_way', message: 'Not here' })));
    await assert.rejects(pumped, (error) => error instanceof Refusal && error.code === 'no_way');
    await assert.rejects(wire.read(), /Not here/);
  });

  test('is open to a peer that has said its last word, and not to one that is gone', async () => {
    const one = pair();
    one.far.end();
    assert.equal(await one.wire.read(), undefined);
    assert.equal(one.wire.open, true);
    void one.wire.write(Buffer.from('heard'));
    await eventually('it is heard', () => one.there.text === 'heard');
    const two = pair();
    two.far.destroy();
    await assert.rejects(two.wire.read(), /tunnel stream ended/);
    assert.equal(two.wire.open, false);
  });

  test('that is destroyed breaks the stream and releases who reads', async () => {
    const { wire, there } = pair();
    const read = wire.read();
    wire.destroy();
    assert.equal(await read, undefined);
    await eventually('the other side hears of it', () => there.error !== undefined);
  });
});
