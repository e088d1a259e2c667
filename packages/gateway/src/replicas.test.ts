import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { parseDsn } from '@hoop/contract/agent-key';
import { type Client, createClient } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import { type AgentHello, FRAME_KINDS, OpenMessage, type PolicyMessage } from '@hoop/contract/tunnel';
import { Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import { silentLog } from '@hoop/core/log';
import { databases } from '@hoop/store/testing/databases';
import { AgentClient } from '@hoop/tunnel/agent-client';
import type { SessionHost } from '@hoop/tunnel/link';
import { memoryStreams } from '@hoop/tunnel/memory';
import type { FrameStream } from '@hoop/tunnel/stream';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { loadConfig } from './config.ts';
import type { SessionResult } from './engine.ts';
import { NATIVE_VARIABLES, readEnv } from './env.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { encoded, PASSWORD } from './testing/fixtures.ts';

/** What is told on one gateway must have been done on the other by then. */
const SOON_MS = 1_000;

const HELLO: AgentHello = {
  ...{ version: 1, product: '0.1.0', hostname: 'box', platform: 'linux/amd64', kernel: '', machine: '', protocols: [], features: [] },
  mode: 'standard',
};

/** Sessions that got through to an agent. */
const served = new Set<string>();

/** The agent's end, which takes every session and keeps it. */
class Host implements SessionHost {
  readonly policies: PolicyMessage[] = [];

  serve(stream: FrameStream): void {
    stream.receive({
      data: () => undefined,
      message: (kind, payload) => {
        if (kind === FRAME_KINDS.open) {
          void stream.send(FRAME_KINDS.ready, Buffer.alloc(0));
          served.add(OpenMessage.parse(JSON.parse(payload.toString())).session);
        }
        // Why it ends; a real agent tells its client in the protocol's words first.
        else if (kind === FRAME_KINDS.fail) stream.end();
      },
      ended: () => stream.end(),
      broken: () => undefined,
    });
  }

  cancel(): void {}

  changePolicy(_sessions: readonly string[], policy: PolicyMessage): void {
    this.policies.push(policy);
  }

  linkLost(): void {}

  takeUnconfirmed(): [] {
    return [];
  }
}

/** What has to be there before a promise can be tried may take its time on a busy machine. */
const SET_UP_MS_MAX = 20_000;

async function soon(what: string, isSo: () => boolean | Promise<boolean>, within_ms = SOON_MS): Promise<void> {
  const deadline = performance.now() + within_ms;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${within_ms} ms`);
    await setImmediate();
  }
}

function setUp(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  return soon(what, isSo, SET_UP_MS_MAX);
}

const database = databases().find((each) => each.name === 'PostgreSQL');
const homes: string[] = [];
let here: Gateway;
let there: Gateway;
let api: Client;
/** Keys are made there, because each of these two has a certificate of its own making, which a key names. */
let apiThere: Client;
/** Of the administrator, whose sessions they are where nothing else is said. */
let ownId = '';
let agents = 0;

async function start(postgresUri: string, key: string): Promise<Gateway> {
  const home = mkdtempSync(join(tmpdir(), 'hoop-replica-'));
  homes.push(home);
  const ports = Object.fromEntries(Object.values(NATIVE_VARIABLES).map(({ listen }) => [listen, '127.0.0.1:0']));
  const env = { HOOP_HOME: home, API_LISTEN: '127.0.0.1:0', GRPC_LISTEN: '127.0.0.1:0', ...ports };
  const store = { POSTGRES_DB_URI: postgresUri, HOOP_ENCRYPTION_KEY: key };
  return startGateway(loadConfig(readEnv({ ...env, ...store }, false)), silentLog());
}

before(async () => {
  const { postgresUri = '' } = (await database?.place()) ?? {};
  const key = randomBytes(32).toString('base64');
  here = await start(postgresUri, key);
  there = await start(postgresUri, key);
  const body = { email: 'admin@hoop.test', password: PASSWORD };
  const { headers } = await createClient({ baseUrl: here.addresses.apiUrl }).send(routes.register, { body });
  const token = headers.get('token') ?? '';
  api = createClient({ baseUrl: here.addresses.apiUrl, token });
  ownId = (await api.call(routes.getUserInfo)).id;
  apiThere = createClient({ baseUrl: there.addresses.apiUrl, token });
});

after(async () => {
  await here.close();
  await there.close();
  await database?.stop();
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

interface Linked extends AsyncDisposable {
  readonly name: string;
  readonly host: Host;
  /** Resolves when the agent gives up, because its key is worth nothing. */
  readonly over: Promise<unknown>;
  readonly connection: string;
}

/** An agent with a key of its own that is linked to the other gateway, with a connection. */
async function linkThere(): Promise<Linked> {
  const name = `agent-${++agents}`;
  const { token } = await apiThere.call(routes.createAgent, { body: { name } });
  const { id } = await api.call(routes.getAgent, { params: { nameOrID: name } });
  const secret = { 'envvar:HOST': encoded('db'), 'envvar:USER': encoded('u'), 'envvar:PASS': encoded('p') };
  const connection = `pg-${agents}`;
  await api.call(routes.createConnection, { body: { name: connection, type: 'database', subtype: 'postgres', agent_id: id, secret } });
  const host = new Host();
  const client = dial(token, host, HELLO);
  const over = client.run().catch((error: unknown) => error);
  await setUp('the link', async () => (await api.call(routes.getAgent, { params: { nameOrID: name } })).status === 'CONNECTED');
  const dispose = async (): Promise<void> => {
    client.stop();
    await over;
  };
  return { name, host, over, connection, [Symbol.asyncDispose]: dispose };
}

function dial(key: string, host: Host, hello: AgentHello): AgentClient {
  const { pin = '', host: address, port } = parseDsn(key);
  return new AgentClient({ dial: { host: address, port, tls: { pin } }, key, hello, host, log: silentLog() });
}

interface Open {
  readonly id: string;
  /** How it ended. */
  readonly over: Promise<SessionResult>;
}

/** A client on the other gateway, as if it had just logged in there. */
async function comeThere(connectionName: string, more: { userId?: string; credentialId?: string } = {}): Promise<Open> {
  const connection = await there.store.connections.get(connectionName);
  assert.ok(connection);
  const [inside, outside] = memoryStreams();
  void leaveWithTheGateway(new StreamWire(outside, 'far'));
  const { userId = ownId, ...rest } = more;
  const id = randomUUID();
  const identity: Identity = { userId, email: 'u@hoop.test', name: 'u', groups: [], isAdmin: false, isAuditor: false };
  const over = there.engine.open(
    {
      wire: new StreamWire(inside, 'test:1'),
      grant: { identity, connection, ...rest },
      hello: { user: 'x' },
      refuse: () => Buffer.alloc(0),
    },
    { id, verb: 'connect', origin: 'native' },
  );
  return { id, over };
}

/** Its session, once that has got through to the agent. */
async function openThere(...client: Parameters<typeof comeThere>): Promise<Open> {
  const session = await comeThere(...client);
  await setUp('the session', () => served.has(session.id));
  return session;
}

/** A client that listens, and hangs up when it is hung up on. */
async function leaveWithTheGateway(wire: StreamWire): Promise<void> {
  while (await wire.read());
  wire.end();
}

async function endsSoon({ over }: Open, code: string): Promise<void> {
  const started = performance.now();
  assert.equal((await over).reason?.code, code);
  assert.ok(performance.now() - started < SOON_MS);
}

describe('two gateways on one store', () => {
  test('both show an agent that is linked to one of them, and its connection as online', async () => {
    await using linked = await linkThere();
    const agent = await api.call(routes.getAgent, { params: { nameOrID: linked.name } });
    assert.deepEqual([agent.status, agent.hostname], ['CONNECTED', 'box']);
    assert.equal((await api.call(routes.getConnection, { params: { nameOrID: linked.connection } })).status, 'online');
    const exec = api.call(routes.execSession, { body: { connection: linked.connection, script: 'select 1' } });
    await assert.rejects(exec, /linked to another gateway; connect to that one/);
  });

  test('a deleted agent’s link and sessions end on the other one within a second, and its key is worth nothing there', async () => {
    await using linked = await linkThere();
    const session = await openThere(linked.connection);
    await api.call(routes.deleteAgent, { params: { nameOrID: linked.name } });
    await endsSoon(session, 'agent_lost');
    const error = await linked.over;
    assert.ok(error instanceof Refusal, String(error));
  });

  test('the revoked organization key ends every agent that came with it there', async () => {
    const { id, key } = await apiThere.call(routes.createOrgKey);
    const names = ['app-1', 'app-2', 'app-3'];
    const clients = names.map((name) => {
      const declares = { name, type: 'custom', subtype: '', command: ['sh'], reviewers: [], redact_types: [] };
      return dial(key, new Host(), { ...HELLO, mode: 'embedded', declares });
    });
    const over = clients.map((client) => client.run().catch((error: unknown) => error));
    const online = async (): Promise<number> => {
      const connections = await api.call(routes.listConnections, { query: { agent_id: id } });
      return connections.filter(({ status, managed_by }) => status === 'online' && managed_by === 'hoopagent').length;
    };
    await setUp('three connections', async () => (await online()) === names.length);
    clients[0]?.stop();
    await soon('one less', async () => (await online()) === names.length - 1);
    const session = await openThere('app-2');
    await api.call(routes.deleteOrgKey);
    await endsSoon(session, 'agent_lost');
    for (const error of (await Promise.all(over)).slice(1)) assert.ok(error instanceof Refusal, String(error));
    assert.equal(await online(), 0);
  });

  test('a decision here lets a session open that waits there, or refuses it', async () => {
    await using linked = await linkThere();
    const email = `boss-${linked.name}@hoop.test`;
    await api.call(routes.createUser, { body: { email, password: PASSWORD, groups: ['admin'] } });
    const login = await createClient({ baseUrl: here.addresses.apiUrl }).send(routes.login, { body: { email, password: PASSWORD } });
    const boss = createClient({ baseUrl: here.addresses.apiUrl, token: login.headers.get('token') ?? '' });
    await api.call(routes.createGroup, { body: { name: `dba-${linked.name}` } });
    const params = { nameOrID: linked.connection };
    await api.call(routes.patchConnection, { params, body: { reviewers: [`dba-${linked.name}`] } });
    const asked = async (session: string): Promise<string> => {
      const query = { session, status: 'PENDING' } as const;
      await setUp('the review', async () => (await boss.call(routes.listReviews, { query })).data.length === 1);
      return (await boss.call(routes.listReviews, { query })).data[0]?.id ?? '';
    };
    const session = await comeThere(linked.connection);
    await boss.call(routes.decideReview, { params: { id: await asked(session.id) }, body: { status: 'APPROVED' } });
    await soon('the session is open', () => served.has(session.id));
    there.engine.endSession(session.id, 'ada');
    await endsSoon(session, 'session_killed');
    const refused = await comeThere(linked.connection);
    await boss.call(routes.decideReview, { params: { id: await asked(refused.id) }, body: { status: 'REJECTED' } });
    await endsSoon(refused, 'review_rejected');
    assert.equal(served.has(refused.id), false);
  });

  test('a killed session ends there, and its row says who did it', async () => {
    await using linked = await linkThere();
    const session = await openThere(linked.connection);
    await api.call(routes.killSession, { params: { session_id: session.id } });
    await endsSoon(session, 'session_killed');
    const again = api.call(routes.killSession, { params: { session_id: session.id } });
    await assert.rejects(again, /session has ended already/);
  });

  test('a revoked credential, a deactivated user and a deleted connection end their sessions there, and no others', async () => {
    await using linked = await linkThere();
    const params = { nameOrID: linked.connection };
    const { id: credentialId } = await api.call(routes.createCredential, { params, body: { access_duration_seconds: 600 } });
    const user = await api.call(routes.createUser, { body: { email: `${linked.name}@hoop.test`, password: PASSWORD } });
    const [withCredential, ofUser, other] = [
      await openThere(linked.connection, { credentialId }),
      await openThere(linked.connection, { userId: user.id }),
      await openThere(linked.connection),
    ];
    await api.call(routes.revokeCredential, { params: { ...params, ID: credentialId } });
    await endsSoon(withCredential, 'credential_revoked');
    await api.call(routes.updateUser, { params: { emailOrID: user.id }, body: { status: 'inactive' } });
    await endsSoon(ofUser, 'user_deactivated');
    assert.equal(there.engine.liveCount(), 1);
    await api.call(routes.deleteConnection, { params });
    await endsSoon(other, 'connection_closed');
  });

  test('sessions there end when the connection’s connect mode is switched off here', async () => {
    await using linked = await linkThere();
    const session = await openThere(linked.connection);
    await api.call(routes.patchConnection, { params: { nameOrID: linked.connection }, body: { access_mode_connect: 'disabled' } });
    await endsSoon(session, 'connection_closed');
  });

  test('open sessions there are judged by rules that are made here', async () => {
    await using linked = await linkThere();
    const { id } = await api.call(routes.getConnection, { params: { nameOrID: linked.connection } });
    const session = await openThere(linked.connection);
    const rules = [{ type: 'deny_words_list' as const, words: ['drop'] }];
    await api.call(routes.createGuardrail, { body: { name: `no-drop-${linked.name}`, input: { rules }, connection_ids: [id] } });
    await soon('the new rule', () => linked.host.policies.some(({ guardrails }) => guardrails.length === 1));
    await api.call(routes.deleteAgent, { params: { nameOrID: linked.name } });
    await session.over;
  });
});
