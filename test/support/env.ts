/** The environment as the tests see it; nothing else of the tests reads it. */
export interface TestEnv {
  readonly path: string;
  /** Makes fuzzers repeat a run: what they printed when they failed. */
  readonly seed: number | undefined;
  /** How long one fuzzer may run, in milliseconds. */
  readonly fuzz_ms: number;
}

export function readTestEnv(env: NodeJS.ProcessEnv = process.env): TestEnv {
  const seed = Number(env.HOOP_TEST_SEED);
  return {
    path: env.PATH ?? '/usr/bin:/bin',
    seed: env.HOOP_TEST_SEED && Number.isInteger(seed) ? seed : undefined,
    fuzz_ms: Number(env.HOOP_TEST_FUZZ_MS) || 1_500,
  };
}

/** What a program of somebody else's gets: nothing of ours, one locale, one time zone. */
export function plainEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: readTestEnv().path, LC_ALL: 'C.UTF-8', TZ: 'UTC', ...more };
}
