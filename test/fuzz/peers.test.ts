import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SessionRunner } from '@hoop/agent/runner';
import { FRAME_KINDS, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { AppError } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { sessionFacts } from '@hoop/core/testing/session-facts';
import { connect } from '@hoop/protocols/postgres/connect';
import { PostgresSettings } from '@hoop/protocols/postgres/settings';
import { server } from '@hoop/protocols/postgres/testing/messages';
import { ScriptedServer } from '@hoop/protocols/postgres/testing/scripted-server';
import { AuditLog } from '@hoop/store/audit/audit-log';
import { listSegments, scanSegment, segmentPath, verifyLog } from '@hoop/store/audit/scan';
import { memoryStreams } from '@hoop/tunnel/memory';
import { MUX_PREFACE, MuxCarrier } from '@hoop/tunnel/mux';
import type { FrameStream } from '@hoop/tunnel/stream';
import { temporaryDirectory } from '../support/temporary.ts';
import { until, within } from '../support/until.ts';
import { type Dice, fuzz } from './fuzzer.ts';

/*
 * Peers that are connected and say anything: the process lives, the connection ends or goes on, and nothing is kept.
 * An error that nobody catches would end this process, and the test with it.
 */

const closing: (() => void)[] = [];
after(() => {
  for (const close of closing) close();
});

function muxFrame(dice: Dice): Buffer {
  const payload = dice.pick([
    () => Buffer.from(JSON.stringify({ path: dice.pick(Object.values(TUNNEL_PATHS)), headers: { authorization: 'Bearer x' } })),
    () => Buffer.from(dice.pick(['{', 'null', '[]', '{"path":1}', '{"status":"x"}', ''])),
    () => dice.bytes(dice.number(40)),
    () => dice.bytes(4),
  ])();
  const head = Buffer.alloc(9);
  head.writeUInt32BE(payload.length, 0);
  head.writeUInt32BE(dice.pick([0, 1, 2, 3, 5, 7, 2 ** 32 - 1]), 4);
  head[8] = dice.pick([0, 1, 2, 3, 4, 5, 16, 16, 16, 17, 18, 19, 20, 21, 22, 23, 99]);
  return Buffer.concat([head, payload]);
}

test('a tunnel peer that says anything ends its connection at most', async () => {
  const carriers: MuxCarrier[] = [];
  const listening = net.createServer((socket) => {
    const accepted: FrameStream[] = [];
    const carrier: MuxCarrier = new MuxCarrier({
      socket,
      dialled: false,
      onStream: (incoming) => {
        if (incoming.path === TUNNEL_PATHS.replay) incoming.refuse(5, 'no');
        else accepted.push(incoming.accept());
        const nothing = () => undefined;
        accepted.at(-1)?.receive({ data: nothing, message: nothing, ended: () => accepted.at(-1)?.end(), broken: nothing });
      },
    });
    carrier.open({ path: '/ours', headers: {} }).catch(() => undefined);
    carriers.push(carrier);
  });
  await once(listening.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => listening.close());
  const { port } = listening.address() as net.AddressInfo;
  const rounds = await fuzz('tunnel peer', async (dice) => {
    const said = Buffer.concat([MUX_PREFACE, ...Array.from({ length: 1 + dice.number(30) }, () => muxFrame(dice))]);
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => undefined);
    socket.resume();
    const gone = once(socket, 'close');
    await once(socket, 'connect');
    for (const chunk of dice.chunks(dice.number(3) ? said : dice.mutate(said))) socket.write(chunk);
    socket.end();
    await within('the connection ends', gone);
    await within('the carrier is gone', Promise.all(carriers.splice(0).map(({ closed }) => closed)));
  });
  assert.ok(rounds > 10);
});

