import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { plainEnv } from '../env.ts';
import { commandLine } from '../process/alive.ts';
import { tail } from '../process/tail.ts';
import { type Account, serverAccount } from './account.ts';
import { type Binaries, findBinaries, type Wish } from './binaries.ts';

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 20_000;

export interface ClusterOptions {
  /** Everything of this server is in this directory; the server's user must be able to reach it. */
  readonly base: string;
  readonly wish: Wish;
  /** Password of the superuser `postgres`. Used when the data directory is made. */
  readonly password: string;
  readonly port: number;
  /** More settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL server of our own: its data, its process. Listens on 127.0.0.1 only. */
export class Cluster {
  readonly binaries: Binaries;
  readonly port: number;
  /** True when its data directory was made just now. */
  readonly fresh: boolean;
  readonly log: string;
  readonly #data: string;
  readonly #account: Account | undefined;
  readonly #settings: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  private constructor(options: ClusterOptions, binaries: Binaries, fresh: boolean, account: Account | undefined) {
    this.binaries = binaries;
    this.port = options.port;
    this.fresh = fresh;
    this.log = join(options.base, 'postgres.log');
    this.#data = join(options.base, 'data');
    this.#account = account;
    this.#settings = options.settings ?? {};
  }

  /** Makes the data directory where there is none, clears away what a killed process left, and starts the server. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const account = serverAccount();
    makeBase(options.base, account);
    await Cluster.stopLeftover(options.base);
    const data = join(options.base, 'data');
    const binaries = binariesFor(data, options.wish);
    const fresh = !existsSync(join(data, 'PG_VERSION'));
    if (fresh) await initialise(data, binaries, options.password, account);
    const cluster = new Cluster(options, binaries, fresh, account);
    await cluster.run();
    return cluster;
  }

  /**
   * A starter that was killed leaves its server running, and a machine that was switched off leaves the server's pid file.
   * The first is stopped as if its starter had done it; the second is removed, because its pid may be somebody else's by now.
   */
  static async stopLeftover(base: string): Promise<void> {
    const data = join(base, 'data');
    const file = readPidFile(data);
    if (!file) return;
    const until = Date.now() + STOP_MS_MAX;
    if (isServerOf(file.pid, data)) process.kill(file.pid, 'SIGINT');
    while (isServerOf(file.pid, data)) {
      if (Date.now() > until)
        throw new Error(`A PostgreSQL server of an earlier run (pid ${file.pid}) does not end. End it, and run this again`);
      await pause(50);
    }
    rmSync(join(data, 'postmaster.pid'), { force: true });
  }

  /** Starts the process, and waits until it takes connections. */
  async run(): Promise<void> {
    const settings = { listen_addresses: '127.0.0.1', port: String(this.port), unix_socket_directories: '', ...this.#settings };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const output = openSync(this.log, 'a', 0o640);
    // In a session of its own: Ctrl-C in the terminal must reach the one who stops things in order, not the server.
    const child = spawn(join(this.binaries.bin, 'postgres'), ['-D', this.#data, ...flags], {
      cwd: dirname(this.#data),
      detached: true,
      stdio: ['ignore', output, output],
      env: plainEnv,
      ...this.#account,
    });
    closeSync(output);
    this.#child = child;
    await this.#ready(child);
  }

  /** Resolves when the process has ended, with how. */
  async ended(): Promise<string> {
    const child = this.#child;
    if (!child) return 'not started';
    if (child.exitCode === null && child.signalCode === null) await new Promise<void>((resolve) => child.once('exit', () => resolve()));
    return child.signalCode ?? `exit code ${child.exitCode}`;
  }

  /** Ends it: no new clients, open transactions rolled back, everything on disk. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.kill('SIGINT');
    const late = setTimeout(() => child.kill('SIGQUIT'), STOP_MS_MAX);
    await this.ended();
    clearTimeout(late);
  }

  /** Ends it now, without waiting for clients; it recovers on its next start. */
  hurry(): void {
    this.#child?.kill('SIGQUIT');
  }

  async #ready(child: ChildProcess): Promise<void> {
    let failure: string | undefined;
    child.once('error', (error) => {
      failure = error.message;
    });
    child.once('exit', (code, signal) => {
      failure ??= `it ended with ${signal ?? `exit code ${code}`}`;
    });
    const until = Date.now() + START_MS_MAX;
    while (failure === undefined) {
      // The eighth line is the server's own word on its state; pg_ctl waits for the same.
      const { pid, state } = readPidFile(this.#data) ?? {};
      if (pid === child.pid && state === 'ready') return;
      if (Date.now() > until) failure = `it was not ready after ${START_MS_MAX / 1000} s`;
      await pause(20);
    }
    child.kill('SIGQUIT');
    throw new Error(`PostgreSQL did not start: ${failure}\n\n${tail(this.log)}`);
  }
}

function makeBase(base: string, account: Account | undefined): void {
  mkdirSync(base, { recursive: true, mode: 0o700 });
  if (!account) return;
  chownSync(base, account.uid, account.gid);
  chmodSync(base, 0o700);
}

/** The version that made the data must open it. Where it is gone, the data is put aside, never deleted. */
function binariesFor(data: string, wish: Wish): Binaries {
  const file = join(data, 'PG_VERSION');
  if (existsSync(file)) {
    const major = readFileSync(file, 'utf8').trim();
    const match = findBinaries(wish, major);
    if (match) return match;
    const aside = `${data}-of-${major}-${Date.now()}`;
    renameSync(data, aside);
    process.stderr.write(`PostgreSQL ${major} is not on this machine any more: its data was moved to ${aside}\n`);
  }
  const binaries = findBinaries(wish);
  if (!binaries)
    throw new Error(
      `No PostgreSQL server was found (${wish.choice}). Install one, such as Debian's package postgresql, and run this again`,
    );
  return binaries;
}

async function initialise(data: string, binaries: Binaries, password: string, account: Account | undefined): Promise<void> {
  rmSync(data, { recursive: true, force: true });
  const half = `${data}.new`;
  rmSync(half, { recursive: true, force: true });
  const passwordFile = join(dirname(data), 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (account) chownSync(passwordFile, account.uid, account.gid);
  const args = ['-D', half, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C'];
  try {
    await toItsEnd(join(binaries.bin, 'initdb'), args, { cwd: dirname(data), env: plainEnv, ...account });
  } finally {
    rmSync(passwordFile);
  }
  renameSync(half, data); // Only a whole data directory gets the name.
}

/** Runs a program out of Ctrl-C's reach. @throws Error with what it printed when it fails */
async function toItsEnd(program: string, args: readonly string[], options: SpawnOptions): Promise<void> {
  const child = spawn(program, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const how = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${signal ?? `exit code ${code}`}`));
  });
  if (how) throw new Error(`${program} failed: ${how}\n\n${printed}`);
}

interface PidFile {
  readonly pid: number;
  readonly state: string | undefined;
}

function readPidFile(data: string): PidFile | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), state: lines[7]?.trim() };
  } catch {
    return undefined;
  }
}

function isServerOf(pid: number, data: string): boolean {
  return commandLine(pid).includes(data);
}
