import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { encodeShown } from '@hoop/contract/shown';
import { EVENT_FLAGS, FRAME_KINDS } from '@hoop/contract/tunnel';
import { PeerFault } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { AuditLog } from '@hoop/store/audit/audit-log';
import { memoryStreams } from '@hoop/tunnel/memory';
import type { FrameStream } from '@hoop/tunnel/stream';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { SessionPipe } from './session-pipe.ts';

const EVENT = Buffer.concat([
  Buffer.from([EVENT_FLAGS.action | EVENT_FLAGS.outcome, 0, 0, 0, 7]),
  Buffer.from('{"type":"action","seq":1,"via":"query","text":"select 1","verdict":"allow","outcome":{"rows":7,"bytes":1,"duration_us":1}}'),
]);

interface Ends {
  readonly audit: AuditLog;
  readonly session: string;
  /** The far end of the client's wire. */
  readonly client: StreamWire;
  readonly agent: FrameStream;
  /** What the client was given, with whether its record was written by then. */
  readonly given: { readonly text: string; readonly written: boolean }[];
  readonly over: Promise<unknown>;
  readonly pipe: SessionPipe;
}

async function withPipe(auditSync: 'kernel' | 'disk', work: (ends: Ends) => Promise<void>, transcriptBytesMax?: number): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'hoop-pipe-'));
  const audit = AuditLog.open({ directory: home, log: silentLog() });
  const [inside, outside] = memoryStreams();
  const [gatewaySide, agent] = memoryStreams();
  const wire = new StreamWire(inside, 'test');
  const session = randomUUID();
  const given: { text: string; written: boolean }[] = [];
  const real = wire.write.bind(wire);
  let appended = 0;
  const append = audit.append.bind(audit);
  mock.method(audit, 'append', (...args: Parameters<typeof append>) => (appended = append(...args)));
  mock.method(wire, 'write', (bytes: Buffer) => {
    given.push({ text: bytes.toString(), written: audit.isWritten(appended) });
    return real(bytes);
  });
  const pipe = new SessionPipe({
    session,
    client: wire,
    stream: gatewaySide,
    audit,
    auditSync,
    transcriptBytesMax,
    boundaries: true,
    refuse: (error) => Buffer.from(`refused ${error.code}`),
  });
  const over = pipe.run();
  agent.receive({ data: () => undefined, message: () => undefined, ended: () => agent.end(), broken: () => undefined });
  void agent.send(FRAME_KINDS.ready, Buffer.alloc(0));
  try {
    await work({ audit, session, client: new StreamWire(outside, 'test'), agent, given, over, pipe });
  } finally {
    mock.restoreAll();
    await audit.close();
    rmSync(home, { recursive: true, force: true });
  }
}

for (const auditSync of ['kernel', 'disk'] as const) {
  test(`no answer leaves before the record of its action is written (${auditSync})`, () =>
    withPipe(auditSync, async ({ client, agent, given, audit, session, pipe }) => {
      void agent.send(FRAME_KINDS.event, EVENT);
      void agent.send(FRAME_KINDS.data, Buffer.from('answer'));
      assert.equal((await client.read())?.toString(), 'answer');
      assert.deepEqual(given, [{ text: 'answer', written: true }]);
      assert.equal(audit.recordsOf(session).length, 1);
      assert.deepEqual([pipe.counts.actions, pipe.counts.rows], [1, 7]);
    }));
}

