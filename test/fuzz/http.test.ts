import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { AppError } from '@hoop/core/errors';
import { Gate } from '@hoop/core/gate';
import { compilePolicy } from '@hoop/policy/rules';
import { encodeCredit, encodeHead, encodeMessage, KINDS, type Kind, type RequestHead } from '@hoop/protocols/http/message';
import { readRequest } from '@hoop/protocols/http/reading';
import { HttpRelay } from '@hoop/protocols/http/relay';
import { FrameRun } from '@hoop/protocols/shared/frames';
import { TunnelClient } from '@hoop/tunnel/client';
import { LocalPort } from '../support/local-port.ts';
import { System } from '../support/system.ts';
import { until } from '../support/until.ts';
import { type Dice, fuzz } from './fuzzer.ts';

const POLICY = compilePolicy({
  revision: 1,
  guardrails: [{ name: 'no drop', input: [{ type: 'deny_words_list', words: ['drop'], pattern_regex: '', message: '' }], output: [] }],
  masks: [{ name: 'pii', entities: ['EMAIL_ADDRESS'] }],
});

function requestHead(dice: Dice): RequestHead {
  return {
    method: dice.pick(['GET', 'POST', 'DELETE']),
    path: dice.pick(['/', '/drop', '/%64rop', '/a?b=c', `/${'x'.repeat(dice.number(200))}`]),
    headers: dice.pick([[], [['content-encoding', 'gzip']], [['content-type', 'application/json']]]),
    body: dice.pick(['none', 'length', 'stream'] as const),
    ...(dice.number(8) === 0 ? { upgrade: 'websocket' } : {}),
  };
}

/** One message that a gateway may send, or a target's side. */
function message(dice: Dice, exchange: number): Buffer {
  return dice.pick([
    () => encodeHead(KINDS.request, exchange, requestHead(dice)),
    () => encodeHead(KINDS.answer, exchange, { status: dice.pick([200, 101, 204, 500]), headers: [['content-type', 'text/plain']] }),
    () => encodeMessage(KINDS.data, exchange, Buffer.from(dice.pick(['drop', 'a@example.com', 'plain', '{"a":"b@c.org"}']))),
    () => encodeMessage(KINDS.end, exchange),
    () => encodeHead(KINDS.reset, exchange, { status: 502, code: 'given_up', message: 'gone' }),
    () => encodeCredit(exchange, dice.number(100_000)),
    () => encodeMessage(dice.number(256) as Kind, exchange, dice.bytes(dice.number(30))),
  ])();
}

function several(dice: Dice): Buffer {
  return Buffer.concat(Array.from({ length: 1 + dice.number(12) }, (_, at) => message(dice, dice.pick([at + 1, 1, 2]))));
}

function onlyPeerFaults(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'peer') throw error;
  }
}

test('frames come out as they went in, in any pieces, and damaged ones are a fault', async () => {
  const rounds = await fuzz('http frames', (dice) => {
    const whole = several(dice);
    const passed: Buffer[] = [];
    const run = new FrameRun(
      1 << 20,
      () => 'pass',
      (bytes) => void passed.push(Buffer.from(bytes)),
    );
    for (const chunk of dice.chunks(whole)) void run.feed(chunk);
    assert.deepEqual(Buffer.concat(passed), whole);
    const damaged = new FrameRun(
      1 << 20,
      () => 'pass',
      () => undefined,
    );
    onlyPeerFaults(() => {
      for (const chunk of dice.chunks(dice.mutate(whole))) void damaged.feed(chunk);
    });
  });
  assert.ok(rounds > 100);
});

test('the relay of http takes anything from both sides without more than a fault, and lets go what was judged only', async () => {
  const rounds = await fuzz('http relay', (dice) => {
    let permitted = 0;
    let begun = 0;
    const count = new FrameRun(
      1 << 20,
      (bytes) => {
        if (bytes[0] === KINDS.request) begun++;
        return 'drop';
      },
      () => undefined,
    );
    const policy = dice.number(2) === 0 ? POLICY : { ...POLICY, mask: undefined };
    const gate = new Gate(policy, { intent: (_action, { allow }) => void (permitted += allow === true ? 1 : 0), settled: () => undefined });
    const relay = new HttpRelay({ gate, toTarget: (bytes) => count.feed(bytes), toClient: () => undefined });
    const [mine, theirs] = [dice.mutate(several(dice)), dice.mutate(several(dice))].map((bytes) => dice.chunks(bytes));
    onlyPeerFaults(() => {
      for (let turn = mine?.shift(); turn; turn = mine?.shift()) {
        void relay.fromClient(turn);
        const other = theirs?.shift();
        if (other) void relay.fromTarget(other);
      }
    });
    relay.end(undefined);
    assert.ok(begun <= permitted, `${begun} requests went on, ${permitted} were permitted`);
  });
  assert.ok(rounds > 100);
});

test('no e-mail address of an answer gets past the mask, in any pieces', async () => {
  const rounds = await fuzz('http masking', (dice) => {
    const passed: Buffer[] = [];
    const gate = new Gate(POLICY, { intent: () => undefined, settled: () => undefined });
    const relay = new HttpRelay({ gate, toTarget: () => undefined, toClient: (bytes) => void passed.push(Buffer.from(bytes)) });
    void relay.fromClient(encodeHead(KINDS.request, 1, { method: 'GET', path: '/', headers: [], body: 'none' }));
    const text = Buffer.from(`{"a":"first.one@example.com","b":"${'x'.repeat(dice.number(99))}"}\nb.c@mail.example.org, and so on`);
    const pieces = dice.chunks(text).map((piece) => encodeMessage(KINDS.data, 1, piece));
    const answer = [encodeHead(KINDS.answer, 1, { status: 200, headers: [] }), ...pieces, encodeMessage(KINDS.end, 1)];
    for (const chunk of dice.chunks(Buffer.concat(answer))) void relay.fromTarget(chunk);
    const seen = Buffer.concat(passed).toString('latin1');
    assert.equal(seen.includes('example'), false, seen);
  });
  assert.ok(rounds > 20);
});

