import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FRAME_KINDS, type GuardrailRule, OpenMessage, type PolicyMessage } from '@hoop/contract/tunnel';
import { systemClock } from '@hoop/core/clock';
import type { Identity } from '@hoop/core/identity';
import { silentLog } from '@hoop/core/log';
import type { Accepted } from '@hoop/core/protocol';
import { AuditLog } from '@hoop/store/audit/audit-log';
import type { ConnectionRow } from '@hoop/store/connections';
import { openStore, type Store } from '@hoop/store/store';
import { memoryStreams } from '@hoop/tunnel/memory';
import { MemoryAgentLink } from '@hoop/tunnel/memory-link';
import type { FrameStream } from '@hoop/tunnel/stream';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { Engine, type Grant, type SessionRequest, type SessionResult } from './engine.ts';
import { AgentHub } from './hub.ts';
import { ReviewDesk } from './reviews.ts';
import { targetOf } from './target-secrets.ts';
import { scratchDirectory } from './testing/fixtures.ts';

const ADMIN: Identity = {
  userId: 'admin@example.test',
  email: 'admin@example.test',
  name: 'A',
  groups: [],
  isAdmin: true,
  isAuditor: false,
};
/** Users may be named by their e-mail where an id is asked for. */
const NOBODY: Identity = { ...ADMIN, userId: 'nobody@example.test', email: 'nobody@example.test', isAdmin: false };
const GONE: Identity = { ...NOBODY, userId: 'gone@example.test', email: 'gone@example.test' };

/** The agent's end of the sessions, as a test plays it. */
class Agent {
  readonly heard: string[] = [];
  readonly streams: FrameStream[] = [];
  /** Does not answer when false. */
  ready = true;
  #opened: (() => void) | undefined;

  serve(stream: FrameStream): void {
    this.streams.push(stream);
    stream.receive({
      data: (bytes) => void this.heard.push(`data ${bytes}`),
      message: (kind, payload) => {
        if (kind === FRAME_KINDS.open) {
          const { session, policy } = OpenMessage.parse(JSON.parse(payload.toString()));
          this.heard.push(`open ${session} ${policy.guardrails.length}`);
          if (this.ready) void stream.send(FRAME_KINDS.ready, Buffer.alloc(0));
          this.#opened?.();
        } else this.heard.push(`${kind} ${payload}`);
      },
      ended: () => stream.end(),
      broken: () => void this.heard.push('broken'),
    });
  }

  opened(): Promise<void> {
    return new Promise((resolve) => {
      this.#opened = resolve;
    });
  }

  cancel(session: string): void {
    this.heard.push(`cancel ${session}`);
  }

  changePolicy(sessions: readonly string[], policy: PolicyMessage): void {
    this.heard.push(`policy ${sessions.join()} ${policy.guardrails.map(({ name }) => name).join()}`);
  }

  linkLost(): void {}

  takeUnconfirmed(): [] {
    return [];
  }
}

const scratch = scratchDirectory();
after(() => scratch[Symbol.dispose]());

let store: Store;
let audit: AuditLog;
let hub: AgentHub;
let engine: Engine;
let desk: ReviewDesk;
let agent: Agent;
let connection: ConnectionRow;
const metrics = {
  sessionOpened: () => undefined,
  sessionClosed: () => undefined,
  action: () => undefined,
  bytes: () => undefined,
  masked: () => undefined,
};

beforeEach(async () => {
  const home = `${scratch.path}/${randomUUID()}`;
  const log = silentLog();
  store = await openStore({ home, encryptionKey: Buffer.alloc(32, 7), log });
  audit = AuditLog.open({ directory: `${home}/audit`, log });
  hub = new AgentHub({ log, onChange: () => undefined });
  agent = new Agent();
  const row = await store.agents.create({ name: 'one', mode: 'standard', keyHash: 'x' });
  hub.attach(
    new MemoryAgentLink(
      row.id,
      'one',
      { version: 1, product: '', hostname: '', platform: '', kernel: '', machine: '', protocols: [], features: [], mode: 'standard' },
      agent,
    ),
  );
  for (const { email, name } of [ADMIN, NOBODY, GONE]) await store.users.create({ email, name, groups: [], status: 'active' });
  connection = await store.connections.create({ name: 'shop', type: 'database', subtype: 'postgres', agentId: row.id, secrets: {} });
  desk = new ReviewDesk({ store, gatewayId: 'here', clock: systemClock, log });
  engine = new Engine({
    reviews: desk,
    reviewUrl: () => undefined,
    store,
    hub,
    audit,
    log,
    clock: systemClock,
    metrics,
    gatewayId: 'here',
    auditSync: 'kernel',
    isTranscribed: () => false,
  });
});