test('a gateway that says anything to a session of an agent leaves no session behind', async () => {
  const runner = new SessionRunner(silentLog());
  const rounds = await fuzz('session stream', async (dice) => {
    const [near, far] = memoryStreams();
    const over = Promise.withResolvers<void>();
    const nothing = () => undefined;
    near.receive({ data: nothing, message: nothing, ended: over.resolve, broken: () => over.resolve() });
    runner.serve(far);
    const open = JSON.stringify({
      session: dice.pick([randomUUID(), 'x', '']),
      protocol: dice.pick(['postgres', 'gopher']),
      connection: 'c',
      user: { id: 'u', email: 'e' },
      settings: { HOST: '127.0.0.1', PORT: '1', USER: 'u' },
      hello: { user: 'u' },
      policy: { revision: 1, guardrails: [], masks: [] },
    });
    for (let left = dice.number(6); left > 0; left--) {
      const payload = dice.pick([Buffer.from(open), dice.mutate(Buffer.from(open)), dice.bytes(dice.number(50))]);
      void near.send(dice.pick(Object.values(FRAME_KINDS)), payload);
    }
    if (dice.number(2)) near.end();
    else near.destroy();
    // A host name that nobody has may be looked for as long as dialling may take.
    await until('no session is left', () => runner.live === 0, 20_000);
  });
  assert.ok(rounds > 10);
});

test('a target that says anything in its login is told as a fault of the target', async () => {
  let say: (dice: Dice) => Buffer[] = () => [];
  let dice: Dice | undefined;
  const to = await ScriptedServer.start((speaker) => {
    for (const chunk of dice ? say(dice) : []) speaker.say(chunk);
    speaker.socket.end();
  });
  closing.push(() => to.close());
  const settings = PostgresSettings.parse({ HOST: '127.0.0.1', PORT: to.port, USER: 'u', PASS: 'p', SSLMODE: 'disable' });
  const login = [
    server.authentication(10, Buffer.from('SCRAM-SHA-256\0\0')),
    server.authentication(11, Buffer.from('r=x,s=c2FsdA==,i=1')),
    server.authentication(12, Buffer.from('v=x')),
    server.authentication(0),
    server.parameter('a', 'b'),
    server.key(),
    server.notice('x'),
    server.error('28P01', 'no'),
    server.ready(),
  ];
  say = (given) => {
    const said = Buffer.concat(Array.from({ length: 1 + given.number(6) }, () => given.pick(login)));
    return given.chunks(given.number(3) ? said : given.mutate(said));
  };
  const rounds = await fuzz('target login', async (given) => {
    dice = given;
    try {
      const target = await within('the login ends', connect({ settings, hello: { user: 'u' }, log: silentLog(), session: sessionFacts() }));
      target.wire.destroy();
    } catch (error) {
      assert.ok(error instanceof AppError && ['target', 'misconfigured'].includes(error.kind), String(error));
    }
  });
  assert.ok(rounds > 10);
});

test('an audit file that anything was done to is verified, scanned and read without a fault of ours', async () => {
  const directory = temporaryDirectory('fuzz-audit');
  const session = randomUUID();
  const log = AuditLog.open({ directory, log: silentLog(), segmentBytesMax: 2_000 });
  for (let number = 0; number < 30; number++) await log.durable(log.append(session, Buffer.from(`{"type":"action","seq":${number}}`)));
  const head = log.forget(session);
  await log.close();
  const whole = new Map(listSegments(directory).map((segment) => [segment, fs.readFileSync(segmentPath(directory, segment))]));
  const segments = [...whole.keys()];
  const rounds = await fuzz('audit file', (dice) => {
    const segment = dice.pick(segments);
    const sound = whole.get(segment) ?? Buffer.alloc(0);
    const damaged = dice.mutate(sound);
    const file = segmentPath(directory, segment);
    fs.writeFileSync(file, damaged);
    const heads = head ? [{ session, position: head }] : [];
    assert.equal(verifyLog(directory, heads).damage === undefined, damaged.equals(sound));
    scanSegment(directory, segment, undefined, () => undefined);
    fs.writeFileSync(file, sound);
  });
  assert.ok(rounds > 10);
  assert.ok(fs.existsSync(join(directory, 'audit-00000001.log')));
});
