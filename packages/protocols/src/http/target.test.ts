import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { TargetFault } from '@hoop/core/errors';
import { dialTarget } from './dial-target.ts';
import { AnswerHead, decodeHead, encodeHead, encodeMessage, KINDS, type Message, type RequestHead, ResetMessage } from './message.ts';
import { HttpSettings } from './settings.ts';
import { type TargetPatience, TargetSide } from './target.ts';
import { collecting } from './testing/collecting.ts';

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.destroy();
});

/** The target's side alone, with a target that speaks by hand, and everything that it says to the relay. */
async function sideTo(
  serve: (socket: Socket) => void,
  patience: TargetPatience,
  tokens?: () => Promise<string>,
): Promise<{ side: TargetSide; said: Message[] }> {
  const server = net.createServer((socket) => {
    open.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const REMOTE_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = HttpSettings.parse({ REMOTE_URL });
  const current = tokens && (async () => HttpSettings.parse({ REMOTE_URL, KUBERNETES_BEARER_TOKEN: await tokens() }));
  const side = new TargetSide(settings, await dialTarget(settings), { patience, current });
  open.push({ destroy: () => side.over() }, { destroy: () => server.close() });
  const said: Message[] = [];
  const frames = collecting(said);
  void side.link.pump((chunk) => frames.feed(chunk));
  return { side, said };
}

async function heard(said: readonly Message[], kind: number): Promise<Message> {
  for (let time = 0; time < 1_000; time++) {
    const found = said.find((message) => message.kind === kind);
    if (found) return found;
    await pause(5);
  }
  throw new Error('It was not said in time');
}

const GET: RequestHead = { method: 'GET', path: '/', headers: [], body: 'none' };
const PATIENT: TargetPatience = { answer_ms: 60_000, upgradedIdle_ms: 60_000 };

describe('the target’s side of http', () => {
  it('asks for the token that holds now before each request, and fails the request that gets none', async () => {
    let asked = 0;
    const tokens = async (): Promise<string> => {
      if (++asked === 3) throw new TargetFault('secret_unavailable', 'AWS did not answer');
      return `token-${asked}`;
    };
    const shown: string[] = [];
    const serve = (socket: Socket): void =>
      void socket.on('data', (bytes: Buffer) => {
        shown.push(/^authorization: (.*)$/im.exec(bytes.toString())?.[1] ?? '');
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      });
    const { side, said } = await sideTo(serve, PATIENT, tokens);
    for (const exchange of [1, 2, 3]) {
      side.link.write(Buffer.concat([encodeHead(KINDS.request, exchange, GET), encodeMessage(KINDS.end, exchange)]));
      await heard(said, exchange === 3 ? KINDS.reset : KINDS.answer);
      while (exchange < 3 && said.filter(({ kind }) => kind === KINDS.answer).length < exchange) await pause(5);
    }
    assert.deepEqual(shown, ['Bearer token-1', 'Bearer token-2']);
    assert.equal(decodeHead(ResetMessage, (await heard(said, KINDS.reset)).payload).code, 'secret_unavailable');
  });

  it('takes the settings of a cluster of EKS only where they can be meant', () => {
    const eks = { KUBERNETES_CLUSTER_URL: 'https://x.gr7.eu-central-1.eks.amazonaws.com', EKS_CLUSTER: 'shop' };
    const wrong = (more: Record<string, string>): string[] =>
      (HttpSettings.safeParse({ ...eks, ...more }).error?.issues ?? []).map(({ path }) => String(path[0]));
    assert.deepEqual(wrong({ EKS_ROLE_ARN: 'arn:aws:iam::123456789012:role/path/viewer', EKS_AWS_REGION: 'us-gov-west-1' }), []);
    assert.deepEqual(wrong({ KUBERNETES_BEARER_TOKEN: 'x' }), ['KUBERNETES_BEARER_TOKEN']);
    assert.deepEqual(wrong({ KUBERNETES_CLUSTER_URL: 'http://cluster' }), ['EKS_CLUSTER']);
    assert.deepEqual(wrong({ EKS_AWS_REGION: 'evil.example/' }), ['EKS_AWS_REGION']);
    assert.deepEqual(wrong({ EKS_ROLE_ARN: 'viewer' }), ['EKS_ROLE_ARN']);
    const alone = HttpSettings.safeParse({ KUBERNETES_CLUSTER_URL: eks.KUBERNETES_CLUSTER_URL, EKS_AWS_REGION: 'us-east-1' });
    assert.deepEqual(
      alone.error?.issues.map(({ path }) => path[0]),
      ['EKS_AWS_REGION'],
    );
  });

  it('says that it was the answer that did not come in time', async () => {
    const { side, said } = await sideTo((socket) => void socket.resume(), { ...PATIENT, answer_ms: 50 });
    side.link.write(Buffer.concat([encodeHead(KINDS.request, 1, GET), encodeMessage(KINDS.end, 1)]));
    const { payload } = await heard(said, KINDS.reset);
    assert.deepEqual(decodeHead(ResetMessage, payload), {
      status: 504,
      code: 'target_timeout',
      message: 'The target did not begin to answer within 0.05 seconds',
    });
  });

  it('lets an answer that has begun take its time', async () => {
    const { side, said } = await sideTo(
      (socket) =>
        void socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no');
          setTimeout(() => socket.write('k'), 120);
        }),
      { ...PATIENT, answer_ms: 50 },
    );
    side.link.write(Buffer.concat([encodeHead(KINDS.request, 1, GET), encodeMessage(KINDS.end, 1)]));
    await heard(said, KINDS.end);
    assert.equal(decodeHead(AnswerHead, (await heard(said, KINDS.answer)).payload).status, 200);
    assert.deepEqual(
      said.filter(({ kind }) => kind === KINDS.data).map(({ payload }) => payload.toString()),
      ['o', 'k'],
    );
  });

  it('ends an upgraded connection in which nobody says anything', async () => {
    const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
    const { side, said } = await sideTo((socket) => void socket.once('data', () => socket.write(upgrade)), {
      ...PATIENT,
      upgradedIdle_ms: 50,
    });
    side.link.write(encodeHead(KINDS.request, 1, { ...GET, upgrade: 'x' }));
    assert.equal(decodeHead(AnswerHead, (await heard(said, KINDS.answer)).payload).status, 101);
    assert.match(
      decodeHead(ResetMessage, (await heard(said, KINDS.reset)).payload).message,
      /^Neither side said anything for 0.05 seconds$/,
    );
  });

  it('A10: inflates a bomb no faster than it is read', async () => {
    const bomb = gzipSync(Buffer.alloc(200 << 20));
    const { side, said } = await sideTo((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
        socket.write(bomb);
      });
    }, PATIENT);
    const before = process.memoryUsage().arrayBuffers;
    side.link.write(Buffer.concat([encodeHead(KINDS.request, 1, { ...GET, plain: true }), encodeMessage(KINDS.end, 1)]));
    await heard(said, KINDS.data);
    let last = -1;
    const bytes = (): number => said.filter(({ kind }) => kind === KINDS.data).reduce((sum, { payload }) => sum + payload.length, 0);
    // Nobody grants credit: it comes to rest.
    while (bytes() !== last) {
      last = bytes();
      await pause(50);
    }
    assert.ok(last <= 256 * 1024, `${last} bytes came without a credit`);
    assert.ok(process.memoryUsage().arrayBuffers - before < 20 << 20);
  });
});
