import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { plainEnv } from '../env.ts';

const START = fileURLToPath(new URL('../start.mjs', import.meta.url));
const ANY_PORT = '127.0.0.1:0';

/** `npm start` as a person has it: a process group of its own, with the launcher at its head. */
class Started {
  readonly child: ChildProcess;
  output = '';
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
    const listen = { API_LISTEN: ANY_PORT, GRPC_LISTEN: ANY_PORT, POSTGRES_LISTEN: ANY_PORT };
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

const home = mkdtempSync(join(tmpdir(), 'hoop-start-'));
after(() => {
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
  assert.equal(await started.stop('SIGINT', 'group'), 0);
});

test('the next start keeps data, login and the secret of the URL; a second one at the same time is refused', async () => {
  const started = new Started(home);
  await started.ready();
  const again = started.variables();
  assert.equal(again.HOOP_PASSWORD, first.HOOP_PASSWORD);
  assert.equal(new URL(again.PGURL ?? '').password, new URL(first.PGURL ?? '').password);
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
  await killed.stop('SIGKILL', 'group');
  const started = new Started(home);
  await started.ready();
  assert.deepEqual(await query(started.variables().PGURL, 'select count(*) from customers'), [{ count: '2000' }]);
  assert.equal(await started.stop('SIGTERM', 'launcher'), 0);
});
