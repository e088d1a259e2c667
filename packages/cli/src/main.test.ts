import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { saveStored } from './config.ts';
import { Answered, FakeGateway, Refused } from './testing/fake-gateway.ts';
import { connection, SESSION_ID, session } from './testing/fixtures.ts';

/** The program as a process of its own, run from its source. */
const HOOP = [process.execPath, '--conditions=hoop:source', fileURLToPath(new URL('./main.ts', import.meta.url))];

const homes: string[] = [];
after(() => {
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

function homeAt(gateway: FakeGateway): string {
  const home = mkdtempSync(join(tmpdir(), 'hoop-main-'));
  homes.push(home);
  saveStored(home, { api_url: gateway.url, token: 'a.b.c' });
  return home;
}

/** Runs a line of shell with `$HOOP` as the program. */
function shell(line: string, home: string): ChildProcess {
  const quoted = HOOP.map((word) => `'${word}'`).join(' ');
  return spawn('sh', ['-c', `hoop() { ${quoted} "$@"; }\n${line}`], {
    env: { PATH: '/usr/bin:/bin', HOOP_HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

function hoop(words: readonly string[], home: string): ChildProcess {
  const [node = '', ...rest] = HOOP;
  return spawn(node, [...rest, ...words], { env: { PATH: '/usr/bin:/bin', HOOP_HOME: home }, stdio: ['pipe', 'pipe', 'pipe'] });
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function ended(child: ChildProcess, stdin?: string): Promise<Ended> {
  const text = { out: '', err: '' };
  child.stdout?.on('data', (chunk) => (text.out += chunk));
  child.stderr?.on('data', (chunk) => (text.err += chunk));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(stdin);
  const [code] = await once(child, 'close');
  return { code, ...text };
}

const KEY = 'grpcs://dev:xagt-mzv7CRgUs23TgHpk0XNmll0TO37qfwM0D3JGQpwGPa8@gw.example.com:8010?mode=standard';

test('export HOOP_KEY="$(hoop admin create agent dev)" takes the key and nothing but the key', async () => {
  await using gateway = await FakeGateway.start({ createAgent: () => ({ token: KEY }) });
  const line = 'export HOOP_KEY="$(hoop admin create agent dev)"; printf "[%s]" "$HOOP_KEY"';
  assert.deepEqual(await ended(shell(line, homeAt(gateway))), { code: 0, out: `[${KEY}]`, err: '' });
});

test('a script from a pipe runs, and the exit code reaches the shell', async () => {
  await using gateway = await FakeGateway.start({
    getConnection: () => connection(),
    execSession: ({ body }) => ({
      has_review: false,
      session_id: SESSION_ID,
      output: `${body.script}|`,
      output_status: 'failed',
      truncated: false,
      execution_time: 1,
      exit_code: 3,
    }),
  });
  assert.deepEqual(await ended(hoop(['exec', 'demo'], homeAt(gateway)), 'select é;\n'), { code: 3, out: 'select é;\n|', err: '' });
});

test('a large output reaches a slow pipe whole', async () => {
  const output = 'x'.repeat(8 * 1024 * 1024);
  await using gateway = await FakeGateway.start({
    getConnection: () => connection(),
    execSession: () => ({
      has_review: false,
      session_id: SESSION_ID,
      output,
      output_status: 'success',
      truncated: false,
      execution_time: 1,
      exit_code: 0,
    }),
  });
  const { out } = await ended(shell('hoop exec demo -i x | { read -r -n 1 first 2>/dev/null || :; wc -c; }', homeAt(gateway)));
  assert.ok(Number(out) > output.length - 65_537, out);
});

test('a reader that leaves early is no error and prints no stack', async () => {
  await using gateway = await FakeGateway.start({
    listConnections: () => Array.from({ length: 5_000 }, (_, at) => connection({ name: `connection-${at}` })),
  });
  const { out, err } = await ended(shell('hoop list | head -1', homeAt(gateway)));
  assert.match(out, /^NAME +TYPE/);
  assert.equal(err, '');
});

test('Ctrl-C during an exec that runs on kills its session and ends with 130', async () => {
  const killed: string[] = [];
  await using gateway = await FakeGateway.start({
    getConnection: () => connection(),
    execSession: () => {
      const running = { output: '', output_status: 'running' as const, truncated: false, execution_time: 0, exit_code: -2 };
      return new Answered({ has_review: false, session_id: SESSION_ID, ...running }, { status: 202 });
    },
    getSession: () => session({ status: 'open', exit_code: null }),
    killSession: ({ params }) => void killed.push(params.session_id),
  });
  const child = hoop(['exec', 'demo', '-i', 'select pg_sleep(100)'], homeAt(gateway));
  const result = ended(child);
  await told(child, /Still running/);
  child.kill('SIGINT');
  assert.equal((await result).code, 130);
  assert.deepEqual(killed, [SESSION_ID]);
});

test('a gateway that drains is told as one that is away, so that a script can try again', async () => {
  await using gateway = await FakeGateway.start({
    getConnection: () => {
      throw new Refused(503, 'draining', 'The gateway is draining; try again soon');
    },
  });
  const { code, err } = await ended(hoop(['connect', 'demo'], homeAt(gateway)));
  assert.deepEqual([code, err], [69, 'Error: The gateway is draining; try again soon\n']);
});

test('an environment that cannot be meant is told before anything is done', async () => {
  const [node = '', ...rest] = HOOP;
  const child = spawn(node, [...rest, 'version'], { env: { HOOP_TLS_SKIP_VERIFY: 'perhaps' }, stdio: ['pipe', 'pipe', 'pipe'] });
  const { code, out, err } = await ended(child);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /^Error: HOOP_TLS_SKIP_VERIFY is "perhaps"/);
});

test('an agent without a key says what to set', async () => {
  const { code, err } = await ended(hoop(['start', 'agent'], tmpdir()));
  assert.equal(code, 78);
  assert.match(err, /HOOP_KEY/);
});

function told(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.on('data', (chunk) => {
      text += chunk;
      if (pattern.test(text)) resolve();
    });
    child.on('close', () => reject(new Error(`ended without ${pattern}: ${text}`)));
  });
}
