import { setTimeout as pause } from 'node:timers/promises';
import { env } from '../env.ts';
import { describe } from '../postgres/binaries.ts';
import { Cluster } from '../postgres/cluster.ts';
import { hasProgram } from '../process/programs.ts';
import type { Supervised } from '../process/supervised.ts';
import { step } from '../progress.mjs';
import { CONNECTION, ensureConnection, ensureCredential, logIn, onlineAgent, postgresWish, type Session } from './api.ts';
import { prepareDatabase } from './database.ts';
import { writeFiles } from './files.ts';
import { baseUrl, endLeftoverGateway, ready, startGateway } from './gateway.ts';
import { choosePlaces, type Places } from './listen.ts';
import type { Paths } from './paths.ts';
import { ensurePolicy } from './policy.ts';
import { summary } from './screen.ts';
import { ensureAuthority } from './ssh-keys.ts';
import { readState, type State, writePrivate } from './state.ts';
import { keepUp, keepUpIfPossible } from './supervise.ts';
import { MARIADB } from './targets/mariadb.ts';
import { endLeftoverTargets, type Started, startTargets } from './targets/start.ts';
import type { Running } from './targets/target.ts';
import { WEB } from './targets/web.ts';
import { trialsOf } from './trials.ts';

const NO_PSQL = 'psql: not on this machine (on Debian: apt-get install postgresql-client); hoop exec works without';

const AGENT_MS_MAX = 30_000;

/** Connections to which the demo hands out a secret for native clients. SSH's come in by a certificate. */
const WITH_CREDENTIAL = [CONNECTION, MARIADB, WEB];

const NOTHING: Started = { targets: [], missing: [], remarks: [] };

/** The whole system: databases and services, a gateway with its agent, and what a newcomer needs to see it work. */
export class Demo {
  readonly #paths: Paths;
  readonly #postgresChoice: string;
  #state: State;
  #cluster: Cluster | undefined;
  #gateway: Supervised | undefined;
  #others = NOTHING;
  /** What runs for the others, shown or not. */
  #running: readonly Running[] = [];

  constructor(paths: Paths, postgresChoice: string) {
    this.#paths = paths;
    this.#postgresChoice = postgresChoice;
    this.#state = readState(paths.state);
  }

