import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { choosePorts } from '../demo/ports.ts';
import { env } from '../env.ts';
import { lackOfApiserver } from '../kube-apiserver/kube-apiserver.ts';
import { ensureMysql } from '../mysql/unstable.ts';
import { Cluster } from '../postgres/cluster.ts';
import { Stop } from '../process/stop.ts';
import { ensurePackages } from './packages.ts';
import { Runner } from './runner.ts';
import { runTests } from './test-run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tool = (name: string): string => join(root, 'node_modules', name);

/** One part of what is checked. */
interface Phase {
  readonly name: string;
  /** Test files, or a program that says yes with exit code 0. */
  readonly files?: readonly string[];
  readonly program?: readonly string[];
  readonly concurrency?: number;
  readonly timeout_ms?: number;
}

/** Folders of `test/` in the order in which they run: the quick ones first. A folder that is not named here runs last. */
const FOLDERS = ['fuzz', 'protocols', 'e2e', 'bench'];

/** Folders whose tests look at time and memory of whole processes: nothing else runs beside one of them. */
const ALONE: ReadonlySet<string> = new Set(['bench']);

function phases(): Phase[] {
  const files = (pattern: string): string[] => globSync(pattern, { cwd: root }).sort();
  const folders = new Set([...FOLDERS, ...files('test/**/*.test.ts').map((path) => path.split('/')[1] ?? '')]);
  return [
    { name: 'types', program: [tool('typescript/bin/tsc'), '-p', 'tsconfig.tests.json'] },
    { name: 'format and lint', program: [tool('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'] },
    { name: 'tidy', program: ['--disable-warning=ExperimentalWarning', 'tools/tidy.ts'] },
    { name: 'tools', files: files('tools/**/*.test.ts'), concurrency: 2, timeout_ms: 120_000 },
    { name: 'packages', files: files('packages/*/src/**/*.test.ts'), concurrency: 2, timeout_ms: 120_000 },
    ...[...folders].map((folder) => ({
      name: `test/${folder}`,
      files: files(`test/${folder}/**/*.test.ts`),
      concurrency: ALONE.has(folder) ? 1 : 2,
      timeout_ms: 600_000,
    })),
  ];
}

/** Only what has one of the patterns in its name or path. */
function chosen(all: readonly Phase[], patterns: readonly string[]): Phase[] {
  const fits = (text: string): boolean => patterns.length === 0 || patterns.some((pattern) => text.includes(pattern));
  return all.flatMap((phase) => {
    if (!phase.files) return fits(phase.name) ? [phase] : [];
    const files = fits(phase.name) ? phase.files : phase.files.filter(fits);
    return files.length > 0 ? [{ ...phase, files }] : [];
  });
}

/** Tests of servers that no stable distribution has: where one is not to be had, they are left out, and it is said why. */
const RARE: readonly { readonly path: string; readonly server: string; lack(): Promise<string | undefined> | string | undefined }[] = [
  { path: 'test/protocols/mysql-server/', server: 'MySQL', lack: ensureMysql },
  { path: 'test/protocols/kubernetes/apiserver.test.ts', server: 'kube-apiserver', lack: lackOfApiserver },
];

async function withoutLacking(wanted: readonly Phase[]): Promise<readonly Phase[]> {
  const left = [...wanted];
  for (const { path, server, lack } of RARE) {
    const isOfIt = (file: string): boolean => file.startsWith(path);
    if (!left.some(({ files }) => files?.some(isOfIt))) continue;
    const why = await lack();
    if (why === undefined) continue;
    process.stdout.write(`\nNOT RUN: ${path}, because ${server} is not to be had here: ${why}\n`);
    for (const [at, phase] of left.entries()) if (phase.files) left[at] = { ...phase, files: phase.files.filter((file) => !isOfIt(file)) };
  }
  return left;
}

const GRACE_MS = 20_000;

interface Result {
  readonly passed: number;
  readonly failed: number;
}

async function main(): Promise<number> {
  const patterns = process.argv.slice(2);
  const wanted = chosen(phases(), patterns);
  if (wanted.length === 0) throw new Error(`Nothing here has "${patterns.join('" or "')}" in its path`);
  const stop = new Stop(process);
  const runner = new Runner(stop.signal);
  const since = performance.now();
  await ensurePackages(join(root, 'tools', 'test-packages.txt'));
  const todo = await withoutLacking(wanted);
  const given = env.HOOP_TEST_POSTGRES_URI;
  const server = !given && todo.some(({ files }) => files) ? await startServer() : undefined;
  const total = { passed: 0, failed: 0 };
  try {
    for (const phase of todo) {
      const result = await runPhase(runner, phase, given ?? server?.uri);
      total.passed += result.passed;
      total.failed += result.failed;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await server?.close();
  }
  if (stop.signal.aborted) return 130;
  process.stdout.write(`\nTotal ${seconds(since)}\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 ? 0 : 1;
}

async function runPhase(runner: Runner, phase: Phase, postgresUri: string | undefined): Promise<Result> {
  const { name, files, program, concurrency = 1, timeout_ms = 120_000 } = phase;
  const since = performance.now();
  process.stdout.write(`\n── ${name}\n`);
  if (program) {
    const exitCode = await runner.run(process.execPath, program, { cwd: root });
    process.stdout.write(`   ${exitCode === 0 ? 'ok' : 'FAILED'}  ${seconds(since)}\n`);
    return exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  }
  const run = { root, files: files ?? [], concurrency, timeout_ms, grace_ms: GRACE_MS, postgresUri };
  const { passed, failed, notRun } = await runTests(runner, run);
  const rest = notRun > 0 ? `, ${notRun} not run` : '';
  process.stdout.write(`   ${passed} passed, ${failed} failed${rest}  ${seconds(since)}\n`);
  return { passed, failed: failed + notRun };
}

interface Server {
  readonly uri: string;
  close(): Promise<void>;
}

/** A PostgreSQL server for all tests that want one, thrown away at the end: it need not survive a power cut. */
async function startServer(): Promise<Server> {
  const base = mkdtempSync(join(tmpdir(), 'hoop-check-postgres-'));
  const { server } = await choosePorts({ server: [] });
  const cluster = await Cluster.start({
    base,
    wish: { root, engines: join(base, 'engines'), choice: 'any' },
    password: 'test',
    port: server.port,
    settings: { fsync: 'off', max_connections: '300' },
  });
  return {
    uri: `postgres://postgres:test@127.0.0.1:${server.port}/postgres`,
    close: async () => {
      await cluster.stop();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
