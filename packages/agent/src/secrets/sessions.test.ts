import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FRAME_KINDS } from '@hoop/contract/tunnel';
import { silentLog } from '@hoop/core/log';
import { server } from '@hoop/protocols/postgres/testing/messages';
import { ScriptedServer, type Speaker } from '@hoop/protocols/postgres/testing/scripted-server';
import { memoryStreams } from '@hoop/tunnel/memory';
import type { FrameStream } from '@hoop/tunnel/stream';
import { SessionRunner } from '../runner.ts';
import { secretsWith } from '../testing/secrets-env.ts';

let base = '';
let runner: SessionRunner;
const servers: ScriptedServer[] = [];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sessions-test-'));
  runner = new SessionRunner(silentLog(), secretsWith({ SHOP: '{"pass":"hunter2"}' }, { base }));
});
afterEach(async () => {
  await runner.drain(0);
  for (const each of servers.splice(0)) each.close();
  rmSync(base, { recursive: true });
});

async function target(...behaviours: ((speaker: Speaker) => unknown)[]): Promise<ScriptedServer> {
  const started = await ScriptedServer.start(...behaviours);
  servers.push(started);
  return started;
}

const files = (): number => readdirSync(base, { recursive: true }).filter((path) => /\/s-\w+\/\w+$/.test(String(path))).length;

async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Opens a session that brings a file; gives the gateway's end of it, and what it heard there. */
function open(to: ScriptedServer, PASS: string): { stream: FrameStream; heard: string[] } {
  const [near, far] = memoryStreams();
  const heard: string[] = [];
  near.receive({
    data: () => undefined,
    message: (kind, payload) => void heard.push(kind === FRAME_KINDS.ready ? 'ready' : payload.toString()),
    ended: () => void heard.push('ended'),
    broken: () => void heard.push('broken'),
  });
  runner.serve(far);
  const message = {
    session: randomUUID(),
    protocol: 'postgres',
    connection: 'shop',
    user: { id: 'u', email: 'a@b.c' },
    settings: { HOST: '127.0.0.1', PORT: String(to.port), USER: 'app', SSLMODE: 'disable', PASS },
    files: { SSLROOTCERT: Buffer.from('PEM').toString('base64') },
    hello: { user: 'x', cancelKey: '0000000100000002' },
    policy: { revision: 1, guardrails: [], masks: [] },
  };
  void near.send(FRAME_KINDS.open, Buffer.from(JSON.stringify(message)));
  return { stream: near, heard };
}

const trusting = async (speaker: Speaker): Promise<void> => {
  await speaker.startup();
  speaker.say(server.authentication(0), server.key(), server.ready());
};

/** Asks for the password in clear text, and does not like it. */
const refusing = async (speaker: Speaker): Promise<void> => {
  await speaker.startup();
  speaker.say(server.authentication(3));
  await speaker.message();
  speaker.say(server.error('28P01', 'wrong'));
};

describe('a session with secrets', () => {
  test('has its file while it lasts', async () => {
    const to = await target(trusting);
    const { stream, heard } = open(to, 'plain');
    await eventually('it is ready', () => heard.includes('ready'));
    assert.equal(files(), 1);
    stream.end();
    await eventually('its file is gone', () => files() === 0);
  });

  test('loses its file in a drain, and when its target does not let it in', async () => {
    const to = await target(trusting, refusing);
    const first = open(to, 'plain');
    await eventually('it is ready', () => first.heard.includes('ready'));
    const second = open(to, '_envjson:SHOP:pass');
    await eventually('the second one failed', () => second.heard.includes('ended'));
    assert.match(second.heard.join(), /target_login|password/);
    assert.match(String(to.heard[1]), /hunter2/);
    assert.equal(files(), 1);
    await runner.drain(0);
    assert.deepEqual(readdirSync(base), []);
  });

  test('whose secret cannot be had is told why, and its target is not dialled', async () => {
    const to = await target(trusting);
    const { heard } = open(to, '_envjson:SHOP:nosuch');
    await eventually('it is over', () => heard.includes('ended'));
    const { kind, code, message } = JSON.parse(heard[0] ?? '');
    assert.deepEqual([kind, code], ['misconfigured', 'secret_not_found']);
    assert.equal(message, 'PASS of the connection shop is _envjson:SHOP:nosuch, and there is no key nosuch in it; add it, or name another');
    assert.deepEqual([to.heard.length, files(), runner.live], [0, 0, 0]);
  });
});
