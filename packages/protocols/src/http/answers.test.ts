import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Verdict } from '@hoop/core/action';
import type { Mask } from '@hoop/core/gate';
import { Exchange } from './exchange.ts';
import { ANSWER_HELD_BYTES_MAX, ANSWER_HELD_MS_MAX, WINDOW_BYTES } from './limits.ts';
import { AnswerHead, decodeCredit, decodeHead, encodeHead, encodeMessage, KINDS, type RequestHead } from './message.ts';
import { Bench } from './testing/bench.ts';

const GET: RequestHead = { method: 'GET', path: '/a', headers: [], body: 'none' };
const HEAD = encodeHead(KINDS.answer, 1, {
  status: 200,
  headers: [
    ['content-type', 'text/plain'],
    ['content-length', '20'],
  ],
});
const END = encodeMessage(KINDS.end, 1);
const data = (text: string): Buffer => encodeMessage(KINDS.data, 1, Buffer.from(text));

const forbidding = (word: string): Verdict => ({
  allow: true,
  answer: {
    forbids: (text) => (text.includes(word) ? { rule: 'r', message: `No ${word} here` } : undefined),
  },
});

/** A request that was let through, and the answers of its target. */
async function answered(verdict: Verdict, pieces: readonly Buffer[], mask?: Mask): Promise<Bench> {
  const bench = new Bench(() => verdict, mask);
  void bench.relay.fromClient(encodeHead(KINDS.request, 1, GET));
  for (const piece of pieces) await bench.relay.fromTarget(piece);
  return bench;
}

const kinds = ({ toClient }: Bench): number[] => toClient.map(({ kind }) => kind);
const body = ({ toClient }: Bench): string =>
  toClient
    .filter(({ kind }) => kind === KINDS.data)
    .map(({ payload }) => payload)
    .join('');
const status = ({ toClient }: Bench): number => decodeHead(AnswerHead, toClient[0]?.payload ?? Buffer.alloc(0)).status;

describe('an answer that a rule on output looks at', () => {
  it('passes as it is when nothing is in it', async () => {
    const bench = await answered(forbidding('secret'), [HEAD, data('all '), data('is well'), END]);
    assert.deepEqual([status(bench), body(bench), kinds(bench).at(-1)], [200, 'all is well', KINDS.end]);
    assert.deepEqual(decodeHead(AnswerHead, bench.toClient[0]?.payload ?? Buffer.alloc(0)).headers.at(-1), ['content-length', '20']);
    assert.equal(bench.settled[0]?.error, undefined);
  });

  it('is refused instead, with the words of the rule, however it is cut', async () => {
    const text = 'first the secret, then more';
    for (let cut = 0; cut <= text.length; cut++) {
      const bench = await answered(forbidding('secret'), [HEAD, data(text.slice(0, cut)), data(text.slice(cut)), END]);
      assert.deepEqual([status(bench), body(bench), kinds(bench).at(-1)], [403, 'No secret here\n', KINDS.end], `cut at ${cut}`);
      assert.equal(bench.toTarget.at(-1)?.kind, KINDS.reset, 'the target need not go on');
      assert.deepEqual(
        bench.settled.map(({ error }) => error),
        ['denied: r'],
      );
    }
  });

  it('breaks off where a part has gone to the client, without the end that would make it whole', async () => {
    const line = `${'x'.repeat(16_383)}\n`;
    const many = Array.from({ length: ANSWER_HELD_BYTES_MAX / line.length + 2 }, () => data(line));
    const bench = await answered(forbidding('secret'), [HEAD, ...many, data('the sec'), data('ret'), data('and more'), END]);
    assert.deepEqual([status(bench), kinds(bench).at(-1)], [200, KINDS.reset]);
    assert.ok(!body(bench).includes('sec') && body(bench).length >= line.length);
    assert.match(bench.toClient.at(-1)?.payload.toString() ?? '', /No secret here/);
  });

  it('is not held back for longer than a moment when it goes on slowly', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const bench = await answered(forbidding('secret'), [HEAD, data('event 1\n')]);
      assert.deepEqual(kinds(bench), []);
      mock.timers.tick(ANSWER_HELD_MS_MAX);
      assert.deepEqual([status(bench), body(bench)], [200, 'event 1\n']);
      await bench.relay.fromTarget(data('event 2, sec'));
      mock.timers.tick(ANSWER_HELD_MS_MAX);
      await bench.relay.fromTarget(data('ret'));
      assert.deepEqual([body(bench), kinds(bench).at(-1)], ['event 1\nevent 2, sec', KINDS.reset]);
    } finally {
      mock.timers.reset();
    }
  });

  it('is asked for whole and without compression', async () => {
    const bench = new Bench(() => forbidding('secret'));
    const headers: [string, string][] = [
      ['accept-encoding', 'br'],
      ['range', 'bytes=3-'],
    ];
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, { ...GET, headers }));
    assert.deepEqual(JSON.parse(bench.told[0]?.[2] ?? '').headers, [['accept-encoding', 'identity']]);
  });

  it('is looked at as the target sent it, before anything in it is hidden', async () => {
    const hiding: Mask = { suspects: () => true, apply: (text) => Buffer.from(text.toString().replaceAll('secret', '######')) };
    assert.equal(status(await answered(forbidding('secret'), [HEAD, data('a secret'), END], hiding)), 403);
    const bench = await answered(forbidding('nothing'), [HEAD, data('a secret'), END], hiding);
    assert.deepEqual([status(bench), body(bench)], [200, 'a ######']);
  });

  it('is not looked at where it is no text', async () => {
    const image = encodeHead(KINDS.answer, 1, { status: 200, headers: [['content-type', 'image/png']] });
    assert.equal(body(await answered(forbidding('secret'), [image, data('secret'), END])), 'secret');
  });
});

