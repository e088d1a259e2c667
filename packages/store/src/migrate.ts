import type { Clock } from '@hoop/core/clock';
import { Bug, Misconfigured } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { sql } from 'kysely';
import type { DatabaseKind } from './dialect/claiming.ts';
import { MIGRATIONS } from './migrations/all.ts';
import { COLUMN_TYPES, type Migration } from './migrations/migration.ts';
import type { Db } from './schema.ts';

/** Any constant of our own: whoever migrates this database holds the lock of this number. */
const POSTGRES_LOCK = 0x686f6f70;

export interface MigrateOptions {
  readonly kind: DatabaseKind;
  readonly clock: Clock;
  readonly log: Log;
  /** Other than the real ones, for tests. */
  readonly migrations?: readonly Migration[];
}

/**
 * Brings the schema to the newest version, in one transaction under a lock: of several gateways that start together one migrates,
 * the others wait and find nothing to do; one that is killed half-way leaves the old schema.
 * @throws Misconfigured `store_too_new` when a newer version of the product wrote the store.
 */
export async function migrate(db: Db, options: MigrateOptions): Promise<void> {
  const migrations = inOrder(options.migrations ?? MIGRATIONS);
  const types = COLUMN_TYPES[options.kind];
  await db.transaction().execute(async (tx) => {
    // On SQLite the transaction itself is the lock: it is IMMEDIATE.
    if (options.kind === 'postgres') await lockPostgres(tx);
    const end = types.end;
    await execute(
      tx,
      `create table if not exists migrations (version ${types.int} primary key, name ${types.text} not null, applied_at ${types.int} not null)${end}`,
    );
    const applied = await tx.selectFrom('migrations').select(['version', 'name']).orderBy('version').execute();
    checkApplied(applied, migrations);
    for (const migration of migrations.slice(applied.length)) {
      for (const statement of migration.statements(types)) await execute(tx, statement);
      const { version, name } = migration;
      await tx.insertInto('migrations').values({ version, name, applied_at: options.clock.now() }).execute();
      options.log.info({ version, name }, 'The store was migrated');
    }
  });
}

/** Waits as long as another gateway needs for its migration, however long that is. */
async function lockPostgres(tx: Db): Promise<void> {
  await sql`set local statement_timeout = 0`.execute(tx);
  await sql`select pg_advisory_xact_lock(${sql.lit(POSTGRES_LOCK)})`.execute(tx);
}

async function execute(tx: Db, statement: string): Promise<void> {
  await sql.raw(statement).execute(tx);
}

function inOrder(migrations: readonly Migration[]): readonly Migration[] {
  migrations.forEach((migration, index) => {
    if (migration.version !== index + 1) throw new Bug('store_migrations', `Migration ${migration.name} must have the number ${index + 1}`);
  });
  return migrations;
}

function checkApplied(applied: readonly { version: number; name: string }[], migrations: readonly Migration[]): void {
  for (const { version, name } of applied) {
    const known = migrations[version - 1];
    if (known?.name === name) continue;
    throw new Misconfigured(
      'store_too_new',
      `The store was written by another version of the product (migration ${version}, ${name}). Start that version or a newer one, or use another store`,
      { facts: { version, name } },
    );
  }
}
