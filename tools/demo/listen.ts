import { choosePorts } from './ports.ts';
import type { ListenerName, PortName, TargetName } from './state.ts';

/** Where the gateway of the demo listens. */
export interface Listener {
  readonly host: string;
  readonly port: number;
}

export type Listeners = Readonly<Record<ListenerName, Listener>>;

export interface Places {
  readonly listeners: Listeners;
  readonly targets: Readonly<Record<TargetName, number>>;
  /** For the person: which wanted ports were taken. */
  readonly remarks: readonly string[];
}

/** Each listener's variable and usual port, and what a person calls it. */
const LISTENERS: Readonly<Record<ListenerName, { readonly variable: string; readonly port: number; readonly words: string }>> = {
  api: { variable: 'API_LISTEN', port: 8009, words: 'API' },
  agents: { variable: 'GRPC_LISTEN', port: 8010, words: 'agents' },
  native: { variable: 'POSTGRES_LISTEN', port: 15_432, words: 'PostgreSQL' },
  mysql: { variable: 'MYSQL_LISTEN', port: 13_306, words: 'MySQL' },
  ssh: { variable: 'SSH_LISTEN', port: 12_222, words: 'SSH' },
  http: { variable: 'HTTP_LISTEN', port: 18_888, words: 'HTTP' },
};
const LISTENER_NAMES = Object.keys(LISTENERS) as ListenerName[];
const TARGET_NAMES: readonly TargetName[] = ['postgres', 'mariadb', 'sshd', 'web'];

/**
 * Chooses addresses: those of the environment, else the usual ones; where a port is taken the one of the last start, else any.
 * @throws Error for an address that is none
 */
export async function choosePlaces(
  env: Readonly<Record<string, string | undefined>>,
  last: Readonly<Partial<Record<PortName, number>>>,
): Promise<Places> {
  const usual = (name: ListenerName): number => (name === 'api' && Number(env.PORT)) || LISTENERS[name].port;
  const wishes = byName(LISTENER_NAMES, (name) => wanted(env[LISTENERS[name].variable], LISTENERS[name].variable, usual(name)));
  const before = (name: PortName): number[] => (last[name] === undefined ? [] : [last[name]]);
  const chosen = await choosePorts<PortName>({
    ...byName(LISTENER_NAMES, (name) => [wishes[name].port, ...before(name)]),
    ...byName(TARGET_NAMES, before),
  });
  const moved = LISTENER_NAMES.filter((name) => chosen[name].taken !== undefined);
  const changes = moved.map((name) => `${LISTENERS[name].words} uses ${chosen[name].port} instead of ${chosen[name].taken}`);
  return {
    listeners: byName(LISTENER_NAMES, (name) => ({ host: wishes[name].host, port: chosen[name].port })),
    targets: byName(TARGET_NAMES, (name) => chosen[name].port),
    remarks: changes.length === 0 ? [] : [`Ports that others have: ${changes.join(', ')}`],
  };
}

function byName<Name extends string, Value>(names: readonly Name[], value: (name: Name) => Value): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;
}

function wanted(address: string | undefined, name: string, port: number): Listener {
  if (!address) return { host: '127.0.0.1', port };
  const parts = /^(?<host>[^:]+|\[[^\]]+\]):(?<port>\d{1,5})$/.exec(address)?.groups;
  if (!parts?.host || !parts.port) throw new Error(`${name} is "${address}"; write host:port, such as 127.0.0.1:${port}`);
  return { host: parts.host, port: Number(parts.port) };
}