/** Hides `secret` in what was prepared, and all of everything else. */
function preparedMask(wait: () => Promise<void> = () => Promise.resolve()): Mask & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    suspects: () => true,
    prepare: async (texts) => {
      await wait();
      asked.push(...texts.map(String));
    },
    apply: (text) => Buffer.from(asked.includes(String(text)) ? String(text).replaceAll('secret', '######') : '#'.repeat(text.length)),
  };
}

describe('an answer whose mask has to ask somebody else', () => {
  it('goes on in order once they answered, with nothing that was not asked about', async () => {
    const mask = preparedMask();
    const bench = await answered({ allow: true }, [HEAD, data('a secret,and'), data(' more secret\nand'), data(' the rest'), END], mask);
    while (bench.settled.length === 0) await turn();
    assert.deepEqual([body(bench), kinds(bench).at(-1)], ['a ######,and more ######\nand the rest', KINDS.end]);
    assert.deepEqual(mask.asked, ['a secret,', 'and more secret\n', 'and the rest']);
  });

  it('sends nothing to a client that left meanwhile', async () => {
    const late = Promise.withResolvers<void>();
    const bench = new Bench(
      () => ({ allow: true }),
      preparedMask(() => late.promise),
    );
    void bench.relay.fromClient(encodeHead(KINDS.request, 1, GET));
    await bench.relay.fromTarget(HEAD);
    const sent = bench.relay.fromTarget(data('a secret,'));
    void bench.relay.fromClient(encodeHead(KINDS.reset, 1, { status: 502, code: 'given_up', message: '' }));
    late.resolve();
    await sent;
    await turn();
    assert.deepEqual(kinds(bench), [KINDS.answer]);
    assert.deepEqual(
      bench.settled.map(({ error }) => error),
      ['client_left'],
    );
  });
});

