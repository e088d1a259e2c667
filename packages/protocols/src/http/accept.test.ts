import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import type { Wire } from '@hoop/core/wire';
import { FrameReader } from '../shared/frames.ts';
import { accept } from './accept.ts';
import { KEEP_ALIVE_MS, UNWANTED_BODY_MS_MAX } from './limits.ts';
import { type AnswerHead, decodeMessage, encodeHead, encodeMessage, KINDS } from './message.ts';

/** A client's connection: what is written to it is kept, write by write. */
class Client implements Wire {
  readonly peer = 'test';
  readonly open = true;
  readonly heard: string[] = [];
  #said: Buffer | undefined;

  constructor(said: string) {
    this.#said = Buffer.from(said);
  }

  read(): Promise<Buffer | undefined> {
    const said = this.#said;
    this.#said = undefined;
    return Promise.resolve(said);
  }

  unread(chunk: Buffer): void {
    this.#said = chunk;
  }

  pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    if (this.#said) void consume(this.#said);
    return new Promise(() => undefined);
  }

  write(bytes: Buffer): void {
    this.heard.push(bytes.toString('latin1'));
  }

  end(): void {
    this.heard.push('(end)');
  }

  destroy(): void {
    this.heard.push('(destroyed)');
  }
}

const door = {
  tls: undefined,
  tlsRequired: false,
  proven: {},
  login: () => Promise.reject(new Error('Nobody has to log in')),
  cancel: () => undefined,
  mintCancelKey: () => '',
};

/** Lets everything run that waits for nothing from outside. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}

/** A request, and each of these pieces of the session's stream as its answer, one after the other. */
async function answered(...pieces: readonly (readonly Buffer[])[]): Promise<string[]> {
  const client = new Client('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const accepted = await accept(client, door);
  assert.ok(accepted);
  const asked: number[] = [];
  const reader = new FrameReader(1 << 20, (message) => void asked.push(decodeMessage(message).kind));
  void accepted.wire.pump((chunk) => reader.push(chunk));
  await turns();
  assert.deepEqual(asked, [KINDS.request, KINDS.end]);
  for (const piece of pieces) {
    void accepted.wire.write(Buffer.concat(piece));
    await turns();
  }
  const heard = [...client.heard];
  accepted.wire.destroy();
  return heard;
}

describe('an answer', () => {
  const answer = (head: AnswerHead): Buffer => encodeHead(KINDS.answer, 1, head);
  const data = (text: string): Buffer => encodeMessage(KINDS.data, 1, Buffer.from(text));
  const end = encodeMessage(KINDS.end, 1);
  const five: AnswerHead = { status: 200, headers: [['content-length', '5']] };

  it('that is there whole is one write, head and body, and nothing behind it', async () => {
    for (const body of [[data('hello')], [data('he'), data('llo')]]) {
      const heard = await answered([answer(five), ...body, end]);
      assert.equal(heard.length, 1);
      assert.match(heard[0] ?? '', /^HTTP\/1\.1 200 OK\r\n(.|\r\n)*\r\n\r\nhello$/);
    }
    assert.match((await answered([answer({ status: 204, headers: [] }), end])).join('|'), /^HTTP\/1\.1 204 [^|]*\r\n\r\n$/);
  });

  it('that comes piece by piece is written so, its head before the first', async () => {
    const heard = await answered([answer(five)], [data('he')], [data('llo')], [end]);
    assert.match(heard[0] ?? '', /\r\n\r\n$/);
    assert.deepEqual(heard.slice(1), ['he', 'llo']);
  });

  it('in chunks is one write a piece', async () => {
    const heard = await answered([answer({ status: 200, headers: [] }), data('hello')], [data('world')], [end]);
    assert.match(heard[0] ?? '', /\r\n\r\n5\r\nhello\r\n$/);
    assert.deepEqual(heard.slice(1), ['5\r\nworld\r\n', '0\r\n\r\n']);
  });
});

describe('a client that begins a request and never ends its head', () => {
  it('is let go when its time is over, also where it does not hang up', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const client = new Client('GET / HTTP/1.1\r\nHost: a\r\nX-Slow');
      const accepted = await accept(client, door);
      assert.ok(accepted);
      let isOver = false;
      void accepted.wire
        .pump(() => undefined)
        .then(() => {
          isOver = true;
        });
      mock.timers.tick(KEEP_ALIVE_MS);
      await turns();
      assert.deepEqual(client.heard, ['(end)']);
      mock.timers.tick(UNWANTED_BODY_MS_MAX);
      await turns();
      assert.deepEqual([client.heard, isOver], [['(end)', '(destroyed)'], true]);
    } finally {
      mock.timers.reset();
    }
  });
});