afterEach(async () => {
  await engine.drain(0);
  await audit.close().catch(() => undefined);
  await store.close();
});

interface Client {
  readonly wire: StreamWire;
  readonly over: Promise<SessionResult>;
}

function comes(grant: Partial<Grant> = {}, cancelKey?: string, request: Partial<SessionRequest> = {}): Client {
  const [inside, outside] = memoryStreams();
  const accepted: Accepted<Grant> = {
    wire: new StreamWire(inside, 'test:1'),
    grant: { identity: ADMIN, connection, ...grant },
    hello: { user: 'x', ...(cancelKey ? { cancelKey } : {}) },
    refuse: (error) => Buffer.from(`refused: ${error.code}: ${error.message}`),
  };
  return { wire: new StreamWire(outside, 'far'), over: engine.open(accepted, { verb: 'connect', origin: 'native', ...request }) };
}

const words = async ({ wire }: Client): Promise<string> => String((await wire.read()) ?? '');

async function eventsOf(session: string): Promise<string[]> {
  const [segment = 0, offset = 0] = ((await store.sessions.get(session))?.auditHead ?? '').split(':').map(Number);
  return audit
    .recordsOf(session, { segment, offset })
    .map(({ event }) => (event.type === 'session.close' ? `${event.type} ${event.reason}` : event.type));
}

describe('opening a session', () => {
  test('makes its row and first record before the agent hears of it, and closes both at the end', async () => {
    const opened = agent.opened();
    const client = comes();
    await opened;
    const [open] = await store.sessions.openOnes('here');
    assert.ok(open);
    assert.deepEqual([open.userEmail, open.connection, open.status, open.origin], ['admin@example.test', 'shop', 'open', 'native']);
    assert.equal(engine.liveCount(), 1);
    client.wire.end();
    const { sessionId, reason } = await client.over;
    assert.deepEqual([sessionId, reason], [open.id, undefined]);
    const row = await store.sessions.get(sessionId);
    assert.deepEqual([row?.status, row?.endReason, row?.exitCode], ['done', 'client_left', 0]);
    assert.deepEqual(await eventsOf(sessionId), ['session.open', 'session.close client_left']);
    assert.equal(engine.liveCount(), 0);
  });

  for (const [what, grant, code] of [
    [
      'whose connect mode is off',
      () => ({ connection: { ...connection, accessModes: { connect: false, exec: true, runbooks: true } } }),
      'access_mode_disabled',
    ],
    ['of a type that nothing speaks', () => ({ connection: { ...connection, subtype: 'gopher' } }), 'unsupported'],
    ['without an agent', () => ({ connection: { ...connection, agentId: '' } }), 'agent_offline'],
    ['whose agent is away', () => ({ connection: { ...connection, agentId: randomUUID() } }), 'agent_offline'],
  ] as const) {
    test(`on a connection ${what} is refused with words, and nothing is dialled`, async () => {
      const client = comes(grant());
      assert.match(await words(client), new RegExp(`^refused: ${code}: `));
      assert.equal((await client.over).reason?.code, code);
      assert.deepEqual(agent.heard, []);
      assert.equal(engine.liveCount(), 0);
      assert.deepEqual(await store.sessions.openOnes('here'), []);
    });
  }

  test('with a secret that was revoked since the login is refused', async () => {
    const user = await store.users.create({ email: 'u@example.test', name: 'U', groups: [], status: 'active' });
    const id = randomUUID();
    await store.credentials.insert({
      id,
      userId: user.id,
      connectionId: connection.id,
      protocol: 'postgres',
      secretHash: 'h',
      expireAt: null,
    });
    await store.credentials.revoke(id);
    const client = comes({ credentialId: id });
    assert.match(await words(client), /credential_revoked/);
    await client.over;
    assert.deepEqual(agent.heard, []);
  });

  test('with a secret whose time is over ends at once', async () => {
    const client = comes({ expireAt: Date.now() - 1 });
    assert.equal((await client.over).reason?.code, 'credential_expired');
  });

  test('is refused when nothing can be recorded', async () => {
    await audit.close();
    const client = comes();
    assert.match(await words(client), /audit_closed/);
    await client.over;
    assert.deepEqual(agent.heard, []);
  });
});

