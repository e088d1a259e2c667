import { execFile } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { plainEnv } from '../../env.ts';
import { type Account, serverAccount } from '../../postgres/account.ts';
import { findProgram } from '../../process/programs.ts';
import { endLeftover, Supervised } from '../../process/supervised.ts';
import { DATABASE, ROLE } from '../database.ts';
import { writePrivate } from '../state.ts';
import { prepareMariadb, takesUs } from './mariadb-data.ts';
import { Missing, type Target } from './target.ts';

export const MARIADB = 'demo-mysql';

const START_MS_MAX = 20_000;
const INSTALL = 'apt-get install mariadb-server-core';

/** Starts a MariaDB server with data of its own, and fills it with what the PostgreSQL server has. @throws Missing */
export async function startMariadb(base: string, port: number, password: string): Promise<Target> {
  const mariadbd = findProgram('mariadbd');
  const installer = findProgram('mariadb-install-db');
  if (!mariadbd || !installer) throw new Missing(`no MariaDB server on this machine (on Debian: ${INSTALL})`);
  const account = serverAccount();
  makeBase(base, account);
  const data = join(base, 'data');
  if (!existsSync(data)) await initialise(data, installer, account);
  writeInit(base, password, account);
  const log = join(base, 'mariadb.log');
  const server = new Supervised({
    command: mariadbd,
    args: ['--no-defaults', ...flags(base, port)],
    cwd: base,
    env: plainEnv,
    account,
    log,
    pidFile: supervisorPidFile(base),
  });
  const again = async (): Promise<void> => {
    server.start();
    await ready(server, port, password, log);
  };
  await again();
  const version = await prepareMariadb({ port, password });
  return {
    wish: {
      name: MARIADB,
      type: 'database',
      subtype: 'mysql',
      settings: { HOST: '127.0.0.1', PORT: String(port), USER: ROLE, PASS: password, DB: DATABASE, SSLMODE: 'prefer' },
    },
    what: `MariaDB ${version}`,
    running: { ended: () => server.ended(), again, stop: () => server.stop(), hurry: () => server.hurry() },
  };
}

/** Ends the server that a killed start left running. */
export function endLeftoverMariadb(base: string): Promise<void> {
  return endLeftover(supervisorPidFile(base), `--datadir=${join(base, 'data')}`);
}

/** The server's own is `pid`; it removes that one itself. */
const supervisorPidFile = (base: string): string => join(base, 'mariadb.pid');

function makeBase(base: string, account: Account | undefined): void {
  mkdirSync(base, { recursive: true, mode: 0o700 });
  if (account) for (const directory of [dirname(base), base]) chownSync(directory, account.uid, account.gid);
}

async function initialise(data: string, installer: string, account: Account | undefined): Promise<void> {
  const half = `${data}.new`;
  rmSync(half, { recursive: true, force: true });
  // Its superuser can only come in by a socket, and there is none: nobody is superuser here.
  const args = ['--no-defaults', `--datadir=${half}`, '--auth-root-authentication-method=socket', '--skip-test-db', '--skip-log-bin'];
  await promisify(execFile)(installer, [...args, '--innodb-log-file-size=8M'], { cwd: dirname(data), env: plainEnv, ...account });
  renameSync(half, data); // Only a whole data directory gets the name.
}

/** What the server runs before it listens: the user whom the connection logs in as. A statement a line. */
function writeInit(base: string, password: string, account: Account | undefined): void {
  const file = join(base, 'init.sql');
  const user = `'${ROLE}'@'127.0.0.1'`;
  writePrivate(
    file,
    [
      `CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4;`,
      `CREATE USER IF NOT EXISTS ${user};`,
      `ALTER USER ${user} IDENTIFIED BY '${password}';`,
      `GRANT ALL ON ${DATABASE}.* TO ${user};`,
      '',
    ].join('\n'),
  );
  if (account) chownSync(file, account.uid, account.gid);
}

function flags(base: string, port: number): string[] {
  const settings = {
    datadir: join(base, 'data'),
    'init-file': join(base, 'init.sql'),
    'pid-file': join(base, 'pid'),
    'bind-address': '127.0.0.1',
    port: String(port),
    socket: '',
    'skip-name-resolve': 'ON',
    'innodb-buffer-pool-size': '32M',
    'innodb-log-file-size': '8M',
    'max-connections': '200',
  };
  return Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
}

async function ready(server: Supervised, port: number, password: string, log: string): Promise<void> {
  const until = Date.now() + START_MS_MAX;
  while (server.running && Date.now() < until) {
    if (await takesUs({ port, password })) return;
    await pause(50);
  }
  await server.stop();
  throw new Error(`MariaDB did not start; ${log} says why`);
}
