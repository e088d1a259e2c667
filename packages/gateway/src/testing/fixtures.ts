import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from '@hoop/contract/audit';
import type { Clock } from '@hoop/core/clock';
import { systemClock } from '@hoop/core/clock';
import type { Identity } from '@hoop/core/identity';
import { createLog, type Log, silentLog } from '@hoop/core/log';
import type { Abilities } from '@hoop/core/protocol';
import { Secret } from '@hoop/core/secret';
import { protocolNamed } from '@hoop/protocols/all';
import { openStore, type Store } from '@hoop/store/store';
import type { FastifyInstance } from 'fastify';
import { allHandlers } from '../api/all.ts';
import type { ApiParts } from '../api/parts.ts';
import { loadConfig } from '../config.ts';
import { readEnv } from '../env.ts';
import { Authenticator } from '../identity/authenticator.ts';
import { CredentialService } from '../identity/credentials.ts';
import { LocalLogin } from '../identity/local-login.ts';
import { Passwords } from '../identity/passwords.ts';
import { identityOf } from '../identity/people.ts';
import { TokenService } from '../identity/tokens.ts';
import { createApiListener } from '../listeners/api.ts';
import { GatewayMetrics } from '../metrics.ts';
import type { ActionHistory, ExecRequest, ExecResult, ProtocolTraits } from '../ports.ts';
import { Readiness } from '../readiness.ts';
import { ReviewDesk } from '../reviews.ts';
import { serverFacts } from '../server-facts.ts';
import { ServerLogs } from '../server-logs.ts';

export const ROLES = { adminGroup: 'admin', auditorGroup: 'auditor' } as const;
export const PASSWORD = 'correct horse battery';
export const SECRET_VALUE = 'a-value-that-must-not-show';

/** A directory that goes away with the test. */
export function scratchDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'hoop-gateway-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A clock that stands until it is moved. */
export function handClock(start_ms = Date.now()): Clock & { advance(ms: number): void } {
  let now = start_ms;
  return { now: () => now, micros: () => now * 1000, advance: (ms) => void (now += ms) };
}