test('an answer whose record cannot be written never leaves, and the session ends', () =>
  withPipe('kernel', async ({ agent, given, over, audit }) => {
    const disk = mock.method(fs, 'writeSync', () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
    void agent.send(FRAME_KINDS.event, EVENT);
    void agent.send(FRAME_KINDS.data, Buffer.from('answer'));
    const reason = await over;
    disk.mock.restore();
    assert.equal((reason as { code?: string }).code, 'audit_broken');
    assert.deepEqual(given, []);
    assert.ok(audit.broken);
  }));

test('answers keep their order, whether they waited or not', () =>
  withPipe('kernel', async ({ client, agent, given }) => {
    void agent.send(FRAME_KINDS.data, Buffer.from('1'));
    void agent.send(FRAME_KINDS.event, EVENT);
    for (const text of ['2', '3', '4']) void agent.send(FRAME_KINDS.data, Buffer.from(text));
    let read = '';
    while (read.length < 4) read += (await client.read())?.toString();
    assert.equal(read, '1234');
    assert.ok(given.every(({ written }) => written));
  }));

test('the last answer leaves before the end of its session', () =>
  withPipe('kernel', async ({ client, agent, over }) => {
    void agent.send(FRAME_KINDS.event, EVENT);
    void agent.send(FRAME_KINDS.data, Buffer.from('last words'));
    agent.end();
    assert.equal((await client.read())?.toString(), 'last words');
    assert.equal(await over, undefined);
  }));

test('a client whose agent is lost is told so behind the last whole message', () =>
  withPipe('kernel', async ({ client, agent, over }) => {
    void agent.send(FRAME_KINDS.event, EVENT);
    void agent.send(FRAME_KINDS.data, Buffer.from('whole '));
    let heard = String(await client.read());
    agent.destroy();
    for (let chunk = await client.read(); chunk; chunk = await client.read()) heard += chunk.toString();
    assert.equal(heard, 'whole refused agent_lost');
    assert.equal(((await over) as { code?: string } | undefined)?.code, 'agent_lost');
  }));

test('nothing is said in the middle of a message, whoever is lost', () =>
  withPipe('kernel', async ({ client, agent, over }) => {
    void agent.send(FRAME_KINDS.data, Buffer.from('hal'));
    void agent.send(FRAME_KINDS.partial, Buffer.alloc(0));
    let heard = String(await client.read());
    await new Promise((resolve) => setImmediate(resolve));
    agent.destroy();
    for (let chunk = await client.read(); chunk; chunk = await client.read()) heard += chunk.toString();
    assert.equal(heard, 'hal');
    assert.equal(((await over) as { code?: string } | undefined)?.code, 'agent_lost');
  }));

test('what a client asked last is on record even when the agent dies before it told of it', () =>
  withPipe('kernel', async ({ client, agent, over, audit, session }) => {
    void client.write(Buffer.from('delete from accounts'));
    await new Promise((resolve) => setImmediate(resolve));
    agent.destroy(new PeerFault('stream_lost', 'gone'));
    assert.equal(((await over) as { code?: string }).code, 'agent_lost');
    const [record] = audit.recordsOf(session);
    assert.deepEqual(record?.event, { type: 'input', bytes: 20, data: Buffer.from('delete from accounts').toString('base64') });
  }));

/** What the log has of what was shown. */
const shownIn = ({ audit, session }: Ends): string =>
  audit
    .recordsOf(session)
    .map(({ event }) => (event.type === 'output' ? Buffer.from(event.data, 'base64').toString() : `[${event.type}]`))
    .join('');

for (const auditSync of ['kernel', 'disk'] as const) {
  test(`what a client is shown is on record before it is shown, where the protocol wants it (${auditSync})`, () =>
    withPipe(
      auditSync,
      async (ends) => {
        const { client, agent, given, over } = ends;
        for (const text of ['one ', 'two ', 'three']) void agent.send(FRAME_KINDS.data, Buffer.from(text));
        agent.end();
        let read = '';
        while (read.length < 13) read += (await client.read())?.toString();
        await over;
        assert.equal(read, 'one two three');
        assert.ok(given.every(({ written }) => written));
        assert.equal(shownIn(ends), 'one two three');
      },
      1_000_000,
    ));
}

test('a transcript that reaches its limit says so once, and the client still sees everything', () =>
  withPipe(
    'kernel',
    async (ends) => {
      for (let piece = 0; piece < 10; piece++) {
        void ends.agent.send(FRAME_KINDS.data, Buffer.alloc(500, String(piece)));
        await ends.client.read();
      }
      ends.agent.end();
      await ends.over;
      assert.equal(ends.given.length, 10);
      assert.equal(shownIn(ends), `${'0'.repeat(500)}${'1'.repeat(500)}[transcript.cut]`);
    },
    1_200,
  ));

test('what is typed at a terminal is not on record, even when the agent dies', () =>
  withPipe(
    'kernel',
    async ({ client, agent, over, audit, session }) => {
      void client.write(Buffer.from('hunter2'));
      await new Promise((resolve) => setImmediate(resolve));
      agent.destroy(new PeerFault('stream_lost', 'gone'));
      assert.equal(((await over) as { code?: string }).code, 'agent_lost');
      assert.deepEqual(audit.recordsOf(session), []);
    },
    1_000_000,
  ));

test('a transcript that cannot be written is not shown either', () =>
  withPipe(
    'kernel',
    async ({ agent, given, over }) => {
      mock.method(fs, 'writeSync', () => {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      });
      void agent.send(FRAME_KINDS.data, Buffer.from('never'));
      assert.equal(((await over) as { code?: string }).code, 'audit_broken');
      assert.deepEqual(given, []);
    },
    1_000_000,
  ));

test('what a client asked for that is lost has its end in the record', () =>
  withPipe('kernel', async ({ client, agent, over, audit, session }) => {
    agent.receive({
      data: () => undefined,
      message: (kind) => {
        if (kind !== FRAME_KINDS.fail) return;
        void agent.send(FRAME_KINDS.event, EVENT);
        agent.end();
      },
      ended: () => agent.end(),
      broken: () => undefined,
    });
    client.destroy();
    assert.equal(((await over) as { code?: string }).code, 'client_lost');
    assert.equal(audit.recordsOf(session).length, 1);
  }));

test('a session whose client is lost does not wait for an agent that says nothing', () =>
  withPipe('kernel', async ({ client, over }) => {
    client.destroy();
    assert.equal(((await over) as { code?: string }).code, 'client_lost');
  }));

test('what a terminal inside of the session shows is written before the client has it', () =>
  withPipe('kernel', async ({ agent, audit, session, client, given }) => {
    const size = { columns: 80, rows: 24 };
    void agent.send(FRAME_KINDS.shown, Buffer.from(encodeShown({ stream: 'stdout', seq: 3, bytes: Buffer.from('$ ls'), size })));
    void agent.send(FRAME_KINDS.data, Buffer.from('wrapped $ ls'));
    assert.equal((await client.read())?.toString(), 'wrapped $ ls');
    assert.deepEqual(given, [{ text: 'wrapped $ ls', written: true }]);
    const data = Buffer.from('$ ls').toString('base64');
    assert.deepEqual(
      audit.recordsOf(session).map(({ event }) => event),
      [{ type: 'output', bytes: 4, data, stream: 'stdout', seq: 3, size }],
    );
  }));

test('a recording that cannot be read ends the session', () =>
  withPipe('kernel', async ({ agent, over }) => {
    void agent.send(FRAME_KINDS.shown, Buffer.from([9, 9]));
    // As after anything of the agent's that cannot be read: its stream is given up.
    assert.equal(((await over) as { code?: string }).code, 'agent_lost');
  }));