describe('ending sessions', () => {
  async function open(grant: Partial<Grant> = {}): Promise<Client & { id: string }> {
    const before = agent.heard.length;
    const opened = agent.opened();
    const client = comes(grant);
    await opened;
    return { ...client, id: agent.heard[before]?.split(' ')[1] ?? '' };
  }

  test('is for their owner and for admins, and for nobody else', async () => {
    const [one, two] = [await open({ identity: NOBODY }), await open({ identity: NOBODY })];
    assert.throws(() => engine.kill(one.id, { ...NOBODY, userId: 'another' }), /Only its owner or an administrator/);
    assert.equal(engine.kill(randomUUID(), ADMIN), false);
    assert.equal(engine.kill(one.id, NOBODY), true);
    assert.equal(engine.kill(two.id, ADMIN), true);
    assert.match((await one.over).reason?.message ?? '', /ended by nobody@example.test/);
    assert.equal((await two.over).reason?.code, 'session_killed');
  });

  test('tells the agent, who has the words, and does not wait for one that has none', async () => {
    const { id, over } = await open();
    engine.kill(id, ADMIN);
    assert.equal((await over).reason?.code, 'session_killed');
    assert.ok(agent.heard.some((each) => each.startsWith('4 {"kind":"refusal","code":"session_killed"')));
    assert.ok(agent.heard.includes('broken'));
  });

  test('of a client whose target is not ready yet is told by the gateway', async () => {
    agent.ready = false;
    const client = await open();
    engine.kill(client.id, ADMIN);
    assert.match(await words(client), /refused: session_killed/);
    assert.equal((await client.over).reason?.code, 'session_killed');
  });

  test('comes before their beginning for whoever lost the right since the login, however long the client took', async () => {
    const stale = { ...connection };
    await store.users.update(GONE.userId, { status: 'inactive' });
    assert.equal((await comes({ identity: GONE }).over).reason?.code, 'user_deactivated');
    await store.users.delete(GONE.userId);
    assert.equal((await comes({ identity: GONE }).over).reason?.code, 'user_deactivated');
    await store.connections.update('shop', { accessModes: { connect: false } });
    assert.equal((await comes({ connection: stale }).over).reason?.code, 'connection_closed');
    await store.connections.delete('shop');
    assert.equal((await comes({ connection: stale }).over).reason?.code, 'connection_closed');
    assert.deepEqual(agent.heard, []);
  });

  test('finds those of a user, of a connection, of a secret', async () => {
    const another = await store.connections.create({ name: 'another', type: 'database', subtype: 'postgres', agentId: connection.agentId });
    const others = await open({ identity: NOBODY, connection: another });
    const ofUser = await open({ identity: GONE, connection: another });
    const ofConnection = await open();
    const ofSecret = await open({ connection: another, credentialId: 'secret-1' });
    engine.endSessionsOfUser(GONE.userId);
    engine.endSessionsOfConnection(connection.id);
    engine.revokeCredential('secret-1');
    const codes = await Promise.all([ofUser, ofConnection, ofSecret].map(async ({ over }) => (await over).reason?.code));
    assert.deepEqual(codes, ['user_deactivated', 'connection_closed', 'credential_revoked']);
    assert.equal(engine.liveCount(), 1);
    others.wire.end();
    await others.over;
  });

  test('drains: what is open may finish, what is left at the deadline is ended, nothing new comes in', async () => {
    const [finishing, staying] = [await open(), await open()];
    const drained = engine.drain(50);
    const late = comes();
    assert.match(await words(late), /gateway_draining/);
    finishing.wire.end();
    assert.equal((await finishing.over).reason, undefined);
    assert.equal((await staying.over).reason?.code, 'gateway_draining');
    await drained;
    assert.equal(engine.liveCount(), 0);
  });
});

