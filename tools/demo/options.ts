import { parseArgs } from 'node:util';

export interface Options {
  readonly help: boolean;
  /** `any`, `system`, `package`, or a directory with PostgreSQL's programs. */
  readonly postgres: string;
}

export const HELP = `npm start [-- OPTIONS]

Builds and runs the whole system until Ctrl-C: a demo database, and beside it
what this machine has of MariaDB, a web service, SSH and a shell.

  --postgres any|system|package|DIRECTORY
        which PostgreSQL server: the system's if there is one, else the one that
        ships in an npm package (any, the default), only one of the two, or the
        one whose programs are in DIRECTORY
  --help

Environment: HOOP_HOME is where everything is kept (~/.hoop). PORT or API_LISTEN,
GRPC_LISTEN, POSTGRES_LISTEN, MYSQL_LISTEN, SSH_LISTEN and HTTP_LISTEN say where to
listen (127.0.0.1, ports 8009, 8010, 15432, 13306, 12222 and 18888; a free port
instead of one that is taken).
`;

/** Reads the command line. @throws TypeError for what it does not know. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { help: { type: 'boolean', default: false }, postgres: { type: 'string', default: 'any' } },
  });
  return values;
}
