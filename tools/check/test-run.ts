import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env } from '../env.ts';
import type { Counts, Sign } from './counts.ts';
import type { Runner } from './runner.ts';

export interface TestRun {
  readonly root: string;
  readonly files: readonly string[];
  /** Test files at the same time. One alone prints as it goes. */
  readonly concurrency: number;
  /** For one test. */
  readonly timeout_ms: number;
  /** How much longer a file may be silent than a test may last, before it is ended: what it left open holds it. */
  readonly grace_ms: number;
  readonly postgresUri: string | undefined;
}

/** Runs test files from source, a process each, and tells how many tests did what. Prints a line for each file. */
export async function runTests(runner: Runner, run: TestRun): Promise<Counts> {
  const waiting = [...run.files];
  const sum = { passed: 0, failed: 0, notRun: 0 };
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const counts = await runFile(runner, run, file);
      sum.passed += counts.passed;
      sum.failed += counts.failed;
      sum.notRun += counts.notRun;
    }
  };
  await Promise.all(Array.from({ length: run.concurrency }, worker));
  return sum;
}

async function runFile(runner: Runner, run: TestRun, file: string): Promise<Counts> {
  const scratch = mkdtempSync(join(tmpdir(), 'hoop-check-'));
  const signs = join(scratch, 'signs.jsonl');
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const args = [
    ...['--conditions=hoop:source', '--disable-warning=ExperimentalWarning', `--test-timeout=${run.timeout_ms}`],
    ...[`--test-reporter=${here('reporter.ts')}`, '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${here('counts.ts')}`, `--test-reporter-destination=${signs}`],
    file,
  ];
  const since = performance.now();
  let printed = '';
  const keep = (text: string): void => {
    printed = text;
  };
  try {
    const exitCode = await runner.run(process.execPath, args, {
      cwd: run.root,
      env: testEnv(join(scratch, 'home'), run.postgresUri),
      silence: { ms_max: run.timeout_ms + run.grace_ms, lastSign_ms: () => statSync(signs, { throwIfNoEntry: false })?.mtimeMs ?? 0 },
      ...(run.concurrency > 1 && { output: keep }),
    });
    const told = readSigns(signs);
    const { counts, ended } = resultOf(told, exitCode);
    process.stdout.write(`${printed}${fileLine(file, counts, performance.now() - since)}${ended ? '' : unendedLine(told)}`);
    return counts;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function fileLine(file: string, { passed, failed, notRun }: Counts, duration_ms: number): string {
  const mark = failed + notRun === 0 ? '✔' : '✘';
  return `  ${mark} ${file}  ${passed}/${passed + failed + notRun}  ${(duration_ms / 1000).toFixed(1)} s\n`;
}

/** Where to look: the test after the one that is named never ended, or, if it was the last of the file, something was left open. */
function unendedLine(signs: readonly Sign[]): string {
  const last = signs.flatMap((sign) => ('ran' in sign ? [sign.ran] : [])).at(-1);
  return `    it did not come to its end: ${last === undefined ? 'no test of it ended' : `the last test that ended was "${last}"`}\n`;
}

/** What a file's run came to. One that did not tell its end, or failed without a failed test, has one failure more. */
export function resultOf(signs: readonly Sign[], exitCode: number): { readonly counts: Counts; readonly ended: boolean } {
  const total = signs.flatMap((sign) => ('total' in sign ? [sign.total] : [])).at(-1);
  if (!total) return { counts: { passed: 0, failed: 1, notRun: 0 }, ended: false };
  const silent = exitCode !== 0 && total.failed + total.notRun === 0;
  return { counts: silent ? { ...total, failed: 1 } : total, ended: true };
}

function readSigns(file: string): Sign[] {
  const text = statSync(file, { throwIfNoEntry: false }) ? readFileSync(file, 'utf8') : '';
  // The last line has no end when the run was ended while it wrote.
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Sign);
}

/** A shell that has read demo.env, or uses hoop, must not reach into the tests, nor the tests into its home. */
function testEnv(home: string, postgresUri: string | undefined): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(HOOP_(?!TEST_)|PG|npm_|NODE_OPTIONS$)/.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), HOOP_HOME: home, ...(postgresUri && { HOOP_TEST_POSTGRES_URI: postgresUri }) };
}
