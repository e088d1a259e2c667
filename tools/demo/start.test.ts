import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { plainEnv } from '../env.ts';
import { demoPaths } from './paths.ts';

const START = fileURLToPath(new URL('../start.mjs', import.meta.url));
const ANY_PORT = '127.0.0.1:0';
const LISTENERS = ['API', 'GRPC', 'POSTGRES', 'MYSQL', 'SSH', 'HTTP'];

/** `npm start` as a person has it: a process group of its own, with the launcher at its head. */
class Started {
  static readonly all: Started[] = [];
  readonly child: ChildProcess;
  output = '';
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
    Started.all.push(this);
    const listen = Object.fromEntries(LISTENERS.map((name) => [`${name}_LISTEN`, ANY_PORT]));
    const env = { ...plainEnv, HOME: home, HOOP_HOME: home, ...listen };
    this.child = spawn(process.execPath, [START], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /** Waits for the last line of what it prints. */
  async ready(): Promise<void> {
    while (!this.output.includes('who did what')) {
      if (this.child.exitCode !== null) throw new Error(`It ended with ${this.child.exitCode}: ${this.output}`);
      await Promise.race([once(this.child.stdout), once(this.child.stderr), ended(this.child)]);
    }
  }

  /** What a shell has after sourcing demo.env. */
  variables(): Record<string, string> {
    const script = `. ${join(this.#home, 'demo.env')}; "$0" -p 'JSON.stringify(process.env)'`;
    return JSON.parse(execFileSync('sh', ['-uc', script, process.execPath], { env: plainEnv, encoding: 'utf8' })) as Record<string, string>;
  }

  /** Sends a signal to the launcher alone, or, as Ctrl-C does, to everybody in its group. Resolves with the exit code. */
  async stop(signal: NodeJS.Signals, whom: 'launcher' | 'group'): Promise<number | null> {
    const { pid } = this.child;
    assert.ok(pid);
    process.kill(whom === 'group' ? -pid : pid, signal);
    await ended(this.child);
    return this.child.exitCode;
  }
}

function once(stream: NodeJS.ReadableStream | null): Promise<void> {
  return new Promise((resolve) => stream?.once('data', () => resolve()));
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise<void>((resolve) => child.once('close', () => resolve()));
}

async function query(url: string | undefined, text: string): Promise<Record<string, unknown>[]> {
  const bare = new URL(url ?? '');
  const ssl = bare.searchParams.get('sslmode') === 'require' && { rejectUnauthorized: false };
  bare.search = '';
  const client = new pg.Client({ connectionString: bare.href, ssl });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

/** Runs a program as a shell that has sourced demo.env would. Gives what it printed, and how it ended. */
function run(env: Readonly<Record<string, string>>, program: string, ...args: string[]): { printed: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync(program, args, { env, encoding: 'utf8', input: '', timeout: 30_000 });
  return { printed: stdout + stderr, status };
}

/** A connection of its own for each request: one that is kept open is a session that a drain waits for. */
function headersOf(env: Readonly<Record<string, string>>): Record<string, string> {
  return { 'x-api-key': env.HTTP_TOKEN ?? '', connection: 'close' };
}

async function get(env: Readonly<Record<string, string>>, path: string, method = 'GET'): Promise<string> {
  const response = await fetch(`${env.HTTP_URL}${path}`, { method, headers: headersOf(env) });
  return response.text();
}

const home = mkdtempSync(join(tmpdir(), 'hoop-start-'));
after(async () => {
  // A test that failed in the middle leaves one running.
  for (const started of Started.all)
    if (started.child.exitCode === null && started.child.signalCode === null) await started.stop('SIGTERM', 'launcher');
  const base = join(home, 'demo', 'postgres');
  if (existsSync(base)) {
    const real = realpathSync(base);
    rmSync(real, { recursive: true, force: true });
    rmSync(`${real}.home`, { force: true });
  }
  rmSync(home, { recursive: true, force: true });
});

let first: Record<string, string> = {};

test('a start gives a system that works: masked, guarded, recorded, and the same data without us', async () => {
  const started = new Started(home);
  await started.ready();
  first = started.variables();
  assert.match(started.output, new RegExp(`Admin +${first.HOOP_EMAIL} +password ${first.HOOP_PASSWORD}`));
  assert.equal(statSync(join(home, 'demo.env')).mode & 0o777, 0o600);
  assert.equal(statSync(join(home, 'config.toml')).mode & 0o777, 0o600);
  const ask = 'select email from customers order by id limit 1';
  const [direct] = await query(first.PGURL_DIRECT, ask);
  const [through] = await query(first.PGURL, ask);
  assert.match(String(direct?.email), /^\S+@\S+$/);
  assert.equal(through?.email, '#'.repeat(String(direct?.email).length));
  await assert.rejects(query(first.PGURL, 'drop table orders'), /demo-tables-stay/);
  assert.deepEqual(await query(first.PGURL, 'select count(*) from orders'), [{ count: '8000' }]);
  const hoop = (...args: string[]): string => execFileSync('hoop', args, { env: first, encoding: 'utf8' });
  assert.match(hoop('exec', 'demo', '-i', 'select 40 + 2 as answer'), /\b42\b/);
  assert.match(hoop('admin', 'get', 'sessions'), /admin@example\.com +demo/);
  await query(first.PGURL, 'create table kept (what text)');
  assert.ok(started.output.split('\n').length < 40, started.output);
  await triesEverything(first);
  assert.equal(await started.stop('SIGINT', 'group'), 0);
});

/** What is on the screen besides PostgreSQL. */
async function triesEverything(env: Readonly<Record<string, string>>): Promise<void> {
  const hidden = '#'.repeat('nadia.abbott1@example.net'.length);
  const ask = 'select email from customers where id = 1';
  assert.match(run(env, 'hoop', 'exec', 'demo-mysql', '-i', ask).printed, new RegExp(hidden));
  const mysql = (text: string) => run(env, 'mariadb', `--defaults-file=${env.MYSQL_CNF}`, '-N', '-e', text);
  assert.equal(mysql(ask).printed.trim(), hidden);
  assert.match(mysql('drop table orders').printed, /demo-tables-stay/);
  assert.equal(mysql('select count(*) from orders').printed.trim(), '8000');
  const direct = await (await fetch(`${env.HTTP_URL_DIRECT}/customers/1`)).text();
  assert.match(direct, /nadia\.abbott1@example\.net/);
  assert.match(await get(env, '/customers/1'), new RegExp(`"email":"${hidden}"`));
  assert.match(await get(env, '/customers/1', 'DELETE'), /demo-customers-stay/);
  assert.match(await firstEvent(env), new RegExp(`"email":"${hidden}"`));
  const ssh = (...command: string[]) => run(env, 'ssh', '-F', env.SSH_CONFIG ?? '', 'demo-ssh', ...command);
  assert.deepEqual(ssh('exit', '7'), { printed: '', status: 7 });
  assert.match(ssh('cat', '/etc/shadow').printed, /demo-no-shadow/);
  const shell = (...command: string[]) => run(env, 'hoop', 'exec', 'demo-shell', '--', ...command);
  assert.deepEqual(shell('echo', 'to', 'a@example.com'), { printed: 'to #############\n', status: 0 });
  assert.match(shell('cat', '/etc/shadow').printed, /demo-no-shadow/);
  assert.equal(run(env, 'hoop', 'exec', 'demo-shell', '-i', 'exit 7').status, 7);
}

async function firstEvent(env: Readonly<Record<string, string>>): Promise<string> {
  const done = new AbortController();
  const response = await fetch(`${env.HTTP_URL}/events`, { headers: headersOf(env), signal: done.signal });
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('\n\n')) break;
  }
  done.abort();
  return text;
}

