import { secretContext } from './connections.ts';
import { agentKeyContext } from './org-keys.ts';
import { resourceContext } from './resources.ts';
import { atomically } from './rows.ts';
import type { Db } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import { settingContext } from './settings.ts';

/** Records of one transaction: a rotation must not hold up everybody else. */
const BATCH_ROWS = 100;

/** Seals everything with the current key that another one sealed. Gives the number of records; 0 when all was current. */
export async function reseal(db: Db, box: SecretBox): Promise<number> {
  let total = 0;
  for (const batch of [resealConnections, resealSettings, resealAgents, resealResources]) {
    for (let count = BATCH_ROWS; count === BATCH_ROWS; total += count) {
      count = await atomically(db, (tx) => batch(tx, box));
    }
  }
  return total;
}

async function resealConnections(tx: Db, box: SecretBox): Promise<number> {
  const rows = await tx
    .selectFrom('connection_secrets')
    .select(['connection_id', 'sealed'])
    .where('sealed', 'not like', `${box.currentPrefix}%`)
    .limit(BATCH_ROWS)
    .execute();
  for (const { connection_id, sealed } of rows) {
    const context = secretContext(connection_id);
    await tx
      .updateTable('connection_secrets')
      .set({ sealed: box.seal(box.open(sealed, context), context) })
      .where('connection_id', '=', connection_id)
      // Somebody may have stored new secrets since: those are sealed with the current key already.
      .where('sealed', '=', sealed)
      .execute();
  }
  return rows.length;
}

async function resealSettings(tx: Db, box: SecretBox): Promise<number> {
  const rows = await tx
    .selectFrom('settings')
    .select(['key', 'sealed'])
    .where('sealed', 'not like', `${box.currentPrefix}%`)
    .limit(BATCH_ROWS)
    .execute();
  for (const { key, sealed } of rows) {
    if (sealed === null) continue;
    const context = settingContext(key);
    await tx
      .updateTable('settings')
      .set({ sealed: box.seal(box.open(sealed, context), context) })
      .where('key', '=', key)
      .where('sealed', '=', sealed)
      .execute();
  }
  return rows.length;
}

async function resealAgents(tx: Db, box: SecretBox): Promise<number> {
  const rows = await tx
    .selectFrom('agents')
    .select(['id', 'sealed_key'])
    .where('sealed_key', 'not like', `${box.currentPrefix}%`)
    .limit(BATCH_ROWS)
    .execute();
  for (const { id, sealed_key } of rows) {
    if (sealed_key === null) continue;
    const context = agentKeyContext(id);
    await tx
      .updateTable('agents')
      .set({ sealed_key: box.seal(box.open(sealed_key, context), context) })
      .where('id', '=', id)
      .where('sealed_key', '=', sealed_key)
      .execute();
  }
  return rows.length;
}

async function resealResources(tx: Db, box: SecretBox): Promise<number> {
  const rows = await tx
    .selectFrom('resources')
    .select(['id', 'sealed_env'])
    .where('sealed_env', 'not like', `${box.currentPrefix}%`)
    .limit(BATCH_ROWS)
    .execute();
  for (const { id, sealed_env } of rows) {
    if (sealed_env === null) continue;
    const context = resourceContext(id);
    await tx
      .updateTable('resources')
      .set({ sealed_env: box.seal(box.open(sealed_env, context), context) })
      .where('id', '=', id)
      .where('sealed_env', '=', sealed_env)
      .execute();
  }
  return rows.length;
}
