import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { plainEnv } from '../env.ts';
import { hasProgram } from '../process/programs.ts';
import { step } from '../progress.mjs';

const run = promisify(execFile);

const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));
const FOLDER = join(CACHE, 'mysql-server');

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SOURCE = `deb [signed-by=${KEYRING}] http://deb.debian.org/debian sid main\n`;
const SERVER = 'mysql-server-core';

/** Its scripts want Perl; the server does not. */
const NOT_NEEDED = /^(lib)?perl/;

const FETCH_MS_MAX = 180_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Oracle's MySQL, which of Debian's distributions only the unstable one has: unpacked into a folder of the checkout with every library that it
 * needs, the C library too. Nothing is installed, and the system's own packages stay as they are.
 * @returns why it is not to be had here; undefined when it is there
 */
export async function ensureMysql(): Promise<string | undefined> {
  if (command()) return undefined;
  if (!hasProgram('apt-get') || !hasProgram('dpkg') || globSync(KEYRING).length === 0)
    return 'this is no Debian, or a system that lacks its keys';
  try {
    await step('Fetching MySQL from Debian’s unstable distribution', fetch);
    return command() ? undefined : `${SERVER} holds no server`;
  } catch (error) {
    return (error as Error).message.split('\n').slice(0, 4).join(' ');
  }
}

/** What starts the server: a program, and its first arguments. @throws Error when it was not fetched */
export function mysqlCommand(): readonly [string, ...string[]] {
  const found = command();
  if (!found) throw new Error('There is no MySQL server here yet. Run `npm test -- mysql-server`, which fetches it');
  return found;
}

/** By the C library that came with it: the system's is older. */
function command(): readonly [string, ...string[]] | undefined {
  const usr = join(FOLDER, 'usr');
  const [loader] = globSync('lib*/ld-linux-*.so.*', { cwd: usr }).sort();
  const [libraries] = globSync('lib/*-linux-gnu', { cwd: usr });
  const [server] = globSync('sbin/mysqld', { cwd: usr });
  if (!loader || !libraries || !server) return undefined;
  const options = ['--no-defaults', `--basedir=${usr}`, `--lc-messages-dir=${join(usr, 'share', 'mysql')}`];
  return [join(usr, loader), '--library-path', join(usr, libraries), join(usr, server), ...options];
}

async function fetch(): Promise<void> {
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'fetching-'));
  try {
    for (const folder of ['lists/partial', 'cache/archives/partial', 'debs', 'root']) mkdirSync(join(work, folder), { recursive: true });
    writeFileSync(join(work, 'sources.list'), SOURCE);
    await apt(work, 'apt-get', 'update', '-qq');
    const names = await needed(work);
    await apt(work, 'apt-get', 'download', '-qq', ...names);
    for (const deb of globSync('*.deb', { cwd: join(work, 'debs') })) await tool(work, 'dpkg', '-x', deb, join(work, 'root'));
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(join(work, 'root'), FOLDER);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The server's package and all that it depends on, whatever of it the system has in an older version. */
async function needed(work: string): Promise<string[]> {
  const only = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`);
  const told = await apt(work, 'apt-cache', 'depends', '--recurse', ...only, SERVER);
  const names = told.split('\n').filter((line) => /^[a-z]/.test(line) && !NOT_NEEDED.test(line));
  return [...new Set(names)];
}

/** With lists and a cache of its own, so that the system's stay as they are. */
function apt(work: string, program: string, ...args: readonly string[]): Promise<string> {
  const settings = {
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return tool(work, program, ...options, ...args);
}

async function tool(work: string, program: string, ...args: readonly string[]): Promise<string> {
  const options = { cwd: join(work, 'debs'), env: plainEnv, timeout: FETCH_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX };
  const { stdout } = await run(program, args, options);
  return stdout;
}
