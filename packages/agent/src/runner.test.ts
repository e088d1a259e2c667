import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { EVENT_HEADER_BYTES, FRAME_KINDS, type FrameKind, type OpenMessage, type PolicyMessage } from '@hoop/contract/tunnel';
import { silentLog } from '@hoop/core/log';
import { client, server } from '@hoop/protocols/postgres/testing/messages';
import { ScriptedServer, type Speaker } from '@hoop/protocols/postgres/testing/scripted-server';
import { startToOptions } from '@hoop/protocols/terminal/start';
import { memoryStreams } from '@hoop/tunnel/memory';
import type { FrameStream } from '@hoop/tunnel/stream';
import { SessionRunner } from './runner.ts';

const NO_RULES: PolicyMessage = { revision: 1, guardrails: [], masks: [] };
/** More than HTTP keeps, which has no rows. */
const LIMITED: PolicyMessage = {
  revision: 2,
  guardrails: [{ name: 'few', input: [{ type: 'row_limit', words: [], pattern_regex: '', message: '', rows_max: 5 }], output: [] }],
  masks: [],
};

const BROKEN_RULES: PolicyMessage = {
  ...NO_RULES,
  guardrails: [{ name: 'broken', input: [{ type: 'pattern_match', words: [], pattern_regex: '(', message: '' }], output: [] }],
};
const denying = (word: string): PolicyMessage => ({
  ...NO_RULES,
  guardrails: [{ name: 'r', input: [{ type: 'deny_words_list', words: [word], pattern_regex: '', message: '' }], output: [] }],
});

const servers: ScriptedServer[] = [];
afterEach(() => {
  for (const each of servers.splice(0)) each.close();
});

/** A server that lets everybody in and answers each query with one row. */
const answering = async (speaker: Speaker): Promise<void> => {
  await speaker.startup();
  speaker.say(server.authentication(0), server.key(), server.ready());
  while (true) {
    await speaker.message();
    speaker.say(server.row('1'), server.complete('SELECT 1'), server.ready());
  }
};

/** One that lets in and never answers. */
const working = async (speaker: Speaker): Promise<void> => {
  await speaker.startup();
  speaker.say(server.authentication(0), server.key(), server.ready());
};

async function target(...behaviours: ((speaker: Speaker) => unknown)[]): Promise<ScriptedServer> {
  const started = await ScriptedServer.start(...behaviours);
  servers.push(started);
  return started;
}

async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The gateway's end of one session. */
class Gateway {
  readonly stream: FrameStream;
  readonly session = randomUUID();
  /** `data TEXT`, `event JSON`, `ready`, `fail JSON`, `ended`, `broken CODE`, in order. */
  readonly heard: string[] = [];

  constructor(runner: SessionRunner) {
    const [near, far] = memoryStreams();
    this.stream = near;
    near.receive({
      data: (bytes) => void this.heard.push(`data ${bytes.toString('latin1')}`),
      message: (kind, payload) => void this.heard.push(shown(kind, payload)),
      ended: () => void this.heard.push('ended'),
      broken: ({ code }) => void this.heard.push(`broken ${code}`),
    });
    runner.serve(far);
  }

  open(to: ScriptedServer, more: Partial<OpenMessage> = {}): void {
    const message: Partial<OpenMessage> = {
      session: this.session,
      protocol: 'postgres',
      connection: 'shop',
      user: { id: 'u', email: 'a@b.c' },
      settings: { HOST: '127.0.0.1', PORT: String(to.port), USER: 'app', SSLMODE: 'disable' },
      hello: { user: 'x', cancelKey: '0000000100000002' },
      policy: NO_RULES,
      ...more,
    };
    void this.stream.send(FRAME_KINDS.open, Buffer.from(JSON.stringify(message)));
  }

  say(bytes: Buffer): void {
    void this.stream.send(FRAME_KINDS.data, bytes);
  }

  fail(code: string): void {
    void this.stream.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify({ kind: 'refusal', code, message: 'because' })));
  }

  has(what: string): boolean {
    return this.heard.some((each) => each.includes(what));
  }

  async hears(what: string): Promise<void> {
    await eventually(`${what} after ${this.heard.join(' | ')}`, () => this.has(what));
  }
}

function shown(kind: FrameKind, payload: Buffer): string {
  if (kind === FRAME_KINDS.event) return `event ${payload.subarray(EVENT_HEADER_BYTES)}`;
  if (kind === FRAME_KINDS.ready) return 'ready';
  return `${kind === FRAME_KINDS.fail ? 'fail' : kind} ${payload}`;
}

const running = (): SessionRunner => new SessionRunner(silentLog());

