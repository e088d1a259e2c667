/** How a connection may be used. */
export type AccessMode = 'connect' | 'exec' | 'runbooks';

/** The protocol that speaks for a connection of this type and subtype, or undefined where there is none. */
export function protocolOf(type: string, subtype: string): string | undefined {
  // Whatever is not a protocol of its own is a command that the agent runs.
  return PROTOCOL_OF[`${type}/${subtype}`] ?? (type === 'custom' ? 'terminal' : undefined);
}

const PROTOCOL_OF: Readonly<Record<string, string>> = {
  'database/postgres': 'postgres',
  'database/mysql': 'mysql',
  'database/mongodb': 'mongodb',
  'database/mssql': 'mssql',
  'database/oracledb': 'oracledb',
  'application/httpproxy': 'http',
  'application/grafana': 'http',
  'application/kibana': 'http',
  'custom/httpproxy': 'http',
  'custom/kubernetes': 'http',
  'custom/kubernetes-token': 'http',
  'custom/kubernetes-eks': 'http',
  'application/tcp': 'tcp',
  'application/ssh': 'ssh',
  'application/git': 'ssh',
  'application/github': 'ssh',
};

/** A configured resource role, as the data path needs it. */
export interface Connection {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly subtype: string;
  readonly agentId: string;
  readonly accessModes: Readonly<Record<AccessMode, boolean>>;
}
