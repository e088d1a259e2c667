import { choosePorts } from './ports.ts';
import type { PortName } from './state.ts';

/** Where the gateway of the demo listens. */
export interface Listener {
  readonly host: string;
  readonly port: number;
}

export type ListenerName = Exclude<PortName, 'postgres'>;

export interface Places {
  readonly listeners: Readonly<Record<ListenerName, Listener>>;
  readonly postgres: number;
  /** For the person: which wanted ports were taken. */
  readonly remarks: readonly string[];
}

const WORDS: Readonly<Record<PortName, string>> = {
  api: 'API',
  agents: 'agents',
  native: 'native PostgreSQL access',
  postgres: 'demo database',
};

/**
 * Chooses addresses: those of the environment, else the usual ones; where a port is taken the one of the last start, else any.
 * @throws Error for an address that is none
 */
export async function choosePlaces(
  env: Readonly<Record<string, string | undefined>>,
  last: Readonly<Partial<Record<PortName, number>>>,
): Promise<Places> {
  const api = wanted(env.API_LISTEN, 'API_LISTEN', Number(env.PORT) || 8009);
  const agents = wanted(env.GRPC_LISTEN, 'GRPC_LISTEN', 8010);
  const native = wanted(env.POSTGRES_LISTEN, 'POSTGRES_LISTEN', 15_432);
  const before = (name: PortName): number[] => (last[name] === undefined ? [] : [last[name]]);
  const chosen = await choosePorts({
    api: [api.port, ...before('api')],
    agents: [agents.port, ...before('agents')],
    native: [native.port, ...before('native')],
    postgres: before('postgres'),
  });
  const remarks = (Object.keys(WORDS) as PortName[])
    .filter((name) => chosen[name].taken !== undefined && name !== 'postgres')
    .map((name) => `Port ${chosen[name].taken} is taken: ${WORDS[name]} uses ${chosen[name].port}`);
  return {
    listeners: {
      api: { host: api.host, port: chosen.api.port },
      agents: { host: agents.host, port: chosen.agents.port },
      native: { host: native.host, port: chosen.native.port },
    },
    postgres: chosen.postgres.port,
    remarks,
  };
}

function wanted(address: string | undefined, name: string, port: number): Listener {
  if (!address) return { host: '127.0.0.1', port };
  const parts = /^(?<host>[^:]+|\[[^\]]+\]):(?<port>\d{1,5})$/.exec(address)?.groups;
  if (!parts?.host || !parts.port) throw new Error(`${name} is "${address}"; write host:port, such as 127.0.0.1:${port}`);
  return { host: parts.host, port: Number(parts.port) };
}
