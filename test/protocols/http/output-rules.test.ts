import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import http2 from 'node:http2';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { runProgram } from '../../support/program.ts';
import { HttpLab, type Way } from './lab.ts';

/** Longer than what is held back. */
const LONG = `${'not what is looked for\n'.repeat(8_000)}`;

let lab: HttpLab;
before(async () => {
  lab = await HttpLab.start();
});
after(() => lab.close());
afterEach(() => lab.tidyUp());

/** A way to a target that answers so, with a rule that no answer may have `top secret` in it. */
async function wayTo(serve: (response: ServerResponse) => void): Promise<Way> {
  const { port } = await lab.target((_request, response) => {
    response.setHeader('content-type', 'text/plain');
    serve(response);
  });
  const way = await lab.wayTo(port);
  const { office } = lab.system;
  const { id } = await office.api.call(routes.getConnection, { params: { nameOrID: way.connection } });
  const rules = [{ type: 'deny_words_list' as const, words: ['top secret'], message: 'Nobody may see that' }];
  await office.api.call(routes.createGuardrail, { body: { name: `out ${randomUUID()}`, output: { rules }, connection_ids: [id] } });
  return lab.open(way.connection);
}

const SHORT = (response: ServerResponse): void => void response.end('this is top secret, and more');
const STREAMED = (response: ServerResponse): void => {
  response.write(LONG);
  response.end('this is top secret, and more');
};
const MEASURED = (response: ServerResponse): void => {
  const body = `${LONG}this is top secret, and more`;
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(body);
};
const CUT = (response: ServerResponse): void => {
  response.write(`${LONG}this is top s`);
  setImmediate(() => response.end('ecret, and more'));
};

describe('an answer with what a rule on output forbids', () => {
  test('is a 403 with the words of the rule where it is short', async () => {
    const way = await wayTo(SHORT);
    const answer = await fetch(way.url);
    assert.equal(answer.status, 403);
    assert.match(await answer.text(), /Nobody may see that/);
    const [action] = await lab.actions(way.connection);
    assert.match(action?.outcome?.error ?? '', /^denied: out /);
  });

  for (const [how, serve] of [
    ['in chunks', STREAMED],
    ['of a known length', MEASURED],
    ['cut in the middle of what is forbidden', CUT],
  ] as const) {
    test(`is taken by no client for a whole one where it is long: ${how}`, async () => {
      const way = await wayTo(serve);
      await assert.rejects(async () => (await fetch(way.url)).text());
      const { stdout, exitCode } = await runProgram('curl', ['-s', way.url]);
      assert.notEqual(exitCode, 0);
      assert.doesNotMatch(stdout, /top s|secret|and more/);
      const session = http2.connect(way.url);
      const stream = session.request({ ':path': '/' });
      let heard = '';
      stream.setEncoding('latin1').on('data', (text) => {
        heard += text;
      });
      const [error] = await once(stream, 'error');
      assert.match(String(error), /ERR_HTTP2_STREAM_ERROR|INTERNAL_ERROR|closed/i);
      assert.doesNotMatch(heard, /top s|secret|and more/);
      session.destroy();
      const actions = await lab.actions(way.connection);
      assert.deepEqual(
        actions.map(({ outcome }) => outcome?.error?.startsWith('denied: ')),
        [true, true, true],
      );
    });
  }

  test('does not keep others from passing as they are', async () => {
    const way = await wayTo((response) => void response.end(`${LONG}it is top, secret`));
    assert.equal(await (await fetch(way.url)).text(), `${LONG}it is top, secret`);
  });
});

test('what a rule warns of stands in a header of the answer, and the answer comes all the same', async () => {
  const { port } = await lab.target((_request, response) => void response.end('fine'));
  const { url } = await lab.wayTo(port, {}, { warn: ['/careful'] });
  const answer = await fetch(`${url}/careful`);
  assert.match(answer.headers.get('hoop-notice') ?? '', /Mind this/);
  assert.equal(await answer.text(), 'fine');
});
