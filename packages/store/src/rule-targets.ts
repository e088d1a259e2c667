import { fromJson } from './rows.ts';
import type { Db } from './schema.ts';

/** Where a rule applies, by either way. */
interface Targeted {
  readonly connectionIds: readonly string[];
  readonly attributes: readonly string[];
}

export const RULE_TARGET_UNKNOWN = 'One of the connections does not exist. List them and use their ids';

/** Whether a rule is meant for this connection. */
export function appliesTo(rule: Targeted, connectionId: string, attributes: readonly string[]): boolean {
  return rule.connectionIds.includes(connectionId) || rule.attributes.some((attribute) => attributes.includes(attribute));
}

/** The attributes of a connection; none when it does not exist. */
export async function attributesOf(db: Db, connectionId: string): Promise<readonly string[]> {
  const row = await db.selectFrom('connections').select('attributes_json').where('id', '=', connectionId).executeTakeFirst();
  return row ? fromJson<string[]>(row.attributes_json) : [];
}

/** The ids of the connections that a rule is attached to, sorted. */
export async function connectionsOf(
  db: Db,
  table: 'guardrail_connections' | 'masking_rule_connections',
  ruleId: string,
): Promise<readonly string[]> {
  let query = db.selectFrom(table).select('connection_id').where('rule_id', '=', ruleId);
  if (table === 'masking_rule_connections') query = query.where('active', '=', 1);
  return (await query.orderBy('connection_id').execute()).map((row) => row.connection_id);
}
