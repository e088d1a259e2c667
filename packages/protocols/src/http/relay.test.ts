import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action, Verdict } from '@hoop/core/action';
import { PeerFault, Refusal } from '@hoop/core/errors';
import type { Mask } from '@hoop/core/gate';
import { AnswerHead, decodeHead, encodeCredit, encodeHead, encodeMessage, KINDS, type RequestHead } from './message.ts';
import { Bench } from './testing/bench.ts';

const GET: RequestHead = { method: 'GET', path: '/a', headers: [], body: 'none' };
const POST: RequestHead = { method: 'POST', path: '/b', headers: [['content-type', 'text/plain']], body: 'stream' };
const denyDrop = ({ text }: Action): Verdict =>
  text.includes('drop') ? { allow: false, denial: { rule: 'r', message: 'No dropping' } } : { allow: true };

const conversation = Buffer.concat([
  encodeHead(KINDS.request, 1, GET),
  encodeMessage(KINDS.end, 1),
  encodeHead(KINDS.request, 2, POST),
  encodeMessage(KINDS.data, 2, Buffer.from('please drop')),
  encodeMessage(KINDS.end, 2),
  encodeHead(KINDS.request, 3, POST),
  encodeMessage(KINDS.data, 3, Buffer.from('please keep')),
  encodeMessage(KINDS.end, 3),
]);

describe('the relay of http', () => {
  it('judges each request whole, however the stream is cut', () => {
    for (let at = 0; at <= conversation.length; at++) {
      const bench = new Bench(denyDrop);
      void bench.relay.fromClient(conversation.subarray(0, at));
      void bench.relay.fromClient(conversation.subarray(at));
      assert.deepEqual(
        bench.asked.map(({ text }) => text),
        ['GET /a', 'POST /b\n\nplease drop', 'POST /b\n\nplease keep'],
        `cut at ${at}`,
      );
      assert.deepEqual(
        bench.told.map(([kind, exchange]) => [kind, exchange]),
        [
          [KINDS.request, 1],
          [KINDS.end, 1],
          [KINDS.request, 3],
          [KINDS.data, 3],
          [KINDS.end, 3],
        ],
      );
      const [answer] = bench.toClient;
      assert.equal(decodeHead(AnswerHead, answer?.payload ?? Buffer.alloc(0)).status, 403);
    }
  });

  it('sends nothing of a request that is not judged yet, and then all of it', async () => {
    const late = Promise.withResolvers<Verdict>();
    const bench = new Bench(() => late.promise);
    void bench.relay.fromClient(conversation.subarray());
    assert.equal(bench.toTarget.length, 0);
    late.resolve({ allow: true });
    await late.promise;
    await new Promise(setImmediate);
    assert.equal(
      bench.told
        .map(([, , payload]) => payload)
        .join(' ')
        .match(/please (drop|keep)/g)?.length,
      2,
    );
  });

  it('sends nothing of a request that its client gave up while it was judged', async () => {
    const late = Promise.withResolvers<Verdict>();
    const bench = new Bench(() => late.promise);
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, GET));
    void bench.relay.fromClient(encodeHead(KINDS.reset, 1, { status: 502, code: 'given_up', message: '' }));
    late.resolve({ allow: true });
    await new Promise(setImmediate);
    assert.deepEqual([bench.toTarget, bench.settled.map(({ error }) => error)], [[], ['client_left']]);
  });

  it('judges the first 64 KiB of a long body, and lets nothing of it go before', () => {
    const bench = new Bench(denyDrop);
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, POST));
    for (let piece = 0; piece < 63; piece++) void bench.relay.fromClient(encodeMessage(KINDS.data, 1, Buffer.alloc(1024, 'x')));
    assert.equal(bench.toTarget.length, 0);
    void bench.relay.fromClient(encodeMessage(KINDS.data, 1, Buffer.from('drop'.padEnd(1024))));
    assert.equal(bench.toTarget.length, 0);
    assert.equal(bench.toClient.at(-1)?.kind, KINDS.end);
    // What still comes of it goes nowhere.
    void bench.relay.fromClient(encodeMessage(KINDS.data, 1, Buffer.alloc(1024)));
    assert.equal(bench.toTarget.length, 0);
  });

  it('A10: refuses a compressed body that no rule can read, and records it', () => {
    const bench = new Bench(denyDrop);
    const bomb = Buffer.alloc(5_000, 0xff);
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, { ...POST, headers: [...POST.headers, ['content-encoding', 'br']] }));
    void bench.relay.fromClient(encodeMessage(KINDS.data, 1, bomb));
    void bench.relay.fromClient(encodeMessage(KINDS.end, 1));
    assert.equal(bench.toTarget.length, 0);
    assert.equal(decodeHead(AnswerHead, bench.toClient[0]?.payload ?? Buffer.alloc(0)).status, 415);
    assert.deepEqual(
      bench.settled.map(({ error }) => error),
      ['unreadable_body'],
    );
  });

  it('asks for what a mask can read, and for all of it', () => {
    const mask: Mask = { suspects: () => false, apply: (text) => text };
    const bench = new Bench(undefined, mask);
    const headers: [string, string][] = [
      ['accept', 'application/vnd.kubernetes.protobuf,application/json'],
      ['accept-encoding', 'br'],
      ['range', 'bytes=3-'],
    ];
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, { ...GET, headers }));
    assert.deepEqual(JSON.parse(bench.told[0]?.[2] ?? '').headers, [
      ['accept', 'application/json'],
      ['accept-encoding', 'identity'],
    ]);
  });

  it('does not count an exchange twice, nor take what is no message', () => {
    const wrong: Buffer[] = [
      Buffer.concat([encodeHead(KINDS.request, 1, GET), encodeHead(KINDS.request, 1, GET)]),
      encodeMessage(KINDS.request, 1, Buffer.from('{')),
      encodeMessage(KINDS.request, 1, Buffer.from('{"method":1}')),
      Buffer.from([0, 0, 0, 0]),
      Buffer.from([0xff, 0xff, 0xff, 0xff]),
      Buffer.from([0, 0, 0, 1, 1]),
    ];
    for (const bytes of wrong) assert.throws(() => new Bench().relay.fromClient(bytes), PeerFault);
    assert.throws(() => {
      const bench = new Bench(undefined, { suspects: () => false, apply: (text) => text });
      void bench.relay.fromClient(encodeHead(KINDS.request, 1, GET));
      void bench.relay.fromTarget(encodeHead(KINDS.answer, 1, { status: 200, headers: [] }));
      void bench.relay.fromClient(encodeMessage(KINDS.credit, 1, Buffer.alloc(3)));
    }, PeerFault);
  });

  it('closes the books on what is open when the session ends, and tells the client why', () => {
    const bench = new Bench();
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, GET));
    void bench.relay.fromTarget(encodeCredit(1, 5));
    const last = bench.relay.end(new Refusal('killed', 'Somebody ended it'));
    assert.match(last.toString(), /Somebody ended it/);
    assert.deepEqual(
      bench.settled.map(({ error }) => error),
      ['session ended: killed'],
    );
  });
});
