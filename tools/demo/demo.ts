import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { routes } from '@hoop/contract/routes/all';
import { env } from '../env.ts';
import { describe } from '../postgres/binaries.ts';
import { Cluster } from '../postgres/cluster.ts';
import { hasProgram } from '../process/programs.ts';
import type { Supervised } from '../process/supervised.ts';
import { step } from '../progress.mjs';
import { CONNECTION, ensureConnection, ensureCredential, ensurePolicy, logIn, nativeUrl, onlineAgent, type Session } from './api.ts';
import { configFile, isOurs } from './config-file.ts';
import { DATABASE, prepareDatabase, ROLE } from './database.ts';
import { envFile } from './env-file.ts';
import { baseUrl, endLeftoverGateway, ready, startGateway } from './gateway.ts';
import { choosePlaces, type Places } from './listen.ts';
import type { Paths } from './paths.ts';
import { CUSTOMERS, ORDERS } from './people.ts';
import { summary } from './screen.ts';
import { readState, type State, writePrivate } from './state.ts';

const NO_PSQL = 'There is no psql on this machine (on Debian: apt-get install postgresql-client); hoop exec works without';

const AGENT_MS_MAX = 30_000;
/** A part that ends by itself is started again, this many times; after that something is wrong that a start does not mend. */
const RESTARTS_MAX = 5;

/** The whole system: a database, a gateway with its agent, and what a newcomer needs to see it work. */
export class Demo {
  readonly #paths: Paths;
  readonly #postgresChoice: string;
  #state: State;
  #cluster: Cluster | undefined;
  #gateway: Supervised | undefined;

  constructor(paths: Paths, postgresChoice: string) {
    this.#paths = paths;
    this.#postgresChoice = postgresChoice;
    this.#state = readState(paths.state);
  }

  /** Starts everything, in order, and gives what to print. @throws when `signal` aborts in between. */
  async start(signal: AbortSignal): Promise<string> {
    // First, because they hold the ports that are wanted.
    await endLeftoverGateway(this.#paths);
    await Cluster.stopLeftover(this.#paths.postgres);
    const places = await choosePlaces(env, this.#state.ports);
    const { api, agents, native } = places.listeners;
    const ports = { api: api.port, agents: agents.port, native: native.port, postgres: places.postgres };
    this.#remember({ ports });
    signal.throwIfAborted();
    const cluster = await step('Starting PostgreSQL', () => this.#startDatabase(places.postgres));
    signal.throwIfAborted();
    const gateway = await step('Starting the gateway', () => this.#startGateway(places));
    signal.throwIfAborted();
    const url = baseUrl(places.listeners);
    const session = await step('Setting up the demo', () => this.#setUp(url, places, gateway, signal));
    signal.throwIfAborted();
    const remarks = [...places.remarks, ...(await this.#writeFiles(url, places, session)), ...(hasProgram('psql') ? [] : [NO_PSQL])];
    const { email, password } = this.#state;
    return summary({
      apiUrl: url,
      email,
      password,
      nativePort: native.port,
      agentsPort: agents.port,
      database: `${describe(cluster.binaries)}, ${CUSTOMERS} customers, ${ORDERS} orders`,
      envFile: this.#paths.envFile,
      gatewayLog: this.#paths.gatewayLog,
      remarks,
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
      keepUp('The gateway', () => gateway.ended(), again, signal),
      keepUp(
        'PostgreSQL',
        () => cluster.ended(),
        () => cluster.run(),
        signal,
      ),
    ]);
  }

  /** Stops everything, the gateway first: its sessions end before their database does. */
  async close(): Promise<void> {
    await this.#gateway?.stop();
    await this.#cluster?.stop();
  }

  hurry(): void {
    this.#gateway?.hurry();
    this.#cluster?.hurry();
  }

  #startGateway(places: Places): Promise<Supervised> {
    return startGateway(this.#paths, places.listeners, env, (gateway) => {
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
    const connectionId = await ensureConnection(session.client, agentId, this.#state, places.postgres);
    await ensurePolicy(session.client, connectionId);
    const credential = await ensureCredential(session.client, this.#state.credential, Date.now());
    this.#remember({ credential, connectionPort: places.postgres });
    return session;
  }

  /** Writes what people and the command line read. Returns remarks. */
  async #writeFiles(url: string, places: Places, session: Session): Promise<string[]> {
    const { email, password, databasePassword, credential } = this.#state;
    if (!credential) throw new Error('No credential was minted');
    const { root, home, bin, config } = this.#paths;
    const variables = {
      HOOP_HOME: home,
      HOOP_API_URL: url,
      HOOP_EMAIL: email,
      HOOP_PASSWORD: password,
      HOOP_CONNECTION: CONNECTION,
      PGURL: nativeUrl(places.listeners.native.port, credential),
      PGURL_DIRECT: `postgres://${ROLE}:${databasePassword}@127.0.0.1:${places.postgres}/${DATABASE}?sslmode=disable`,
    };
    for (const program of ['hoop', 'hsh'])
      link(join(root, 'packages', program === 'hoop' ? 'cli' : program, 'bin', program), join(bin, program));
    writePrivate(this.#paths.envFile, envFile(variables, bin));
    if (!isOurs(config))
      return [`${config} is yours and was left alone; \`hoop login\` uses this gateway once ${this.#paths.envFile} is read`];
    const { grpc_url, tls_ca } = await session.client.call(routes.getServerInfo);
    writePrivate(config, configFile({ api_url: url, grpc_url, token: session.token, tls_ca }));
    return [];
  }

  #remember(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    writePrivate(this.#paths.state, `${JSON.stringify(this.#state, undefined, 2)}\n`);
  }
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

async function keepUp(what: string, ended: () => Promise<string>, again: () => Promise<void>, signal: AbortSignal): Promise<never> {
  for (let restarts = 0; restarts < RESTARTS_MAX; restarts++) {
    const how = await ended();
    if (signal.aborted) return new Promise<never>(() => undefined);
    process.stderr.write(`${what} ended (${how}) and is started again\n`);
    await pause(1_000);
    if (!signal.aborted) await again();
  }
  throw new Error(`${what} keeps ending: given up`);
}

/** Links a program into a directory that a person may put into PATH. A clone that moved takes its link along. */
function link(target: string, path: string): void {
  rmSync(path, { force: true });
  symlinkSync(target, path);
}