/** A log whose lines can be read back, at its most talkative. */
export function fileLog(directory: string): Disposable & { readonly log: Log; text(): string } {
  const path = join(directory, 'test.log');
  const fd = openSync(path, 'a');
  return {
    log: createLog({ level: 'trace', encoding: 'json', fd }),
    text: () => readFileSync(path, 'utf8'),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** What the engine was asked to do, and what it answers. */
export class FakeEngine {
  readonly calls: string[] = [];
  readonly execs: { identity: Identity; request: ExecRequest }[] = [];
  readonly open = new Set<string>();
  online = new Set<string>();
  probeError: Error | undefined;
  result: (request: ExecRequest) => Promise<ExecResult> = async ({ sessionId }) => ({
    sessionId,
    output: Buffer.from('1\n'),
    outputStatus: 'success',
    exitCode: 0,
    truncated: false,
    executionTimeMs: 3.4,
  });

  execute(identity: Identity, request: ExecRequest): Promise<ExecResult> {
    this.execs.push({ identity, request });
    return this.result(request);
  }

  kill(sessionId: string): boolean {
    this.calls.push(`kill ${sessionId}`);
    return this.open.delete(sessionId);
  }

  revokeCredential(credentialId: string): void {
    this.calls.push(`revoke ${credentialId}`);
  }

  endSessionsOfSshKey(keyId: string): void {
    this.calls.push(`end key ${keyId}`);
  }

  async probe(connectionName: string): Promise<void> {
    this.calls.push(`probe ${connectionName}`);
    if (this.probeError) throw this.probeError;
  }

  liveCount(): number {
    return this.open.size;
  }

  endSessionsOfUser(userId: string): void {
    this.calls.push(`end user ${userId}`);
  }

  endSessionsOfConnection(connectionId: string): void {
    this.calls.push(`end connection ${connectionId}`);
  }

  async policyChanged(connectionIds: readonly string[] | undefined): Promise<void> {
    this.calls.push(`policy ${connectionIds?.join(' ') ?? 'all'}`);
  }

  disconnect(agentId: string): void {
    this.calls.push(`disconnect ${agentId}`);
    this.online.delete(agentId);
  }
}

export type Who = 'admin' | 'auditor' | 'standard' | 'other';

const NO_HISTORY: ActionHistory = {
  *eventsSince() {
    // Nothing has happened.
  },
  bytesSince: () => 0,
  recordAt: () => {
    throw new Error('nothing has happened');
  },
};

/** The API over a real store, with an engine of the test. */
export interface TestApi extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly parts: ApiParts;
  readonly engine: FakeEngine;
  readonly tokens: Readonly<Record<Who, string>>;
  readonly ids: Readonly<Record<Who, string>>;
  readonly records: Map<string, { at_ms: number; event: AuditEvent }[]>;
  /** Protocols that are there besides the real ones. */
  readonly protocols: Map<string, ProtocolTraits>;
  readonly metrics: GatewayMetrics;
  call(who: Who | undefined, method: string, path: string, body?: unknown): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

export async function openApi(options: { clock?: Clock; log?: Log; history?: ActionHistory } = {}): Promise<TestApi> {
  const scratch = scratchDirectory();
  const { clock = systemClock, log = silentLog(), history = NO_HISTORY } = options;
  const store = await openStore({ home: scratch.path, encryptionKey: Buffer.alloc(32, 1), log: silentLog(), clock });
  const engine = new FakeEngine();
  const records: TestApi['records'] = new Map();
  const protocols: TestApi['protocols'] = new Map();
  const parts = await partsOf({ store, engine, records, protocols, clock, log, history });
  const metrics = new GatewayMetrics();
  const app = createApiListener({
    handlers: allHandlers(parts),
    authenticator: new Authenticator(parts.tokens),
    metrics,
    mayScrape: async () => true,
    log,
    prefix: '',
    tls: undefined,
    trustedProxies: [],
  });
  const people = await addPeople(store, parts.tokens);
  const close = async (): Promise<void> => {
    await app.close();
    await store.close();
    scratch[Symbol.dispose]();
  };
  const call = caller(app, people.tokens);
  return { app, store, parts, engine, records, protocols, metrics, call, ...people, [Symbol.asyncDispose]: close };
}

type Given = Pick<TestApi, 'store' | 'engine' | 'records' | 'protocols'> & { clock: Clock; log: Log; history: ActionHistory };

async function partsOf({ store, engine, records, protocols, clock, log, history }: Given): Promise<ApiParts> {
  const passwords = await Passwords.create();
  const readiness = new Readiness();
  readiness.ready();
  const config = loadConfig(readEnv({}, false));
  const native = new Map([['postgres', { host: 'gw.example', port: 15_432 }]]);
  const tunnel = { scheme: 'grpcs', host: 'gw.example', port: 8010 } as const;
  const addresses = { apiUrl: 'http://127.0.0.1:8009', tunnel, grpcUrl: 'grpcs://gw.example:8010', native };
  const certificate = { cert: '', key: new Secret(''), ca: 'CA', pin: 'p'.repeat(43) };
  return {
    store,
    hub: {
      isOnline: (id) => engine.online.has(id),
      describe: () => undefined,
      disconnect: (id) => engine.disconnect(id),
      online: () => [...engine.online],
    },
    engine,
    live: engine,
    audit: {
      async *actionsOf(session) {
        yield* records.get(session) ?? [];
      },
    },
    history,
    protocols: { get: (name) => protocols.get(name) ?? protocolNamed(name) },
    tokens: await TokenService.open(store, ROLES, clock),
    login: new LocalLogin(store.users, passwords, ROLES, clock),
    passwords,
    credentials: new CredentialService(store, ROLES, clock),
    roles: ROLES,
    reviews: new ReviewDesk({ store, gatewayId: 'this-gateway', clock, log }),
    readiness,
    clock,
    log,
    logs: new ServerLogs(),
    gatewayId: 'this-gateway',
    server: serverFacts({ config, certificate, hostKey: '' }, () => addresses),
    nativeAddressOf: (protocol) => native.get(protocol),
  };
}

function caller(app: FastifyInstance, tokens: TestApi['tokens']): TestApi['call'] {
  return async (who, method, path, body) => {
    const answer = await app.inject({
      method: method as 'GET',
      url: path.startsWith('/api') ? path : `/api${path}`,
      ...(who ? { headers: { authorization: `Bearer ${tokens[who]}` } } : {}),
      ...(body === undefined ? {} : { payload: body as object }),
    });
    return { status: answer.statusCode, headers: answer.headers, text: answer.body, body: parse(answer.body) };
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function addPeople(store: Store, tokens: TokenService): Promise<Pick<TestApi, 'tokens' | 'ids'>> {
  const groups: Record<Who, string[]> = { admin: ['admin'], auditor: ['auditor'], standard: [], other: ['dba'] };
  const made = await Promise.all(
    Object.entries(groups).map(async ([name, membership]) => {
      const user = await store.users.create({ email: `${name}@hoop.test`, name, groups: membership, status: 'active' });
      return [name, { id: user.id, token: await tokens.issue(user) }] as const;
    }),
  );
  const each = <T>(pick: (one: { id: string; token: string }) => T) =>
    Object.fromEntries(made.map(([name, one]) => [name, pick(one)])) as Record<Who, T>;
  return { ids: each((one) => one.id), tokens: each((one) => one.token) };
}

export const encoded = (text: string): string => Buffer.from(text).toString('base64');

/** A connection that the API takes, with the agent that it needs. */
export async function addConnection(api: TestApi, name = 'pg'): Promise<{ id: string; agentId: string }> {
  const found = await api.store.agents.get('dev-agent');
  const agent = found ?? (await api.store.agents.create({ name: 'dev-agent', mode: 'standard', keyHash: '0'.repeat(64) }));
  const answer = await api.call('admin', 'POST', '/connections', connectionBody(agent.id, name));
  if (answer.status !== 201) throw new Error(answer.text);
  return { id: answer.body.id, agentId: agent.id };
}

export function connectionBody(agentId: string, name = 'pg'): Record<string, unknown> {
  const secret = { 'envvar:HOST': encoded('db.internal'), 'envvar:USER': encoded('app'), 'envvar:PASS': encoded(SECRET_VALUE) };
  return { name, type: 'database', subtype: 'postgres', agent_id: agentId, secret };
}

/** A session of a user, as the engine would have stored it. */
export async function addSession(
  api: TestApi,
  who: Who,
  id: string,
  more: { status?: 'open' | 'done'; connection?: string; gatewayId?: string } = {},
): Promise<void> {
  const user = await api.store.users.get(api.ids[who]);
  if (!user) throw new Error('no such user');
  await api.store.sessions.insert({
    ...{ id, userId: user.id, userEmail: user.email, userName: user.name, connection: more.connection ?? 'pg' },
    ...{
      type: 'database',
      subtype: 'postgres',
      verb: 'exec',
      origin: 'api',
      status: 'open',
      gatewayId: more.gatewayId ?? 'this-gateway',
      startedAt: Date.now(),
    },
    script: 'select 42',
  });
  if (more.status === 'done') await api.store.sessions.finish(id, { status: 'done', endedAt: Date.now(), exitCode: 0 });
}

/** A protocol that understands nothing of what it carries. */
export function opaqueProtocol(name: string): ProtocolTraits {
  const abilities: Abilities = { actions: 'session-only', deny: 'close', hold: false, mask: 'none', cancel: false, answers: [] };
  const postgres = protocolNamed('postgres');
  if (!postgres) throw new Error('no postgres');
  return { ...postgres, name, abilities };
}

/** Who asks, from the store. */
export async function identityFor(api: TestApi, who: Who): Promise<Identity> {
  const user = await api.store.users.get(api.ids[who]);
  if (!user) throw new Error('no such user');
  return identityOf(user, ROLES);
}
