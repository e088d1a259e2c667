import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { AgentHello } from '@hoop/contract/tunnel';
import { systemClock } from '@hoop/core/clock';
import { Misconfigured } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import { CloseStack } from '@hoop/core/lifecycle';
import type { Log } from '@hoop/core/log';
import { protocolNamed } from '@hoop/protocols/all';
import { AuditLog } from '@hoop/store/audit/audit-log';
import { openStore, type Store } from '@hoop/store/store';
import type { SessionHost } from '@hoop/tunnel/link';
import { MemoryAgentLink } from '@hoop/tunnel/memory-link';
import { type Address, formatAddress } from './address.ts';
import { type Addresses, addressesOf } from './addresses.ts';
import { AgentAdmission } from './agent-admission.ts';
import { AgentSightings } from './agent-sightings.ts';
import { allHandlers } from './api/all.ts';
import type { ApiParts } from './api/parts.ts';
import { auditReader } from './audit-reader.ts';
import { type ServerCertificate, serverCertificate } from './certificate.ts';
import type { GatewayConfig } from './config.ts';
import { Engine, type EngineDeps } from './engine.ts';
import { NATIVE_VARIABLES } from './env.ts';
import { Heartbeat } from './heartbeat.ts';
import { type HostKey, ownHostKey } from './host-key.ts';
import { AgentHub } from './hub.ts';
import { AgentKeys, createAgentKey } from './identity/agent-keys.ts';
import { Authenticator } from './identity/authenticator.ts';
import { certifiedUser } from './identity/certified-user.ts';
import { CredentialService } from './identity/credentials.ts';
import { keyedUser } from './identity/keyed-user.ts';
import { LocalLogin } from './identity/local-login.ts';
import { Passwords } from './identity/passwords.ts';
import { TokenService } from './identity/tokens.ts';
import { tunnelListener } from './listeners/agents.ts';
import { createApiListener } from './listeners/api.ts';
import { NativeListener } from './listeners/native.ts';
import { checkRole } from './listeners/roles.ts';
import { acceptTunnels } from './listeners/tunnel-upgrade.ts';
import { GatewayMetrics } from './metrics.ts';
import { createOwnFile, makeOwnDirectory, readOwnFile } from './own-file.ts';
import { Readiness } from './readiness.ts';
import { takeReplay } from './replay.ts';
import { ReviewDesk } from './reviews.ts';
import { scrapeGuard } from './scrape.ts';
import { encryptionKey } from './secrets.ts';
import { serverFacts } from './server-facts.ts';
import { ServerLogs } from './server-logs.ts';
import { recoverSessions } from './session-recovery.ts';
import { SessionService } from './session-service.ts';
import { reactions } from './signal-reactions.ts';

/** An agent that runs in the gateway's own process. */
export interface LocalAgent {
  readonly name: string;
  readonly hello: AgentHello;
  readonly host: SessionHost;
}

/** A gateway that listens and is ready. */
export interface Gateway {
  readonly addresses: Addresses;
  /** What the API is bound to, which may be behind the public address. */
  readonly apiPort: number;
  readonly engine: Engine;
  readonly store: Store;
  /** Takes no new sessions and lets the open ones finish until the deadline. */
  drain(timeout_ms: number): Promise<void>;
  /** Closes everything, in the reverse order of opening. */
  close(): Promise<void>;
}

/**
 * Opens everything in order: store, audit log, identity, sessions, listeners. What fails takes down what was opened before it.
 * @throws AppError; Misconfigured says what to do
 */