test('the next start keeps data, login and the secret of the URL; a second one at the same time is refused', async () => {
  const started = new Started(home);
  await started.ready();
  const again = started.variables();
  assert.equal(again.HOOP_PASSWORD, first.HOOP_PASSWORD);
  for (const name of ['PGURL', 'MYSQL_URL']) assert.equal(new URL(again[name] ?? '').password, new URL(first[name] ?? '').password);
  assert.equal(again.HTTP_TOKEN, first.HTTP_TOKEN);
  assert.equal(run(again, 'mariadb', `--defaults-file=${again.MYSQL_CNF}`, '-N', '-e', 'select count(*) from orders').printed, '8000\n');
  assert.deepEqual(await query(again.PGURL, 'select * from kept'), []);
  const second = new Started(home);
  await ended(second.child);
  assert.equal(second.child.exitCode, 1);
  assert.match(second.output, /runs already/);
  assert.deepEqual(await query(again.PGURL, 'select 1 as one'), [{ one: 1 }]);
  process.kill(Number(readFileSync(join(home, 'demo', 'gateway.pid'), 'utf8')), 'SIGKILL');
  while (!started.output.includes('is started again')) await once(started.child.stderr);
  assert.equal(await started.stop('SIGTERM', 'launcher'), 0);
});

test('a start after everything was killed puts up with what was left', async () => {
  const killed = new Started(home);
  await killed.ready();
  const before = killed.variables();
  await killed.stop('SIGKILL', 'group');
  const started = new Started(home);
  await started.ready();
  const env = started.variables();
  assert.deepEqual(await query(env.PGURL, 'select count(*) from customers'), [{ count: '2000' }]);
  for (const name of ['MYSQL_URL_DIRECT', 'HTTP_URL_DIRECT', 'PGURL_DIRECT', 'SSH_URL']) assert.equal(env[name], before[name]);
  await triesEverything(env);
  assert.equal(await started.stop('SIGTERM', 'launcher'), 0);
});

test('a server that does not start is told of, and takes nothing along', async () => {
  writeFileSync(join(home, 'demo', 'ssh', 'host'), 'no key');
  const data = join(demoPaths(home, process.getuid?.() === 0).mariadb, 'data');
  rmSync(data, { recursive: true });
  writeFileSync(data, 'no directory');
  const started = new Started(home);
  await started.ready();
  assert.match(started.output, /SSH: sshd did not start/);
  assert.match(started.output, /MySQL: MariaDB did not start/);
  const env = started.variables();
  assert.equal(env.SSH_CONFIG ?? env.MYSQL_URL, undefined);
  assert.deepEqual(await query(env.PGURL, 'select count(*) from customers'), [{ count: '2000' }]);
  assert.match(await get(env, '/customers/2'), /#####/);
  assert.equal(await started.stop('SIGTERM', 'launcher'), 0);
});
