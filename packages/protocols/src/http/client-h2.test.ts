import assert from 'node:assert/strict';
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { FLAG, FRAME, H2_START, h2Frame, headOf } from '@hoop/core/testing/h2-bytes';
import { serveH2 } from './client-h2.ts';
import { Front } from './front.ts';
import { WINDOW_BYTES } from './limits.ts';
import { AnswerHead, decodeHead, encodeHead, encodeMessage, KINDS, type Message, ResetMessage } from './message.ts';
import { collecting } from './testing/collecting.ts';

const NO_ERROR = Buffer.alloc(4);
const PIECE_BYTES = 16_000;

function opening(stream: number, flags: number, more: Readonly<Record<string, string>> = {}): Buffer {
  const fields = { ':method': 'POST', ':scheme': 'http', ':authority': 'x', ':path': '/', ...more };
  return h2Frame(FRAME.headers, FLAG.endHeaders | flags, stream, headOf(fields));
}

const open: Duplex[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.destroy();
});

/** A client that speaks by hand, and everything that its requests become. */
function connected(): { client: Duplex; server: Duplex; front: Front<string>; said: Message[] } {
  const [client, server] = duplexPair();
  open.push(client, server);
  client.resume();
  const front = new Front<string>({ peer: 'x', secure: false, login: undefined, close: () => undefined });
  front.enter('somebody');
  server.once('close', () => front.clientLeft());
  serveH2(server, front.onAsk);
  const said: Message[] = [];
  const frames = collecting(said);
  void front.link.pump((chunk) => frames.feed(chunk));
  return { client, server, front, said };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let time = 0; time < 1_000; time++) {
    if (holds()) return;
    await pause(5);
  }
  assert.fail(`It did not come to it that ${what}`);
}

const has = (said: readonly Message[], kind: number, exchange: number): boolean =>
  said.some((message) => message.kind === kind && message.exchange === exchange);

describe('clients of HTTP/2', () => {
  it('who give a request up in the middle of its body take nobody along when its answer comes', async () => {
    const { client, front, said } = connected();
    client.write(Buffer.concat([H2_START, opening(1, 0)]));
    // More than the target has taken yet, and than waits for it in between.
    const pieces = Math.ceil((WINDOW_BYTES * 1.4) / PIECE_BYTES);
    for (let piece = 0; piece < pieces; piece++) {
      client.write(h2Frame(FRAME.data, 0, 1, Buffer.alloc(PIECE_BYTES)));
      await pause(1);
    }
    const taken = (): number => said.reduce((sum, { kind, payload }) => sum + (kind === KINDS.data ? payload.length : 0), 0);
    await until('the target has no room', () => taken() === WINDOW_BYTES);
    client.write(h2Frame(FRAME.reset, 0, 1, NO_ERROR));
    client.write(opening(3, FLAG.endStream));
    await until('the next request is there', () => has(said, KINDS.request, 2));
    front.link.write(encodeHead(KINDS.answer, 1, { status: 200, headers: [] }));
    await until('the target hears of it', () => has(said, KINDS.reset, 1));
    front.link.write(Buffer.concat([encodeHead(KINDS.answer, 2, { status: 204, headers: [] }), encodeMessage(KINDS.end, 2)]));
    client.write(opening(5, FLAG.endStream));
    await until('the connection goes on', () => has(said, KINDS.request, 3));
  });

  it('who give a request up in the packet in which they make it are not answered, and go on', async () => {
    const { client, said } = connected();
    const odd: readonly Readonly<Record<string, string>>[] = [{ ':method': 'CONNECT' }, { expect: '100-continue' }, {}];
    const reset = (stream: number): Buffer => h2Frame(FRAME.reset, 0, stream, NO_ERROR);
    const given = odd.flatMap((more, index) => [opening(index * 2 + 1, 0, more), reset(index * 2 + 1)]);
    client.write(Buffer.concat([H2_START, ...given, opening(7, FLAG.endStream)]));
    await until('the last one is there', () => has(said, KINDS.request, 1));
    assert.deepEqual(said.filter(({ kind }) => kind === KINDS.request).length, 1);
  });

  it('who say that they go, and leave in the middle of a request, are let go at once', async () => {
    for (const order of ['says first', 'leaves first']) {
      const { client, server, said } = connected();
      client.write(Buffer.concat([H2_START, opening(1, 0)]));
      await until('the request is there', () => has(said, KINDS.request, 1));
      const goaway = h2Frame(FRAME.goaway, 0, 0, Buffer.alloc(8));
      if (order === 'says first') client.write(goaway);
      server.emit('gone');
      if (order === 'leaves first') client.write(goaway);
      await until('the connection is closed', () => server.destroyed);
      await until('the target hears of it', () => has(said, KINDS.reset, 1));
    }
  });

  it('are told of a request that was given up by the other side with a status and a word that HTTP knows, or the link is broken', () => {
    const payload = (reset: object): Buffer => Buffer.from(JSON.stringify({ status: 502, code: 'given_up', message: 'gone', ...reset }));
    assert.equal(decodeHead(ResetMessage, payload({})).code, 'given_up');
    for (const wrong of [
      { status: 0 },
      { status: 99 },
      { status: 200 },
      { status: 1_000 },
      { code: 'a\r\nb: c' },
      { code: '' },
      { code: 'é' },
    ])
      assert.throws(() => decodeHead(ResetMessage, payload(wrong)), { code: 'bad_message' }, JSON.stringify(wrong));
    assert.throws(() => decodeHead(AnswerHead, Buffer.from('{"status":99,"headers":[]}')), { code: 'bad_message' });
  });
});
