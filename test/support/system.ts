import { join } from 'node:path';
import { loadAgentConfig } from '@hoop/agent/config';
import { agentHello } from '@hoop/agent/hello';
import { SessionRunner } from '@hoop/agent/runner';
import { routes } from '@hoop/contract/routes/all';
import { createLog, type Log } from '@hoop/core/log';
import { loadConfig } from '@hoop/gateway/config';
import { type GatewayEnv, NATIVE_VARIABLES } from '@hoop/gateway/env';
import { type Gateway, startGateway } from '@hoop/gateway/gateway';
import { AgentClient } from '@hoop/tunnel/agent-client';
import { type Access, type Kind, Office, type Policy } from './office.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

export interface SystemOptions {
  /** `memory`: the agent in the gateway's process, without a socket. `tunnel`: over TLS, as between two machines. */
  readonly agent: 'memory' | 'tunnel';
  /** A directory that an earlier system has left. */
  readonly home?: string;
  readonly logLevel?: 'silent' | 'info' | 'warn' | 'error';
  /** More of the gateway's variables. */
  readonly values?: GatewayEnv['values'];
}

const AGENT = 'test-agent';

/** The variables that let clients of every protocol in at one address, with port 0 each at its own. */
export function nativeListen(address: string): Record<string, string> {
  return Object.fromEntries(Object.values(NATIVE_VARIABLES).map(({ listen }) => [listen, address]));
}

/** The system under test, gateway and agent, assembled in this process on a new store. */
export class System implements AsyncDisposable {
  readonly home: string;
  readonly gateway: Gateway;
  readonly office: Office;
  readonly runner: SessionRunner;
  readonly agentId: string;
  readonly #log: Log;
  /** The agent's key, where it is linked over a tunnel. */
  readonly key: string | undefined;
  #agent: AgentClient | undefined;
  #connections = 0;

  private constructor(parts: {
    home: string;
    gateway: Gateway;
    office: Office;
    runner: SessionRunner;
    agentId: string;
    key: string | undefined;
    log: Log;
  }) {
    this.home = parts.home;
    this.gateway = parts.gateway;
    this.office = parts.office;
    this.runner = parts.runner;
    this.agentId = parts.agentId;
    this.key = parts.key;
    this.#log = parts.log;
  }

  static async start({
    agent,
    home = join(temporaryDirectory('system'), 'home'),
    logLevel = 'silent',
    values: more = {},
  }: SystemOptions): Promise<System> {
    const log = createLog({ level: logLevel, encoding: 'human' });
    const listen = '127.0.0.1:0';
    const values = { HOOP_HOME: home, API_LISTEN: listen, GRPC_LISTEN: listen, ...nativeListen(listen), ...more };
    const config = loadConfig({ values, others: [], isTerminal: false });
    const runner = new SessionRunner(log.child({ part: 'agent' }));
    const local = agent === 'memory' ? { name: AGENT, hello: agentHello(), host: runner } : undefined;
    const gateway = await startGateway(config, log, local);
    const office = await Office.enter(gateway.addresses.apiUrl);
    const key = agent === 'tunnel' ? (await office.api.call(routes.createAgent, { body: { name: AGENT } })).token : undefined;
    const { id } = await office.api.call(routes.getAgent, { params: { nameOrID: AGENT } });
    const system = new System({ home, gateway, office, runner, agentId: id, key, log });
    if (key !== undefined) await system.linkAgent();
    return system;
  }

  /** Lets the agent dial in, and waits until it is there. */
  async linkAgent(): Promise<void> {
    if (this.key === undefined) throw new Error('The agent of this system is in its gateway and needs no link');
    const { dial, key } = loadAgentConfig({
      key: this.key,
      tlsCa: undefined,
      tlsSkipVerify: undefined,
      tlsServerName: undefined,
      logLevel: undefined,
      logEncoding: undefined,
      httpsProxy: undefined,
      httpProxy: undefined,
      noProxy: undefined,
    });
    const client = new AgentClient({ dial, key, hello: agentHello(), host: this.runner, log: this.#log.child({ part: 'link' }) });
    this.#agent = client;
    // A system that is closed ends its agent's link; that is no fault of the test.
    client.run().catch(() => undefined);
    await this.#agentIs('CONNECTED');
  }

  /** Ends the agent's link and every session on it. */
  async unlinkAgent(): Promise<void> {
    this.#agent?.stop();
    this.#agent = undefined;
    await this.#agentIs('DISCONNECTED');
  }

  /** A new connection to a target, and a secret to go in with. */
  async access(settings: Readonly<Record<string, string>>, policy?: Policy, kind?: Kind): Promise<Access> {
    return this.office.credential(await this.connection(settings, policy, kind));
  }

  /** A new connection to a target; resolves with its name. */
  async connection(settings: Readonly<Record<string, string>>, policy?: Policy, kind?: Kind): Promise<string> {
    const name = `target-${++this.#connections}`;
    await this.office.connection(name, this.agentId, settings, policy, kind);
    return name;
  }

  async close(): Promise<void> {
    this.#agent?.stop();
    await this.gateway.drain(0);
    await this.gateway.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #agentIs(status: 'CONNECTED' | 'DISCONNECTED'): Promise<void> {
    await until(`the agent is ${status}`, async () => {
      const agent = await this.office.api.call(routes.getAgent, { params: { nameOrID: this.agentId } });
      return agent.status === status;
    });
  }
}
