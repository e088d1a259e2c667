import type { Connection } from '@hoop/contract/routes/connections';

/** How a connection of one protocol is reached on this machine. */
export interface LocalProtocol {
  /** The usual local port: the protocol's own plus one or so, so that a server of this machine is not in the way. */
  readonly port: number;
  /** The other side may say that it is done and go on listening; elsewhere its last byte is the end. */
  readonly halfClose?: true;
  /** What a person may type or paste, first the best. */
  hints(place: LocalPlace): readonly Hint[];
}

export interface LocalPlace {
  readonly host: string;
  readonly port: number;
  /** The connection's own database; empty where the settings decide. */
  readonly database: string;
}

export interface Hint {
  readonly label: string;
  readonly text: string;
}

/** User and password that clients insist on. The gateway knows already who you are, so any will do. */
const NOBODY = 'noop';

const PROTOCOLS: Readonly<Record<string, LocalProtocol>> = {
  postgres: {
    port: 5433,
    hints: ({ host, port, database }) => {
      const url = `postgres://${NOBODY}:${NOBODY}@${host}:${port}/${encodeURIComponent(database)}?sslmode=disable`;
      return [
        { label: 'Type', text: `psql '${url}'` },
        { label: 'URL', text: url },
      ];
    },
  },
  mysql: { port: 3307, hints: ({ host, port }) => [{ label: 'Type', text: `mysql -h ${host} -P ${port} -u ${NOBODY} -p${NOBODY}` }] },
  mssql: { port: 1444, hints: () => [] },
  mongodb: {
    port: 27018,
    hints: ({ host, port }) => [{ label: 'URL', text: `mongodb://${NOBODY}:${NOBODY}@${host}:${port}/?directConnection=true` }],
  },
  oracledb: { port: 15211, hints: () => [] },
  tcp: { port: 8999, halfClose: true, hints: () => [] },
  ssh: { port: 2223, hints: ({ host, port }) => [{ label: 'Type', text: `ssh -p ${port} ${NOBODY}@${host}` }] },
  http: { port: 8081, hints: ({ host, port }) => [{ label: 'URL', text: `http://${host}:${port}` }] },
};

/** By the name that core gives to a protocol; undefined where it has no local port. */
export function localProtocol(name: string | undefined): LocalProtocol | undefined {
  return name === undefined ? undefined : PROTOCOLS[name];
}

/** User and password for the banner, for protocols whose clients ask. */
export function needsLogin(protocol: string): boolean {
  return protocol !== 'tcp' && protocol !== 'http';
}

/** The lines of the banner: where it listens, and exactly what to type. */
export function bannerFacts(
  connection: Connection,
  protocol: string,
  place: LocalPlace,
  hints: readonly Hint[],
): readonly (readonly [string, string])[] {
  const login = needsLogin(protocol) ? [['Login', `any user name and password, such as ${NOBODY} and ${NOBODY}`] as const] : [];
  return [
    ['Connection', connection.name],
    ['Host', place.host],
    ['Port', String(place.port)],
    ...login,
    ...hints.map((hint) => [hint.label, hint.text] as const),
  ];
}
