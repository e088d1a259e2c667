import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env } from '../env.ts';
import type { Counts, Sign } from './counts.ts';
import type { Runner } from './runner.ts';

/** A test that has not ended when its own timeout is over has this long to be told so by node's runner. */
const GRACE_MS = 30_000;

export interface TestRun {
  readonly files: readonly string[];
  /** Test files at the same time. */
  readonly concurrency: number;
  /** For one test. */
  readonly timeout_ms: number;
  readonly postgresUri: string | undefined;
}

export interface TestResult extends Counts {
  /** Files that did not come to their end: a test, or something that it left open, held them. */
  readonly unfinished: readonly string[];
}

/** Runs test files with node's test runner, from source, and tells how many tests did what. */
export async function runTests(runner: Runner, root: string, run: TestRun): Promise<TestResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'hoop-check-'));
  const signs = join(scratch, 'signs.jsonl');
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const args = [
    ...['--conditions=hoop:source', '--disable-warning=ExperimentalWarning', '--test'],
    ...[`--test-concurrency=${run.concurrency}`, `--test-timeout=${run.timeout_ms}`],
    ...[`--test-reporter=${here('reporter.ts')}`, '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${here('counts.ts')}`, `--test-reporter-destination=${signs}`],
    ...run.files,
  ];
  try {
    const exitCode = await runner.run(process.execPath, args, {
      cwd: root,
      env: testEnv(join(scratch, 'home'), run.postgresUri),
      silence: { ms_max: run.timeout_ms + GRACE_MS, lastSign_ms: () => statSync(signs, { throwIfNoEntry: false })?.mtimeMs ?? 0 },
    });
    return resultOf(
      readSigns(signs),
      run.files.map((file) => resolve(root, file)),
      exitCode,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Adds up what was told. Where the end was not told, each file without its own end counts as a failure. */
export function resultOf(signs: readonly Sign[], files: readonly string[], exitCode: number): TestResult {
  const total = signs.flatMap((sign) => ('total' in sign ? [sign.total] : [])).at(-1);
  if (total) {
    const silent = exitCode !== 0 && total.failed + total.notRun === 0;
    return { ...total, failed: silent ? 1 : total.failed, unfinished: [] };
  }
  const done = signs.flatMap((sign) => ('file' in sign ? [sign] : []));
  const unfinished = files.filter((file) => !done.some((sign) => sign.file === file));
  const sum = (pick: (counts: Counts) => number): number => done.reduce((count, { counts }) => count + pick(counts), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed) + Math.max(1, unfinished.length),
    notRun: sum(({ notRun }) => notRun),
    unfinished,
  };
}

function readSigns(file: string): Sign[] {
  const text = statSync(file, { throwIfNoEntry: false }) ? readFileSync(file, 'utf8') : '';
  const lines = text.split('\n');
  // The last line has no end when the runner was ended while it wrote.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Sign);
}

/** A shell that has read demo.env, or uses hoop, must not reach into the tests, nor the tests into its home. */
function testEnv(home: string, postgresUri: string | undefined): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(HOOP_|PG|npm_|NODE_OPTIONS$)/.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), HOOP_HOME: home, ...(postgresUri && { HOOP_TEST_POSTGRES_URI: postgresUri }) };
}