test('a body that is made to be slow to read is not', async () => {
  const rounds = await fuzz('http bodies', (dice) => {
    const coding = dice.pick(['gzip', 'br', 'deflate', 'zstd', 'identity']);
    const path = `/${dice.pick(['%25', '../', '%2e%2e/', '//', '%', '%c3', '\\'])}`.repeat(1 + dice.number(4_000));
    const began = performance.now();
    readRequest({ method: 'POST', path, headers: [['content-encoding', coding]], body: 'stream' }, dice.bytes(dice.number(20_000)));
    const took = performance.now() - began;
    assert.ok(took < 2_000, `${coding} and ${path.slice(0, 20)} took ${Math.round(took)} ms`);
  });
  assert.ok(rounds > 10);
});

describe('raw bytes to the accepting side', () => {
  let system: System;
  let tunnel: TunnelClient;
  const locals: LocalPort[] = [];
  let target: http.Server;
  let heard = 0;
  const unreadable: string[] = [];
  before(async () => {
    target = http.createServer((request, response) => {
      heard++;
      request.resume().once('end', () => response.end('ok'));
    });
    target.on('upgrade', (_request, socket) => {
      heard++;
      socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
    });
    // What it cannot read must not have been sent; a request that its client broke off is broken off here too.
    target.on('clientError', ({ code, message }: NodeJS.ErrnoException) => {
      if (code?.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE') unreadable.push(message);
    });
    await once(target.listen(0, '127.0.0.1'), 'listening');
    system = await System.start({ agent: 'tunnel' });
    const { host, port } = system.gateway.addresses.tunnel;
    tunnel = await TunnelClient.dial({ host, port, tls: { skipVerify: true } });
  });
  after(async () => {
    for (const local of locals) local.close();
    tunnel.close();
    await system.close();
    target.close().closeAllConnections();
  });

  test('whatever a client says, the target hears no request that the audit does not have', async () => {
    let all = 0;
    const rounds = await fuzz('http clients', async (dice) => {
      heard = 0;
      const { connection, port } = await way();
      await Promise.all(Array.from({ length: 25 }, () => talk(port, dice)));
      const actions = await until('every session is over', async () => {
        const sessions = await system.office.sessions(connection);
        if (!sessions.every(({ status }) => status === 'done')) return undefined;
        return (await Promise.all(sessions.map(({ id }) => system.office.actions(id)))).flat();
      });
      const allowed = actions.filter(({ verdict }) => verdict === 'allow').length;
      assert.ok(heard <= allowed, `the target heard ${heard} requests, and the audit allowed ${allowed}`);
      all += heard;
    });
    assert.deepEqual(unreadable, []);
    assert.ok(all > 0, `something gets through in ${rounds} rounds`);
  });

  async function way(): Promise<{ connection: string; port: number }> {
    const settings = { REMOTE_URL: `http://127.0.0.1:${(target.address() as AddressInfo).port}` };
    const connection = await system.connection(settings, { deny: ['drop'] }, { type: 'application', subtype: 'httpproxy' });
    const local = await LocalPort.open(tunnel, connection, system.office.token);
    locals.push(local);
    return { connection, port: local.port };
  }

  /** Says something, hears something or not, and leaves. */
  async function talk(port: number, dice: Dice): Promise<void> {
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
    const closed = once(socket, 'close');
    const more = Array.from({ length: 1 + dice.number(4) }, () => rawRequest(dice));
    const said = Buffer.concat(dice.number(2) === 0 ? [PLAIN, ...more] : more);
    for (const chunk of dice.chunks(dice.number(3) === 0 ? said : dice.mutate(said))) socket.write(chunk);
    // Half a request has no answer: then it leaves in the middle of it.
    await Promise.race([closed, once(socket, 'data'), pause(250)]);
    socket.destroy();
    await closed;
  }
});

function rawRequest(dice: Dice): Buffer {
  const method = dice.pick(['GET', 'POST', 'HEAD', 'OPTIONS', 'BREW', '']);
  const path = dice.pick(['/', '/drop', '/a b', '*', 'http://x/', '//', '/%', '']);
  const headers = [
    'Host: a',
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Connection: close',
    'Connection: upgrade',
    'Upgrade: websocket',
    'Expect: 100-continue',
    'X-A:\tb',
    'Content-Length : 3',
    'X: \x00',
  ].filter((_, at) => (at === 0 ? dice.number(8) > 0 : dice.number(5) === 0));
  const body = dice.pick(['', 'hello', '5\r\nhello\r\n0\r\n\r\n', '0\r\n\r\n', 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n']);
  const end = dice.pick(['\r\n', '\r\n', '\r\n', '\n']);
  return Buffer.from(
    `${method} ${path} HTTP/1.${dice.pick(['1', '1', '1', '0', '9'])}${end}${headers.join(end)}${end}${end}${body}`,
    'latin1',
  );
}

const PLAIN = Buffer.from('GET /plain HTTP/1.1\r\nHost: a\r\n\r\n');