describe('a session in the agent', () => {
  test('tells what a warning says about the command that the session begins with', async () => {
    const runner = running();
    const gateway = new Gateway(runner);
    const options = startToOptions({ mode: 'pty', args: [], columns: 80, rows: 24, term: 'xterm', timeout_ms: 0 });
    const rule = {
      type: 'deny_words_list' as const,
      words: ['echo'],
      pattern_regex: '',
      message: 'Mind the echo',
      action: 'warn' as const,
    };
    const message: Partial<OpenMessage> = {
      ...{
        session: gateway.session,
        protocol: 'terminal',
        connection: 'tools',
        type: 'custom',
        user: { id: 'u', email: 'a@b.c', groups: [] },
      },
      ...{ settings: {}, command: ['sh', '-c', 'echo works'], hello: { user: '', options } },
      policy: { ...NO_RULES, guardrails: [{ name: 'r', input: [rule], output: [] }] },
    };
    void gateway.stream.send(FRAME_KINDS.open, Buffer.from(JSON.stringify(message)));
    await gateway.hears('works');
    await gateway.hears('ended');
    const first = (what: string): number => gateway.heard.findIndex((each) => each.startsWith('data') && each.includes(what));
    assert.ok(first('Mind the echo') >= 0 && first('Mind the echo') < first('works'), gateway.heard.join(' | '));
  });

  test('says that it is ready, and tells of an action before its answer', async () => {
    const runner = running();
    const gateway = new Gateway(runner);
    gateway.open(await target(answering));
    // Sent at once: it waits until the target is ready.
    gateway.say(client.query('select 1'));
    await gateway.hears('SELECT 1');
    const kinds = gateway.heard.map((each) => each.split(' ')[0]);
    // One event where the answer was quick, two where it was not; all of it in front of the answer.
    assert.match(kinds.join(' '), /^ready data event (event )?data$/);
    const events = gateway.heard.filter((each) => each.startsWith('event ')).map((each) => JSON.parse(each.slice('event '.length)));
    const { type, text, verdict, outcome } = Object.assign({}, ...events.reverse());
    assert.deepEqual([type, text, verdict, outcome.rows], ['action', 'select 1', 'allow', 1]);
    assert.equal(runner.live, 1);
    gateway.stream.end();
    await eventually('the session is over', () => runner.live === 0);
    await gateway.hears('ended');
    assert.equal(gateway.has('fail'), false);
  });

  test('tells of an action that has no answer yet, soon', async () => {
    const gateway = new Gateway(running());
    gateway.open(await target(working));
    gateway.say(client.query('select pg_sleep(1)'));
    await gateway.hears('pg_sleep');
    assert.equal(gateway.has('outcome'), false);
  });

  test('tells of a denied action, and lets nothing of it through', async () => {
    const gateway = new Gateway(running());
    const to = await target(working);
    gateway.open(to, { policy: denying('forbidden') });
    gateway.say(client.query('select forbidden'));
    await gateway.hears('"verdict":"deny"');
    await eventually('something else went in its place', () => to.heard[0]?.includes('hoop_denied_') === true);
    assert.equal(to.heard[0]?.includes('forbidden'), false);
  });

  for (const [what, more, code] of [
    ['a protocol that it does not speak', { protocol: 'gopher' }, 'unsupported'],
    ['settings that are not complete', { settings: { PORT: '1' } }, 'connection_settings'],
    ['rules that it cannot keep', { policy: BROKEN_RULES }, 'invalid_rule'],
    ['rules about answers that the protocol does not keep', { protocol: 'http', policy: LIMITED }, 'invalid_rule'],
    ['masks that it cannot make', { policy: { ...NO_RULES, masks: [{ name: 'm', entities: ['NOBODY_KNOWS'] }] } }, 'invalid_rule'],
  ] as const) {
    test(`does not begin with ${what}, and says so`, async () => {
      const runner = running();
      const gateway = new Gateway(runner);
      const to = await target(working);
      gateway.open(to, more as Partial<OpenMessage>);
      await gateway.hears('ended');
      assert.ok(gateway.has(`"code":"${code}"`), gateway.heard.join());
      assert.equal(gateway.has('ready'), false);
      assert.equal(to.connections, 0);
      assert.equal(runner.live, 0);
    });
  }

  test('does not begin with an opening that cannot be read', async () => {
    for (const payload of ['', '{', 'null', '{"session":1}']) {
      const runner = running();
      const gateway = new Gateway(runner);
      void gateway.stream.send(FRAME_KINDS.open, Buffer.from(payload));
      await gateway.hears('"code":"bad_message"');
      assert.equal(runner.live, 0);
    }
  });

  test('is judged by new rules from when it has them, and ends with those that cannot be kept', async () => {
    const runner = running();
    const gateway = new Gateway(runner);
    gateway.open(await target(answering));
    await gateway.hears('ready');
    runner.changePolicy([gateway.session, 'another'], denying('forbidden'));
    gateway.say(client.query('select forbidden'));
    await gateway.hears('"verdict":"deny"');
    runner.changePolicy([gateway.session], BROKEN_RULES);
    await gateway.hears('"code":"invalid_rule"');
    await eventually('the session is over', () => runner.live === 0);
  });

  test('that is ended hears the words, and what it runs is stopped at the target', async () => {
    const runner = running();
    const gateway = new Gateway(runner);
    const cancelled = Promise.withResolvers<Buffer>();
    const to = await target(working, async (speaker) => {
      cancelled.resolve(await speaker.startup());
      speaker.socket.end();
    });
    gateway.open(to);
    gateway.say(client.query('select pg_sleep(600)'));
    await gateway.hears('pg_sleep');
    gateway.fail('session_killed');
    await gateway.hears('ended');
    const words = gateway.heard.find((each) => each.startsWith('data E')) ?? '';
    assert.match(words, /VFATAL\0C57P01\0Mbecause\0/);
    assert.match(gateway.heard.findLast((each) => each.startsWith('event')) ?? '', /"error":"session ended: session_killed"/);
    assert.equal((await cancelled.promise).toString('hex'), '04d2162e0000002a11223344');
    await eventually('nothing of it is left', () => runner.live === 0 && to.openConnections === 0);
  });

  test('that is ended while nothing runs leaves without a cancel', async () => {
    const runner = running();
    const gateway = new Gateway(runner);
    const to = await target(answering);
    gateway.open(to);
    gateway.say(client.query('select 1'));
    await gateway.hears('SELECT 1');
    gateway.fail('session_killed');
    await gateway.hears('ended');
    await eventually('nothing of it is left', () => to.openConnections === 0);
    assert.equal(to.connections, 1);
  });

  test('lets go of its target when the link breaks, also while it is dialling', async () => {
    const runner = running();
    const to = await target(working);
    for (const wait of [true, false]) {
      const gateway = new Gateway(runner);
      gateway.open(to);
      if (wait) await gateway.hears('ready');
      gateway.stream.destroy();
      await eventually('nothing of it is left', () => runner.live === 0 && to.openConnections === 0);
    }
  });

  test('ends when its target does, with why where something was running', async () => {
    const leaving = async (speaker: Speaker): Promise<void> => {
      await working(speaker);
      await speaker.message();
      speaker.socket.end();
    };
    const runner = running();
    const gateway = new Gateway(runner);
    gateway.open(await target(leaving));
    gateway.say(client.query('select 1'));
    await gateway.hears('"code":"target_closed"');
    assert.ok(gateway.has('VFATAL'));
    assert.equal(runner.live, 0);
  });

  test('ends when its target talks nonsense', async () => {
    const gateway = new Gateway(running());
    gateway.open(
      await target(async (speaker) => {
        await working(speaker);
        speaker.say(server.row('nobody asked'));
      }),
    );
    await gateway.hears('"code":"target_protocol"');
  });

  test('passes a cancel on while something runs, and holds the next statement until it has arrived', async () => {
    const runner = running();
    const gateway = new Gateway(runner);
    const gate = Promise.withResolvers<void>();
    const to = await target(working, async (speaker) => {
      await speaker.startup();
      await gate.promise;
      speaker.socket.end();
    });
    gateway.open(to);
    await gateway.hears('ready');
    runner.cancel(gateway.session);
    runner.cancel('another');
    gateway.say(client.query('select 1'));
    await eventually('it is at the target', () => to.heard[0]?.includes('select 1') === true);
    runner.cancel(gateway.session);
    runner.cancel(gateway.session);
    await eventually('the cancel is at the target', () => to.heard[1]?.length === 16);
    gateway.say(client.query('select 2'));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(to.heard[0]?.includes('select 2'), false);
    gate.resolve();
    await eventually('the next one goes on', () => to.heard[0]?.includes('select 2') === true);
    assert.equal(to.connections, 2);
  });
});

