import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine } from '../process/alive.ts';

/** Where root's demo databases are; see `postgresBase`. */
const ROOT_BASE = '/var/lib/hoop-demo';

/** Every place that the demo reads or writes. */
export interface Paths {
  readonly root: string;
  readonly home: string;
  readonly demo: string;
  readonly bin: string;
  readonly state: string;
  readonly envFile: string;
  readonly config: string;
  readonly gatewayLog: string;
  readonly gatewayPid: string;
  /** The database server's directory, and where servers are unpacked to. */
  readonly postgres: string;
  readonly engines: string;
  /** The MariaDB server's directory. */
  readonly mariadb: string;
  /** Keys and settings of SSH, of the server's side and of the client's. */
  readonly ssh: string;
  /** What logs into the MariaDB server through the gateway, for its command line. */
  readonly mysqlConfig: string;
}

/** Works out the places, and makes the directories that are ours. */
export function demoPaths(homeVariable: string | undefined, isRoot: boolean): Paths {
  const home = resolve(homeVariable || join(homedir(), '.hoop'));
  const demo = join(home, 'demo');
  const bin = join(home, 'bin');
  const ssh = join(demo, 'ssh');
  for (const directory of [home, demo, bin, ssh]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const postgres = isRoot ? postgresBase(home, demo) : join(demo, 'postgres');
  return {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    home,
    demo,
    bin,
    state: join(demo, 'state.json'),
    envFile: join(home, 'demo.env'),
    config: join(home, 'config.toml'),
    gatewayLog: join(demo, 'gateway.log'),
    gatewayPid: join(demo, 'gateway.pid'),
    postgres,
    engines: isRoot ? join(ROOT_BASE, 'engines') : join(demo, 'engines'),
    // Beside the other one's data where root starts it: it runs as that user too.
    mariadb: isRoot ? join(postgres, 'mariadb') : join(demo, 'mariadb'),
    ssh,
    mysqlConfig: join(demo, 'mysql.cnf'),
  };
}

/**
 * Started by root, the server runs as another user, who must be able to reach its directory: not in root's home, and not in a
 * directory of mode 0700. So it stands beside, named for the home that it belongs to, with a link from there.
 */
function postgresBase(home: string, demo: string): string {
  mkdirSync(ROOT_BASE, { recursive: true, mode: 0o755 });
  removeOrphans();
  const real = realpathSync(home);
  const base = join(ROOT_BASE, createHash('sha256').update(real).digest('hex').slice(0, 12));
  const link = join(demo, 'postgres');
  // A new home in the place of a deleted one: the password of the old database went with it.
  if (existsSync(base) && !existsSync(link)) remove(base);
  mkdirSync(base, { recursive: true, mode: 0o700 });
  writeFileSync(`${base}.home`, real);
  if (!existsSync(link)) symlinkSync(base, link);
  return base;
}

/** Removes the databases of homes that are gone. */
function removeOrphans(): void {
  for (const name of readdirSync(ROOT_BASE).filter((entry) => entry.endsWith('.home'))) {
    const note = join(ROOT_BASE, name);
    if (existsSync(readFileSync(note, 'utf8'))) continue;
    remove(note.slice(0, -'.home'.length));
    rmSync(note);
  }
}

/** Removes databases with the servers that may still run on them. */
function remove(base: string): void {
  for (const pidFile of [join(base, 'data', 'postmaster.pid'), join(base, 'mariadb', 'pid')]) {
    const pid = existsSync(pidFile) ? Number.parseInt(readFileSync(pidFile, 'utf8'), 10) : 0;
    if (commandLine(pid).includes(base)) process.kill(pid, 'SIGKILL');
  }
  rmSync(base, { recursive: true, force: true, maxRetries: 10 });
}
