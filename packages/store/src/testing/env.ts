/** The one place of the store's test support that reads the environment. */
export interface TestEnv {
  /** A PostgreSQL server whose user may create databases. Without it a throw-away server is started. */
  readonly postgresUri: string | undefined;
  readonly path: string;
}

export function readTestEnv(): TestEnv {
  return { postgresUri: process.env.HOOP_TEST_POSTGRES_URI || undefined, path: process.env.PATH ?? '/usr/bin:/bin' };
}
