import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import { choosePorts } from '../../tools/demo/ports.ts';
import { atExit } from '../support/at-exit.ts';
import { type Access, Office } from '../support/office.ts';
import { Program, type ProgramResult } from '../support/program.ts';
import { nativeListen } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** As a user starts it: what npm links, which finds its own Node.js. */
const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));

const READY_MS_MAX = 30_000;

/** How an agent gets to its gateway: to which port, and with what made of its key. */
export interface AgentWay {
  readonly transport?: 'grpc' | 'http';
  readonly key?: (token: string) => Promise<string>;
}

/** Gateway and agent as real processes with TLS between them, which can be killed and started again in their place. */
export class Parts implements AsyncDisposable {
  readonly home: string;
  readonly office: Office;
  readonly #gatewayEnv: Readonly<Record<string, string>>;
  readonly #agentEnv: Readonly<Record<string, string>>;
  readonly #url: string;
  #gateway: Program;
  #agent: Program;
  readonly #more: Program[] = [];

  private constructor(parts: {
    home: string;
    office: Office;
    url: string;
    gatewayEnv: Record<string, string>;
    key: string;
    agentEnv: Readonly<Record<string, string>>;
    gateway: Program;
  }) {
    this.home = parts.home;
    this.office = parts.office;
    this.#url = parts.url;
    this.#gatewayEnv = parts.gatewayEnv;
    this.#agentEnv = { HOOP_KEY: parts.key, LOG_LEVEL: 'warn', ...parts.agentEnv };
    this.#gateway = parts.gateway;
    this.#agent = start('agent', this.#agentEnv);
    atExit(() => {
      this.#gateway.child.kill('SIGKILL');
      for (const agent of [this.#agent, ...this.#more]) agent.child.kill('SIGKILL');
    });
  }

  /** With more variables for the agent, and another way for it to the gateway. */
  static async start(agentEnv: Readonly<Record<string, string>> = {}, way: AgentWay = {}): Promise<Parts> {
    const home = join(temporaryDirectory('e2e'), 'home');
    const ports = await choosePorts({ api: [], tunnel: [], native: [] });
    const on = (name: 'api' | 'tunnel' | 'native'): string => `127.0.0.1:${ports[name].port}`;
    const gatewayEnv = {
      HOOP_HOME: home,
      API_LISTEN: on('api'),
      GRPC_LISTEN: on('tunnel'),
      GRPC_URL: `grpcs://${on('tunnel')}`,
      ...nativeListen('127.0.0.1:0'),
      POSTGRES_LISTEN: on('native'),
      LOG_LEVEL: 'warn',
    };
    const url = `http://${on('api')}`;
    const gateway = start('gateway', gatewayEnv);
    await ready(url);
    const office = await Office.enter(url);
    const { token } = await office.api.call(routes.createAgent, { body: { name: 'e2e', transport: way.transport ?? 'grpc' } });
    const key = way.key ? await way.key(token) : token;
    return new Parts({ home, office, url, gatewayEnv, key, agentEnv, gateway });
  }

  /** How the agent ended by itself, and what it said. */
  agentEnds(): Promise<ProgramResult> {
    return this.#agent.done;
  }

  /** A connection to a database, and a secret for it. */
  async access(settings: Readonly<Record<string, string>>): Promise<Access> {
    const { id } = await this.office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } });
    await this.office.connection('db', id, settings);
    return this.office.credential('db');
  }

  /** Ends one of the two with no chance to say anything, and starts it again as a supervisor would. */
  async killAndRestart(part: 'gateway' | 'agent'): Promise<void> {
    if (part === 'agent') {
      await end(this.#agent, 'SIGKILL');
      this.#agent = start('agent', this.#agentEnv);
      return;
    }
    await end(this.#gateway, 'SIGKILL');
    this.#gateway = start('gateway', this.#gatewayEnv);
    await ready(this.#url);
  }

  /** One more process with the agent's key. It ends with the others. */
  addAgent(): Program {
    const more = start('agent', this.#agentEnv);
    this.#more.push(more);
    return more;
  }

  /** Asks one to stop, and tells with which code it did. */
  async stop(part: 'gateway' | 'agent'): Promise<number | null> {
    return end(part === 'gateway' ? this.#gateway : this.#agent, 'SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of [this.#agent, ...this.#more]) await end(agent, 'SIGKILL');
    await end(this.#gateway, 'SIGKILL');
  }
}

function start(part: 'gateway' | 'agent', env: Readonly<Record<string, string>>): Program {
  return new Program(HOOP, ['start', part], { env });
}

async function end(program: Program, signal: NodeJS.Signals): Promise<number | null> {
  program.child.kill(signal);
  return (await program.done).exitCode;
}

function ready(url: string): Promise<unknown> {
  const look = (): Promise<boolean> =>
    fetch(`${url}/api/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  return until('the gateway is ready', look, READY_MS_MAX);
}