describe('an agent that drains', () => {
  test('waits for what is open, takes nothing new, and tells both', async () => {
    const runner = running();
    const to = await target(answering);
    const open = new Gateway(runner);
    open.open(to);
    await open.hears('ready');
    const drained = runner.drain(10_000);
    const late = new Gateway(runner);
    late.open(to);
    await late.hears('"code":"agent_draining"');
    open.say(client.query('select 1'));
    await open.hears('SELECT 1');
    open.stream.end();
    await drained;
    assert.equal(runner.live, 0);
  });

  test('does not wait for a session that runs nothing', async () => {
    const runner = running();
    const open = new Gateway(runner);
    open.open(await target(answering));
    open.say(client.query('select 1'));
    await open.hears('SELECT 1');
    await runner.drain(60_000);
    assert.ok(open.has('"code":"agent_draining"'));
    assert.equal(runner.live, 0);
  });

  test('ends at the deadline what is left, and stops it at the target before it goes', async () => {
    const runner = running();
    const to = await target(working, async (speaker) => {
      await speaker.startup();
      speaker.socket.end();
    });
    const open = new Gateway(runner);
    open.open(to);
    open.say(client.query('select pg_sleep(600)'));
    await open.hears('pg_sleep');
    await runner.drain(1);
    assert.ok(open.has('"code":"agent_draining"'));
    assert.equal(to.heard[1]?.length, 16);
    assert.equal(runner.live, 0);
  });
});
