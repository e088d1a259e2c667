import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { AppError, Refusal } from '@hoop/core/errors';
import type { Door } from '@hoop/core/protocol';
import { H2_START } from '@hoop/core/testing/h2-bytes';
import { SocketWire, type Wire } from '@hoop/core/wire';
import { accept } from '@hoop/protocols/http/accept';
import { encodeCredit, encodeHead, encodeMessage, KINDS } from '@hoop/protocols/http/message';
import { within } from '../support/until.ts';
import { type Dice, fuzz } from './fuzzer.ts';
import { anyH2Frame } from './h2-frames.ts';

/*
 * A client of HTTP that says anything and leaves at any time, while it is asked who it is, and while it is answered.
 * An error that nobody catches would end this process, and the test with it.
 */

const listening = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
before(async () => {
  await once(listening.listen(0, '127.0.0.1'), 'listening');
});
after(() => listening.close());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function door(dice: Dice): Door<string> {
  const login = async ({ secret }: { secret: string }): Promise<string> => {
    for (let turns = dice.number(3); turns > 0; turns--) await turn();
    if (secret === 'good') return 'somebody';
    throw new Refusal('unauthenticated', 'This secret is unknown');
  };
  const proven = dice.number(2) ? 'somebody' : undefined;
  return { tls: undefined, tlsRequired: false, proven, login, cancel: () => undefined, mintCancelKey: () => '' };
}

function fields(dice: Dice): Record<string, string> {
  const plain = { ':method': dice.pick(['GET', 'POST', 'HEAD', 'CONNECT']), ':scheme': 'http', ':authority': 'x' };
  const path = dice.pick(['/', '/good/', '*', '/a?b', '//']);
  const more = dice.pick<Record<string, string>>([
    {},
    { 'content-length': dice.pick(['0', '5', '-1', 'x']) },
    { [dice.pick(['connection', 'te', 'upgrade', ':protocol', 'expect'])]: dice.pick(['x', 'trailers', 'websocket', '100-continue']) },
    { accept: 'application/json', 'sec-fetch-site': 'cross-site', cookie: 'a=b' },
  ]);
  return { ...plain, ':path': path, ...more, authorization: dice.pick(['Bearer good', 'Bearer good', 'Bearer bad', '']) };
}

function plainRequest(dice: Dice): Buffer {
  const { ':method': method, ':path': path, ':scheme': _, ':authority': host, ...more } = fields(dice);
  const lines = Object.entries({ host, ...more }).map(([name, value]) => `${name}: ${value}\r\n`);
  const body = dice.pick(['', 'hello', '5\r\nhello\r\n0\r\n\r\n']);
  return Buffer.from(`${method} ${path} HTTP/1.${dice.pick([1, 1, 0])}\r\n${lines.join('')}\r\n${body}`);
}

/** What an agent may answer with. */
function answer(dice: Dice): Buffer {
  const exchange = 1 + dice.number(4);
  const headers = dice.pick<[string, string][]>([
    [],
    [['content-length', '3']],
    [['connection', 'x']],
    [['x', '\u0100']],
    [['bad name', 'x']],
  ]);
  const reset = { status: 502, code: 'given_up', message: 'gone' };
  return dice.pick([
    () => encodeHead(KINDS.answer, exchange, { status: dice.pick([200, 204, 101, 304, 100, 404, 999]), headers }),
    () => encodeMessage(KINDS.data, exchange, dice.bytes(dice.number(300))),
    () => encodeMessage(KINDS.end, exchange),
    () => encodeHead(KINDS.reset, exchange, reset),
    () => encodeCredit(exchange, 1_000_000),
    () => encodeHead(KINDS.over, 0, reset),
  ])();
}

async function answerAll(wire: Wire, dice: Dice): Promise<void> {
  wire.pump(() => undefined).catch(() => undefined);
  for (let left = dice.number(12); left > 0; left--) {
    void wire.write(answer(dice));
    if (dice.number(2)) await turn();
  }
  wire.destroy();
}

test('a client of HTTP that says anything and leaves at any time does no harm', async () => {
  let entered = 0;
  const rounds = await fuzz('http leaving', async (dice) => {
    const arrived = once(listening, 'connection');
    const client = net.connect((listening.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    client.resume();
    const [server] = (await arrived) as [Socket];
    server.on('error', () => undefined);
    const accepted = accept(new SocketWire(server), door(dice)).then(
      (found) => {
        if (!found) return undefined;
        entered++;
        return answerAll(found.wire, dice);
      },
      (error: unknown) => {
        if (!(error instanceof AppError)) throw error;
      },
    );
    const frame = (): Buffer =>
      anyH2Frame(
        dice,
        () => fields(dice),
        () => Buffer.alloc(dice.pick([0, 5, 16_000])),
      );
    const several = (make: () => Buffer): Buffer[] => Array.from({ length: 1 + dice.number(20) }, make);
    const said = Buffer.concat(dice.number(3) ? [H2_START, ...several(frame)] : several(() => plainRequest(dice)));
    for (const chunk of dice.number(2) ? [said] : dice.chunks(said)) client.write(chunk);
    for (let turns = dice.number(12); turns > 0; turns--) await turn();
    client.destroy();
    server.destroy();
    await within('the session ends', accepted);
  });
  assert.ok(entered > 0, `somebody gets in in ${rounds} rounds`);
});
