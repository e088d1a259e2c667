import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { Readable } from 'node:stream';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { routes } from '@hoop/contract/routes/all';
import { runProgram } from '../../support/program.ts';
import { until } from '../../support/until.ts';
import { HttpLab, type Way } from './lab.ts';

const PADDING = 200_000;
const MIB = 1 << 20;

let lab: HttpLab;
before(async () => {
  lab = await HttpLab.start();
});
after(() => lab.close());
afterEach(() => lab.tidyUp());

interface Heard {
  bytes: number;
  complete: boolean;
  closed: boolean;
}

/** A way to a target that counts what it hears of each request, and answers when it is complete, or at once. */
async function counter(answersAtOnce = false, deny: readonly string[] = ['forbidden-word']): Promise<Way & { readonly heard: Heard[] }> {
  const heard: Heard[] = [];
  const { port } = await lab.target((request, response) => {
    const of: Heard = { bytes: 0, complete: false, closed: false };
    heard.push(of);
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => {
      of.bytes += chunk.length;
      if (answersAtOnce && !response.headersSent) response.write('so far, so good');
    });
    request.once('end', () => {
      of.complete = request.complete;
      response.end('complete');
    });
    request.once('close', () => {
      of.closed = true;
    });
  });
  return { ...(await lab.wayTo(port, {}, { deny })), heard };
}

async function assertDenied({ connection, heard }: { connection: string; heard: readonly Heard[] }): Promise<void> {
  await until('the target’s request is over', () => heard.every(({ closed }) => closed));
  assert.equal(
    heard.some(({ complete }) => complete),
    false,
    'no target gets a complete body',
  );
  const recorded = await until('it is on record', async () => {
    const actions = await lab.actions(connection);
    return actions.some(({ outcome }) => outcome?.error?.startsWith('denied: deny ')) && actions;
  });
  assert.ok(recorded);
}

describe('A24: padding does not hide the end of a body from a rule', () => {
  const text = `${'x'.repeat(PADDING)} forbidden-word`;
  const gzip = gzipSync(`${randomBytes(PADDING).toString('hex')} forbidden-word`);
  const small = gzipSync(`${'x'.repeat(4 * MIB)} forbidden-word`);
  const bodies: readonly [string, Buffer, readonly string[]][] = [
    ['plain', Buffer.from(text), []],
    ['compressed', gzip, ['-H', 'Content-Encoding: gzip']],
    ['compressed to very little', small, ['-H', 'Content-Encoding: gzip']],
  ];
  for (const [how, body, more] of bodies) {
    for (const version of ['--http1.1', '--http2-prior-knowledge']) {
      for (const framing of version === '--http1.1' ? [[], ['-H', 'Transfer-Encoding: chunked']] : [[]]) {
        test(`${how}, with ${version.slice(2)}${framing.length > 0 ? ' in chunks' : ''}`, async () => {
          const way = await counter();
          const args = ['-sS', '-w', '%{http_code}', version, '-H', 'Expect:', '-H', 'Content-Type: application/json', ...more, ...framing];
          const { stdout } = await runProgram('curl', [...args, '--data-binary', '@-', way.url], { input: body });
          assert.match(stdout, /Not here.*\n403$/);
          await assertDenied(way);
        });
      }
    }
  }

  test('where the answer has begun it breaks off, with HTTP/1.1 and HTTP/2', async () => {
    const way = await counter(true);
    const first = http.request({ port: way.port, method: 'POST' });
    first.on('error', () => undefined);
    first.write('x'.repeat(PADDING));
    const [answer] = (await once(first, 'response')) as [http.IncomingMessage];
    answer.resume();
    first.end('forbidden-word');
    await assert.rejects(once(answer, 'end'), /aborted/);
    const session = http2.connect(way.url);
    const stream = session.request({ ':method': 'POST' });
    stream.write('x'.repeat(PADDING));
    await once(stream, 'response');
    stream.resume();
    stream.end('forbidden-word');
    await assert.rejects(once(stream, 'end'), /ERR_HTTP2_STREAM_ERROR|INTERNAL_ERROR|closed/i);
    session.destroy();
    await assertDenied(way);
    assert.equal(way.heard.length, 2);
  });

  test('and the next request on the same connection is served', async () => {
    const way = await counter();
    const session = http2.connect(way.url);
    for (const [body, status] of [
      [text, 403],
      ['fine', 200],
      [`${'x'.repeat(PADDING)}fine`, 200],
    ] as const) {
      const stream = session.request({ ':method': 'POST' }).on('error', () => undefined);
      stream.end(body);
      const [headers] = await once(stream, 'response');
      assert.equal((headers as http2.IncomingHttpHeaders)[':status'], status);
      stream.resume();
      await once(stream, 'close');
    }
    session.destroy();
  });
});

test('what needs approval far back in a body is refused, because nobody could be shown it; what is to be noticed is recorded', async () => {
  const way = await counter();
  const { office } = lab.system;
  const { id } = await office.api.call(routes.getConnection, { params: { nameOrID: way.connection } });
  const rules = (['require_approval', 'log'] as const).map((action) => ({
    type: 'deny_words_list' as const,
    words: [action],
    message: 'Four eyes',
    action,
  }));
  await office.api.call(routes.createGuardrail, { body: { name: `late ${randomUUID()}`, input: { rules }, connection_ids: [id] } });
  const { url } = await lab.open(way.connection);
  const post = (word: string): Promise<Response> => fetch(url, { method: 'POST', body: `${'x'.repeat(PADDING)} ${word}` });
  const held = await post('require_approval');
  assert.equal(held.status, 403);
  assert.match(await held.text(), /Four eyes.*nobody|Four eyes.*anybody/);
  const logged = await post('log');
  assert.deepEqual([logged.status, await logged.text()], [200, 'complete']);
  const found = (await lab.actions(way.connection)).filter(({ text }) => text.endsWith(' log'));
  assert.equal(found.length, 1);
});

test('a long upload is judged to its end at a good pace, and little of it is kept', { timeout: 120_000 }, async (context) => {
  const way = await counter();
  const line = Buffer.from(`${'{"name":"somebody","note":"it is all very ordinary"}\n'.repeat(1_260)}`.slice(0, 65_536));
  const upload = async (bytes: number, end: string): Promise<{ status: number; most: number; ms: number }> => {
    const before = process.memoryUsage();
    const began = performance.now();
    let most = 0;
    const body = Readable.from(
      (function* () {
        for (let at = 0; at < bytes; at += line.length) {
          const { arrayBuffers, heapUsed } = process.memoryUsage();
          most = Math.max(most, arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed);
          yield line;
        }
        yield Buffer.from(end);
      })(),
    );
    const request = http.request({ port: way.port, method: 'POST', headers: { 'content-type': 'application/json' } });
    request.on('error', () => undefined);
    body.pipe(request);
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    return { status: answer.statusCode ?? 0, most, ms: performance.now() - began };
  };
  const { status, most, ms } = await upload(256 * MIB, 'the end');
  assert.equal(status, 200);
  assert.equal(way.heard[0]?.bytes, 256 * MIB + 7);
  assert.ok(most < 128 * MIB, `${most >> 20} MiB more at the most`);
  context.diagnostic(`256 MiB in ${Math.round(ms)} ms, ${most >> 20} MiB of memory more at the most`);
  assert.equal((await upload(8 * MIB, 'forbidden-word')).status, 403);
});
