import { sql } from 'kysely';
import { secretContext } from './connections.ts';
import { agentKeyContext } from './org-keys.ts';
import { resourceContext } from './resources.ts';
import { atomically } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { settingContext } from './settings.ts';

/** Records of one transaction: a rotation must not hold up everybody else. */
const BATCH_ROWS = 100;

interface SealedColumn {
  readonly table: keyof Schema;
  readonly key: string;
  readonly sealed: string;
  /** What a sealed text of this row is bound to. */
  context(key: string): string;
}

/** Everything that is sealed. */
const SEALED: readonly SealedColumn[] = [
  { table: 'connection_secrets', key: 'connection_id', sealed: 'sealed', context: secretContext },
  { table: 'settings', key: 'key', sealed: 'sealed', context: settingContext },
  { table: 'agents', key: 'id', sealed: 'sealed_key', context: agentKeyContext },
  { table: 'resources', key: 'id', sealed: 'sealed_env', context: resourceContext },
];

/** Seals everything with the current key that another one sealed. Gives the number of records; 0 when all was current. */
export async function reseal(db: Db, box: SecretBox): Promise<number> {
  let total = 0;
  for (const column of SEALED) {
    for (let count = BATCH_ROWS; count === BATCH_ROWS; total += count) {
      count = await atomically(db, (tx) => resealBatch(tx, box, column));
    }
  }
  return total;
}

async function resealBatch(tx: Db, box: SecretBox, column: SealedColumn): Promise<number> {
  const [table, key, sealed] = [sql.table(column.table), sql.ref(column.key), sql.ref(column.sealed)];
  const { rows } = await sql<{ key: string; sealed: string }>`select ${key} as key, ${sealed} as sealed from ${table}
    where ${sealed} not like ${`${box.currentPrefix}%`} limit ${sql.lit(BATCH_ROWS)}`.execute(tx);
  for (const row of rows) {
    const context = column.context(row.key);
    const renewed = box.seal(box.open(row.sealed, context), context);
    // Somebody may have stored new secrets since: those are sealed with the current key already.
    await sql`update ${table} set ${sealed} = ${renewed} where ${key} = ${row.key} and ${sealed} = ${row.sealed}`.execute(tx);
  }
  return rows.length;
}