describe('an agent that is older than approvals', () => {
  const refusal = async (more: Partial<Grant>, request: Partial<SessionRequest> = {}): Promise<string> => {
    const reason = (await comes(more, undefined, request).over).reason;
    return `${reason?.code}: ${reason?.message}`;
  };

  test('does not get sessions whose rules may hold something', async () => {
    const rule: GuardrailRule = { type: 'deny_words_list', words: ['x'], pattern_regex: '', message: '', action: 'require_approval' };
    await store.guardrails.create({ name: 'held', input: [rule], connectionIds: [connection.id] });
    assert.match(await refusal({}), /^agent_too_old: shop needs approvals.*update the agent$/);
    assert.deepEqual(
      agent.heard.filter((each) => each.startsWith('open')),
      [],
    );
  });

  test('does not get a command of a connection with reviewers, whose text comes only later', async () => {
    const reviewed = await store.connections.update('shop', { reviewers: ['dba'] });
    assert.ok(reviewed);
    assert.match(await refusal({ connection: reviewed }, { verb: 'exec' }), /^agent_too_old/);
    assert.equal(desk.waiting, 0);
  });

  test('gets a session that people approve before it opens', async () => {
    const reviewed = await store.connections.update('shop', { reviewers: ['dba'] });
    assert.ok(reviewed);
    const opened = agent.opened();
    const client = comes({ connection: reviewed, identity: NOBODY });
    let review = (await store.reviews.list()).rows[0];
    while (!review) {
      await setImmediate();
      review = (await store.reviews.list()).rows[0];
    }
    await desk.decide(review, ADMIN, { status: 'APPROVED' });
    await desk.changed(review.id);
    await opened;
    assert.deepEqual(await eventsOf(review.sessionId), ['session.open', 'decision']);
    engine.kill(review.sessionId, ADMIN);
    await client.over;
  });

  test('A38: nobody gets past reviewers with what they knew of the connection before there were any', async () => {
    const stale = { ...connection };
    await store.connections.update('shop', { reviewers: ['dba'] });
    assert.match(await refusal({ connection: stale }), /^connection_closed/);
  });
});

describe('cancel keys', () => {
  test('are as long as asked, positive in their first part, and never the same', () => {
    const keys = Array.from({ length: 200 }, () => engine.mintCancelKey(36));
    assert.equal(new Set(keys).size, keys.length);
    for (const key of keys) {
      assert.equal(key.length, 72);
      assert.ok(Buffer.from(key, 'hex').readInt32BE(0) >= 0);
    }
  });

  test('lead to their own session while it lives, and nowhere otherwise', async () => {
    const key = engine.mintCancelKey(8);
    engine.cancel(key);
    const opened = agent.opened();
    const client = comes({}, key);
    await opened;
    engine.cancel(engine.mintCancelKey(8));
    engine.cancel(key.toUpperCase());
    engine.cancel(key);
    assert.deepEqual(
      agent.heard.filter((each) => each.startsWith('cancel')).map((each) => each.split(' ')[1]),
      [agent.heard[0]?.split(' ')[1]],
    );
    client.wire.end();
    await client.over;
    engine.cancel(key);
    assert.equal(agent.heard.filter((each) => each.startsWith('cancel')).length, 1);
  });
});

describe('an agent that is older than rules about answers', () => {
  const limit: GuardrailRule = { type: 'row_limit', words: [], pattern_regex: '', message: '', rows_max: 5 };
  const output: GuardrailRule = { type: 'deny_words_list', words: ['x'], pattern_regex: '', message: '' };

  for (const [what, add] of [
    ['limits of rows', () => store.guardrails.create({ name: 'g', input: [limit], connectionIds: [connection.id] })],
    ['rules on output', () => store.guardrails.create({ name: 'g', output: [output], connectionIds: [connection.id] })],
    ['masked columns', () => store.maskingRules.create({ name: 'm', columns: ['email'], connectionIds: [connection.id] })],
  ] as const) {
    test(`does not get sessions with ${what}, and loses those that get such rules`, async () => {
      const opened = agent.opened();
      const client = comes();
      await opened;
      await add();
      await engine.policyChanged([connection.id]);
      const { reason } = await client.over;
      assert.equal(reason?.code, 'agent_too_old');
      assert.equal(
        agent.heard.some((each) => each.startsWith('policy')),
        false,
      );
      const refused = (await comes().over).reason;
      assert.match(`${refused?.code}: ${refused?.message}`, /^agent_too_old: shop has rules about answers.*update the agent$/);
    });
  }
});

test('changed rules are told to the sessions of their connection, and to no other', async () => {
  const opened = agent.opened();
  const client = comes();
  await opened;
  const id = agent.heard[0]?.split(' ')[1];
  await store.guardrails.create({ name: 'new rule', connectionIds: [connection.id] });
  await engine.policyChanged(['another connection']);
  assert.equal(
    agent.heard.some((each) => each.startsWith('policy')),
    false,
  );
  await engine.policyChanged([connection.id]);
  await engine.policyChanged(undefined);
  assert.deepEqual(
    agent.heard.filter((each) => each.startsWith('policy')),
    [`policy ${id} new rule`, `policy ${id} new rule`],
  );
  client.wire.end();
  await client.over;
});

test('secrets reach the agent by their plain names, and files as files', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  assert.deepEqual(targetOf({ 'envvar:HOST': base64('höst'), 'filesystem:KEY': base64('x'), OTHER: base64('y') }), {
    settings: { HOST: 'höst' },
    files: { KEY: base64('x') },
  });
});
