import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { env } from '../env.ts';
import type { Counts } from './counts.ts';
import type { Runner } from './runner.ts';

const NO_TESTS: Counts = { passed: 0, failed: 0, notRun: 0 };

export interface TestRun {
  readonly files: readonly string[];
  /** Test files at the same time. */
  readonly concurrency: number;
  /** For one test, and for one file. */
  readonly timeout_ms: number;
  readonly postgresUri: string | undefined;
}

/** Runs test files with node's test runner, from source. Resolves with how many tests did what; a runner that breaks counts as a failure. */
export async function runTests(runner: Runner, root: string, run: TestRun): Promise<Counts> {
  const scratch = mkdtempSync(join(tmpdir(), 'hoop-check-'));
  const countsFile = join(scratch, 'counts.json');
  const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const args = [
    ...['--conditions=hoop:source', '--disable-warning=ExperimentalWarning', '--test'],
    ...[`--test-concurrency=${run.concurrency}`, `--test-timeout=${run.timeout_ms}`],
    ...[`--test-reporter=${here('reporter.ts')}`, '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${here('counts.ts')}`, `--test-reporter-destination=${countsFile}`],
    ...run.files,
  ];
  try {
    const exitCode = await runner.run(process.execPath, args, { cwd: root, env: testEnv(join(scratch, 'home'), run.postgresUri) });
    const counts = readCounts(countsFile);
    return exitCode !== 0 && counts.failed + counts.notRun === 0 ? { ...counts, failed: 1 } : counts;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readCounts(file: string): Counts {
  try {
    return JSON.parse(readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '') as Counts;
  } catch {
    return NO_TESTS;
  }
}

/** A shell that has read demo.env, or uses hoop, must not reach into the tests, nor the tests into its home. */
function testEnv(home: string, postgresUri: string | undefined): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !/^(HOOP_|PG|npm_|NODE_OPTIONS$)/.test(entry[0]),
  );
  return { ...Object.fromEntries(kept), HOOP_HOME: home, ...(postgresUri && { HOOP_TEST_POSTGRES_URI: postgresUri }) };
}