export async function startGateway(config: GatewayConfig, log: Log, localAgent?: LocalAgent, logs = new ServerLogs()): Promise<Gateway> {
  const closing = new CloseStack(log);
  try {
    const ground = await openGround(config, log, closing);
    const who = await openIdentity(config, ground.store);
    const sessions = await openSessions(ground, config, log, closing);
    if (localAgent) await attachLocal(ground.store, sessions.hub, localAgent);
    return await listen({ config, log, logs, closing, ...ground, ...who, ...sessions });
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** What everything stands on: the store, the audit log, the certificate. */
async function openGround(config: GatewayConfig, log: Log, closing: CloseStack) {
  makeOwnDirectory(config.home);
  const postgres = config.postgresUri ? { postgresUri: config.postgresUri.reveal() } : {};
  const store = await openStore({
    home: config.home,
    ...postgres,
    encryptionKey: encryptionKey(config),
    log: log.child({ part: 'store' }),
  });
  closing.push('store', () => store.close());
  const gatewayId = ownId(config.home);
  const audit = AuditLog.open({ directory: join(config.home, 'audit'), log: log.child({ part: 'audit' }) });
  closing.push('audit log', () => audit.close());
  const cancelled = await store.reviews.cancelOf(gatewayId, 'The gateway was restarted');
  if (cancelled > 0) log.warn({ reviews: cancelled }, 'Reviews that nobody waits for any more were cancelled');
  await recoverSessions({ store, audit, gatewayId, clock: systemClock, log });
  await store.agents.disconnectAll(gatewayId);
  return { store, audit, gatewayId, certificate: await serverCertificate(config), hostKey: ownHostKey(config.home) };
}

/** Stays the same over restarts: by it a gateway knows what it left behind when it was killed. */
function ownId(home: string): string {
  const path = join(home, 'gateway.id');
  return (readOwnFile(path) ?? createOwnFile(path, randomUUID())).trim();
}

async function openIdentity(config: GatewayConfig, store: Store) {
  const roles = { adminGroup: config.adminGroup, auditorGroup: config.auditorGroup };
  const passwords = await Passwords.create();
  const tokens = await TokenService.open(store, roles);
  return {
    roles,
    passwords,
    tokens,
    authenticator: new Authenticator(tokens),
    login: new LocalLogin(store.users, passwords, roles),
    agentKeys: new AgentKeys(store.agents),
    credentials: new CredentialService(store, roles),
  };
}

interface Ground {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly gatewayId: string;
  readonly certificate: ServerCertificate;
  readonly hostKey: HostKey;
}

async function openSessions({ store, audit, gatewayId }: Ground, config: GatewayConfig, log: Log, closing: CloseStack) {
  const metrics = new GatewayMetrics();
  const readiness = new Readiness();
  readiness.watch(() => (audit.broken ? 'the audit log cannot be written' : undefined));
  const heartbeat = new Heartbeat(store, gatewayId, log);
  await heartbeat.start();
  closing.push('heartbeat', () => heartbeat.close());
  const sightings = new AgentSightings({ store, gatewayId, log });
  closing.push('agents’ status', () => sightings.settled());
  const hub = new AgentHub({ log: log.child({ part: 'hub' }), onChange: (change) => sightings.note(change) });
  const isTranscribed = (name: string): boolean => protocolNamed(name)?.transcript !== undefined;
  const reviews = new ReviewDesk({ store, gatewayId, clock: systemClock, log: log.child({ part: 'reviews' }) });
  const engine = new Engine({
    ...{ store, hub, audit, log: log.child({ part: 'engine' }), clock: systemClock, metrics, gatewayId, isTranscribed, reviews },
    auditSync: config.auditSync,
    detection: detectionOf(config),
    reviewUrl: (id) => config.apiUrl && `${config.apiUrl}/reviews/${id}`,
  });
  const service = new SessionService({ store, engine, hub, protocolNamed });
  await store.subscribe(reactions({ store, hub, engine, reviews }));
  metrics.watch({ sessions: () => engine.liveCount(), agents: () => hub.online().length, isReady: () => readiness.isReady });
  return { metrics, readiness, hub, engine, service, reviews };
}

function detectionOf({ dlpMode, presidioUrl }: GatewayConfig): NonNullable<EngineDeps['detection']> {
  return { ...(dlpMode === 'strict' ? {} : { mode: dlpMode }), ...(presidioUrl === undefined ? {} : { presidio: { url: presidioUrl } }) };
}

type Whole = Ground &
  Awaited<ReturnType<typeof openIdentity>> &
  Awaited<ReturnType<typeof openSessions>> & {
    readonly config: GatewayConfig;
    readonly log: Log;
    /** What this process and its agents logged lately. */
    readonly logs: ServerLogs;
    readonly closing: CloseStack;
  };

/** Opens the ports, the API last: who sees it answer finds everything else there. */
async function listen(whole: Whole): Promise<Gateway> {
  const { config, log, closing, store, hub, engine, readiness } = whole;
  const tunnel = newTunnel(whole);
  const tunnelPort = await bound('GRPC_LISTEN', config.tunnelListen, ({ host, port }) => tunnel.listen(host, port));
  const endLinks = async (): Promise<void> => {
    tunnel.stopAccepting();
    await hub.disconnectAll('The gateway is going down');
    tunnel.close();
  };
  closing.push('tunnel', endLinks);
  const native = await openNative(whole);
  let addresses: Addresses | undefined;
  const app = newApi(whole, () => {
    if (!addresses) throw new Misconfigured('starting', 'The gateway is still starting');
    return addresses;
  });
  acceptTunnels(app, { tunnel, prefix: apiPrefix(config), trustedProxies: config.trustedProxies, beforeClose: endLinks });
  const apiPort = await bound('API_LISTEN', config.apiListen, async ({ host, port }) => {
    await app.listen({ host, port });
    return (app.server.address() as AddressInfo).port;
  });
  closing.push('API', () => app.close());
  addresses = addressesOf(config, { api: apiPort, tunnel: tunnelPort, native: new Map(native.map(({ name, port }) => [name, port])) });
  readiness.ready();
  return {
    addresses,
    apiPort,
    engine,
    store,
    drain: async (timeout_ms) => {
      readiness.notReady('draining');
      log.info({ sessions: engine.liveCount() }, 'Draining');
      tunnel.stopAccepting();
      for (const { listener } of native) listener.stopAccepting();
      await engine.drain(timeout_ms);
    },
    close: () => closing.close(),
  };
}

/** @throws Misconfigured that says which variable gives another address */
async function bound(variable: string, address: Address, open: (address: Address) => Promise<number>): Promise<number> {
  try {
    return await open(address);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const why = LISTEN_WORDS[code];
    if (why === undefined) throw cause;
    throw new Misconfigured('cannot_listen', `Cannot listen on ${formatAddress(address)}: ${why}; end what uses it, or set ${variable}`, {
      cause,
    });
  }
}

const LISTEN_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'the port is not allowed to this user',
  EADDRNOTAVAIL: 'this machine does not have the address',
  ENOTFOUND: 'the host name is unknown',
};

function newTunnel({ config, log, logs, certificate, hostKey, hub, engine, agentKeys, tokens, store, audit, gatewayId }: Whole) {
  const admission = new AgentAdmission({ store, hub, live: engine, protocols: { get: protocolNamed }, log: log.child({ part: 'agents' }) });
  return tunnelListener({
    tls: { cert: certificate.cert, key: certificate.key.reveal() },
    plaintext: config.allowPlaintext ? 'anyone' : 'loopback',
    log: log.child({ part: 'tunnel' }),
    hostKey: hostKey.key,
    engine,
    onAgent: (link) => void admission.admit(link),
    onMessage: ({ name }, { entries }) => logs.addOfAgent(name, entries),
    onReplay: (agentId, stream) => takeReplay({ store, audit, gatewayId, log: log.child({ part: 'replay' }) }, agentId, stream),
    verifyAgentKey: (key) => agentKeys.verify(key),
    verifyToken: async (token) => mayAct(await tokens.verify(token)),
    connectionNamed: (name) => store.connections.get(name),
    protocolNamed,
  });
}

interface Native {
  readonly name: string;
  readonly port: number;
  readonly listener: NativeListener;
}

/** A listener for each protocol that clients may come in with. */
async function openNative({ config, log, closing, certificate, hostKey, engine, credentials, store, roles }: Whole): Promise<Native[]> {
  const tls = createSecureContext({ cert: certificate.cert, key: certificate.key.reveal(), minVersion: 'TLSv1.2' });
  const opened: Native[] = [];
  for (const [name, { listen: address }] of config.native) {
    const protocol = protocolNamed(name);
    if (!protocol) continue;
    const listener = new NativeListener({
      protocol,
      engine,
      tls,
      log: log.child({ part: 'native', protocol: name }),
      hostKey: hostKey.key,
      userAuthorities: config.sshUserAuthorities,
      certified: async (attempt) => {
        const { identity, connection } = await certifiedUser({ store, roles }, attempt, name);
        return { identity: mayAct(identity), connection };
      },
      keyed: async (attempt) => {
        const keyed = await keyedUser({ store, roles }, attempt, name);
        return { ...keyed, identity: mayAct(keyed.identity) };
      },
      login: async ({ secret }) => {
        const { identity, connection, credentialId, expireAt } = await credentials.resolve(secret, name);
        return { identity: mayAct(identity), connection, credentialId, expireAt };
      },
    });
    const variable = NATIVE_VARIABLES[name as keyof typeof NATIVE_VARIABLES].listen;
    const port = await bound(variable, address, ({ host, port }) => listener.listen(host, port));
    closing.push(`${name} listener`, () => listener.stopAccepting());
    opened.push({ name, port, listener });
    if (name === 'ssh') log.info({ fingerprint: hostKey.fingerprint }, 'SSH host key');
  }
  return opened;
}

/** Auditors look and do not act, on every way in. @throws Refusal `forbidden` */
function mayAct(identity: Identity): Identity {
  checkRole('user', identity);
  return identity;
}

function newApi(whole: Whole, addresses: () => Addresses) {
  const { config, certificate, hostKey, log, store, audit, gatewayId, authenticator, metrics, engine, service } = whole;
  const parts: ApiParts = {
    ...whole,
    engine: service,
    live: engine,
    audit: auditReader(audit, store.sessions, gatewayId),
    history: audit,
    protocols: { get: protocolNamed },
    clock: systemClock,
    server: serverFacts({ config, certificate, hostKey: hostKey.public }, addresses),
    nativeAddressOf: (protocol) => addresses().native.get(protocol),
  };
  return createApiListener({
    handlers: allHandlers(parts),
    authenticator,
    metrics,
    mayScrape: scrapeGuard(config, authenticator),
    log: log.child({ part: 'api' }),
    prefix: apiPrefix(config),
    tls: config.apiTls === 'off' ? undefined : { cert: certificate.cert, key: certificate.key.reveal() },
    trustedProxies: config.trustedProxies,
  });
}

/** The path of the API's public address, which it serves under too; without a slash at its end. */
function apiPrefix({ apiUrl }: GatewayConfig): string {
  return apiUrl === undefined ? '' : new URL(apiUrl).pathname.replace(/\/+$/, '');
}

/** Links an agent of this process, without a socket. Its row is made when there is none. */
async function attachLocal(store: Store, hub: AgentHub, agent: LocalAgent): Promise<void> {
  const found = await store.agents.get(agent.name);
  // The key is thrown away: nobody can dial in with it.
  const row = found ?? (await store.agents.create({ name: agent.name, mode: 'standard', keyHash: createAgentKey().keyHash }));
  hub.attach(new MemoryAgentLink(row.id, row.name, agent.hello, agent.host));
}