describe('answers whose mask has to ask somebody else', () => {
  it('do not wait for one another', async () => {
    const late = Promise.withResolvers<void>();
    const waits = [late.promise];
    const bench = new Bench(
      () => ({ allow: true }),
      preparedMask(() => waits.shift() ?? Promise.resolve()),
    );
    const second = (bytes: Buffer): Buffer => {
      const other = Buffer.from(bytes);
      other.writeUInt32BE(2, 5);
      return other;
    };
    const asked = encodeHead(KINDS.request, 1, GET);
    void bench.relay.fromClient(Buffer.concat([asked, second(asked)]));
    await bench.relay.fromTarget(
      Buffer.concat([HEAD, data('slow secret\n'), END, second(HEAD), second(data('quick secret\n')), second(END)]),
    );
    while (bench.settled.length === 0) await turn();
    const bodies = (): string[] =>
      bench.toClient.filter(({ kind }) => kind === KINDS.data).map(({ exchange, payload }) => `${exchange} ${payload}`);
    assert.deepEqual(bodies(), ['2 quick ######\n']);
    late.resolve();
    while (bench.settled.length === 1) await turn();
    assert.deepEqual(bodies(), ['2 quick ######\n', '1 slow ######\n']);
    assert.equal(kinds(bench).filter((kind) => kind === KINDS.end).length, 2);
  });

  it('break off where the mask fails, and the books are closed', async () => {
    const failing: Mask = {
      suspects: () => true,
      prepare: () => Promise.resolve(),
      apply: () => {
        throw new Error('not to be shown');
      },
    };
    const bench = await answered({ allow: true }, [HEAD, data('a secret,and'), END], failing);
    while (bench.settled.length === 0) await turn();
    assert.deepEqual([kinds(bench).at(-1), body(bench), bench.settled[0]?.error], [KINDS.reset, '', 'internal']);
  });
});

describe('what a rule has to say about a request that it lets pass', () => {
  const noticed: Verdict = { allow: true, notice: 'Careful:\r\nx-evil: é', matched: { rule: 'r', message: 'm' } };

  it('stands in a header of the answer, in one line', async () => {
    const bench = await answered(noticed, [HEAD, data('x'), END]);
    const { headers } = decodeHead(AnswerHead, bench.toClient[0]?.payload ?? Buffer.alloc(0));
    assert.deepEqual(headers.at(-1), ['hoop-notice', 'Careful: x-evil: ?']);
    assert.equal(body(bench), 'x');
  });

  it('stands there when the answer is masked, and when it is an upgrade', async () => {
    const nothing: Mask = { suspects: () => false, apply: (text) => text };
    const upgraded = encodeHead(KINDS.answer, 1, { status: 101, headers: [] });
    for (const [head, mask] of [
      [HEAD, nothing],
      [upgraded, undefined],
    ] as const) {
      const bench = await answered(noticed, [head], mask);
      assert.match(JSON.stringify(decodeHead(AnswerHead, bench.toClient[0]?.payload ?? Buffer.alloc(0)).headers), /hoop-notice/);
    }
  });
});

describe('an answer that becomes longer by what is hidden', () => {
  const longer: Mask = { suspects: () => true, keepsLength: false, apply: (text) => Buffer.alloc(text.length * 10, 'x') };
  const masks = { 'at once': longer, 'where somebody is asked': { ...longer, prepare: () => turn() } };
  for (const [how, mask] of Object.entries(masks)) {
    it(`is whole, and no more of it is on its way than its reader has room for: ${how}`, async () => {
      const bench = await answered({ allow: true }, [encodeHead(KINDS.answer, 1, { status: 200, headers: [] })], mask);
      const client = new Exchange(1, { send: (frames) => void bench.relay.fromClient(frames) }, () => undefined);
      const size = 2 * 1024 * 1024;
      let allowed = WINDOW_BYTES;
      let most = 0;
      let read = 0;
      let sent = 0;
      // What breaks the rules of an exchange is thrown here.
      for (let round = 0; round < 5_000 && !client.readableEnded; round++) {
        for (const { kind, payload } of bench.toTarget.splice(0)) if (kind === KINDS.credit) allowed += decodeCredit(payload);
        const bytes = Math.min(allowed - sent, size - sent, 64 * 1024);
        if (bytes > 0) await bench.relay.fromTarget(encodeMessage(KINDS.data, 1, Buffer.alloc(bytes, '\n')));
        sent += Math.max(0, bytes);
        if (bytes > 0 && sent === size) await bench.relay.fromTarget(END);
        for (const message of bench.toClient.splice(0)) if (message.kind !== KINDS.answer) client.receive(message);
        most = Math.max(most, client.readableLength);
        // A slow reader: the target could send much more meanwhile.
        if (round % 3 === 0) read += (client.read(Math.min(client.readableLength, 32 * 1024)) ?? client.read())?.length ?? 0;
        await turn();
      }
      assert.equal(read, size * 10);
      assert.ok(most <= 2 * WINDOW_BYTES, `${most} bytes waited for their reader`);
      assert.equal(bench.settled[0]?.bytes, size);
    });
  }
});