  /** Starts everything, and gives what to print. @throws when `signal` aborts in between. */
  async start(signal: AbortSignal): Promise<string> {
    // First, because they hold the ports that are wanted: the gateway before what it leads to.
    await endLeftoverGateway(this.#paths);
    await Promise.all([Cluster.stopLeftover(this.#paths.postgres), endLeftoverTargets(this.#paths)]);
    const places = await choosePlaces(env, this.#state.ports);
    const { listeners, targets } = places;
    const listening = Object.fromEntries(Object.entries(listeners).map(([name, { port }]) => [name, port]));
    this.#remember({ ports: { ...listening, ...targets } });
    signal.throwIfAborted();
    const { cluster, gateway } = await step('Starting databases, services and the gateway', () => this.#startAll(places));
    signal.throwIfAborted();
    const url = baseUrl(listeners);
    const session = await step('Setting up the demo', () => this.#setUp(url, places, gateway, signal));
    signal.throwIfAborted();
    const written = await writeFiles({ paths: this.#paths, state: this.#state, url, places, session, targets: this.#others.targets });
    const { email, password } = this.#state;
    return summary({
      apiUrl: url,
      email,
      password,
      envFile: this.#paths.envFile,
      gatewayLog: this.#paths.gatewayLog,
      trials: trialsOf(describe(cluster.binaries), this.#others.targets),
      remarks: [...places.remarks, ...written, ...this.#others.remarks],
      missing: [...this.#others.missing, ...(hasProgram('psql') ? [] : [NO_PSQL])],
    });
  }

  /** Starts a part again when it ends by itself. Rejects when that does not help; never resolves. */
  async watch(signal: AbortSignal): Promise<never> {
    const { api } = this.#state.ports;
    const gateway = this.#gateway;
    const cluster = this.#cluster;
    if (!gateway || !cluster) throw new Error('Nothing was started');
    const again = async (): Promise<void> => {
      gateway.start();
      await ready(gateway, `http://127.0.0.1:${api}`, this.#paths.gatewayLog);
    };
    return Promise.race([
      keepUp({ name: 'The gateway', ended: () => gateway.ended(), again }, signal),
      keepUp({ name: 'PostgreSQL', ended: () => cluster.ended(), again: () => cluster.run() }, signal),
      ...this.#others.targets.flatMap(({ wish, running }) => (running ? [keepUpIfPossible({ name: wish.name, ...running }, signal)] : [])),
    ]);
  }

  /** Stops everything, the gateway first: its sessions end before what they lead to does. */
  async close(): Promise<void> {
    await this.#gateway?.stop();
    await Promise.all([this.#cluster?.stop(), ...this.#running.map((running) => running.stop())]);
  }

  hurry(): void {
    this.#gateway?.hurry();
    this.#cluster?.hurry();
    for (const running of this.#running) running.hurry();
  }

  /** All at once: nothing of it needs another before the connections are made. Waits for the rest when one fails, so that all can be stopped. */
  async #startAll({ listeners, targets }: Places): Promise<{ cluster: Cluster; gateway: Supervised }> {
    const [cluster, gateway, others] = await Promise.allSettled([
      this.#startDatabase(targets.postgres),
      this.#startGateway(listeners),
      startTargets(this.#paths, this.#state, targets),
    ]);
    if (others.status === 'fulfilled') {
      this.#others = others.value;
      this.#running = others.value.targets.flatMap(({ running }) => (running ? [running] : []));
    }
    for (const result of [cluster, gateway, others]) if (result.status === 'rejected') throw result.reason;
    if (cluster.status === 'rejected' || gateway.status === 'rejected') throw new Error('Nothing was started');
    return { cluster: cluster.value, gateway: gateway.value };
  }

  async #startGateway(listeners: Places['listeners']): Promise<Supervised> {
    const authority = await ensureAuthority(this.#paths.ssh);
    const more: Record<string, string> = authority === undefined ? {} : { SSH_TRUSTED_USER_CA: authority };
    return startGateway(this.#paths, listeners, env, more, (gateway) => {
      this.#gateway = gateway;
    });
  }

  async #startDatabase(port: number): Promise<Cluster> {
    const { adminPassword, databasePassword } = this.#state;
    const { root, engines, postgres } = this.#paths;
    this.#cluster = await Cluster.start({
      base: postgres,
      wish: { root, engines, choice: this.#postgresChoice },
      password: adminPassword,
      port,
      settings: { max_connections: '300' },
    });
    await prepareDatabase({ port, adminPassword, password: databasePassword });
    return this.#cluster;
  }

  async #setUp(url: string, places: Places, gateway: Supervised, signal: AbortSignal): Promise<Session> {
    const session = await logIn(url, this.#state);
    const agentId = await waitForAgent(session, gateway, signal);
    const { databasePassword, told, credentials } = this.#state;
    const postgres = postgresWish(places.targets.postgres, databasePassword);
    const connected = new Map([[CONNECTION, await ensureConnection(session.client, agentId, postgres, told[CONNECTION])]]);
    for (const { wish } of this.#others.targets) {
      try {
        connected.set(wish.name, await ensureConnection(session.client, agentId, wish, told[wish.name]));
      } catch (error) {
        this.#others = without(this.#others, wish.name, error);
      }
    }
    await ensurePolicy(session.client, connected);
    const secrets = { ...credentials };
    for (const name of WITH_CREDENTIAL.filter((each) => connected.has(each)))
      secrets[name] = await ensureCredential(session.client, name, credentials[name], Date.now());
    const fingerprints = Object.fromEntries([...connected].map(([name, { fingerprint }]) => [name, fingerprint]));
    this.#remember({ credentials: secrets, told: { ...told, ...fingerprints } });
    return session;
  }

  #remember(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    writePrivate(this.#paths.state, `${JSON.stringify(this.#state, undefined, 2)}\n`);
  }
}

/** A target whose connection cannot be made is not shown; it ends with the rest. */
function without(started: Started, name: string, error: unknown): Started {
  const targets = started.targets.filter(({ wish }) => wish.name !== name);
  const remark = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  return { ...started, targets, remarks: [...started.remarks, remark] };
}

async function waitForAgent(session: Session, gateway: Supervised, signal: AbortSignal): Promise<string> {
  const until = Date.now() + AGENT_MS_MAX;
  while (gateway.running) {
    signal.throwIfAborted();
    const id = await onlineAgent(session.client);
    if (id !== undefined) return id;
    if (Date.now() > until) break;
    await pause(50);
  }
  throw new Error(`No agent came online within ${AGENT_MS_MAX / 1000} s`);
}
