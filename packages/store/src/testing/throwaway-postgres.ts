import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTestEnv } from './env.ts';

const START_MS_MAX = 60_000;

const PLACES = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/opt/homebrew/opt/postgresql*/bin', '/usr/local/opt/postgresql*/bin'];

/** A PostgreSQL server with nothing in it, on a Unix socket in a directory of its own; gone with its data when it is stopped. */
export class ThrowawayPostgres {
  readonly uri: string;
  readonly #directory: string;
  readonly #server: ChildProcess;

  private constructor(directory: string, server: ChildProcess) {
    this.#directory = directory;
    this.#server = server;
    // A test that ends its process early must not leave a server behind.
    process.once('exit', this.#abandon);
    this.uri = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(directory)}`;
  }

  /** @throws Error when this machine has no server, or when it does not start. Tests must fail then, not skip. */
  static async start(): Promise<ThrowawayPostgres> {
    const bin = findBin();
    const directory = mkdtempSync(join(tmpdir(), 'hoop-pg-'));
    const account = serverAccount();
    if (account) chownSync(directory, account.uid, account.gid);
    // No sync anywhere: the data lives as long as the test.
    const data = join(directory, 'data');
    const options = { env: { PATH: readTestEnv().path, LC_ALL: 'C' }, cwd: directory, ...account };
    execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], {
      ...options,
      stdio: 'pipe',
    });
    const settings = { listen_addresses: '', unix_socket_directories: directory, fsync: 'off', max_connections: '100' };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(join(bin, 'postgres'), ['-D', data, ...flags], { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      await ready(server);
    } catch (error) {
      server.kill('SIGQUIT');
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
    return new ThrowawayPostgres(directory, server);
  }

  /** Ends the server with whoever is connected, and forgets its data. */
  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#server.once('exit', resolve));
    // SIGINT is PostgreSQL's fast shutdown.
    if (this.#server.exitCode === null && this.#server.kill('SIGINT')) await gone;
    process.off('exit', this.#abandon);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  readonly #abandon = (): void => {
    this.#server.kill('SIGQUIT');
    rmSync(this.#directory, { recursive: true, force: true });
  };
}

function findBin(): string {
  const places = PLACES.flatMap((pattern) => globSync(pattern)).filter((bin) => existsSync(join(bin, 'initdb')));
  const bin = places.sort().at(-1);
  if (bin) return bin;
  throw new Error('There is no PostgreSQL server here. Install one, or set HOOP_TEST_POSTGRES_URI to one whose user may create databases');
}

/** PostgreSQL refuses to run as root. */
function serverAccount(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const row = users.find((line) => line.startsWith('postgres:'))?.split(':');
  if (!row) throw new Error('PostgreSQL does not run as root, and there is no user "postgres" here. Run the tests as another user');
  return { uid: Number(row[2]), gid: Number(row[3]) };
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`PostgreSQL did not start within ${START_MS_MAX} ms: ${said}`)), START_MS_MAX);
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`PostgreSQL ended with ${code}: ${said}`)));
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < 10_000) said += text;
      if (!said.includes('database system is ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
  });
}
