import { randomUUID } from 'node:crypto';
import type { GuardrailRule } from '@hoop/contract/tunnel';
import type { Clock } from '@hoop/core/clock';
import type { Selectable, SelectQueryBuilder } from 'kysely';
import { orBrokenReference, orConflict } from './dialect/faults.ts';
import { atomically, checkName, fromJson, groupBy, keyColumn, toJson } from './rows.ts';
import { appliesTo, attributesOf, connectionsOf, RULE_TARGET_UNKNOWN } from './rule-targets.ts';
import type { Db, Schema } from './schema.ts';
import { policyChanged, type Signals } from './signals.ts';

/** A set of rules that judge what goes in and what comes out. */
export interface GuardrailRow {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly description: string;
  readonly input: readonly GuardrailRule[];
  readonly output: readonly GuardrailRule[];
  /** Sorted. */
  readonly connectionIds: readonly string[];
  /** The rule also applies to every connection that has one of these. */
  readonly attributes: readonly string[];
  readonly managedBy: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewGuardrail {
  readonly name: string;
  readonly description?: string;
  readonly input?: readonly GuardrailRule[];
  readonly output?: readonly GuardrailRule[];
  readonly connectionIds?: readonly string[];
  readonly attributes?: readonly string[];
  readonly managedBy?: string | null;
}

/** Fields that are absent stay as they are; `connectionIds` replaces the whole set. */
export type GuardrailPatch = Partial<NewGuardrail>;

/** Every change grows the policy's revision in the same transaction. */
export class Guardrails {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** All, by name. */
  list(): Promise<readonly GuardrailRow[]> {
    return read(this.#db, this.#db.selectFrom('guardrails').selectAll());
  }

  async get(nameOrId: string): Promise<GuardrailRow | undefined> {
    const row = await this.#db.selectFrom('guardrails').selectAll().where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
    return row && toGuardrail(row, await connectionsOf(this.#db, 'guardrail_connections', row.id));
  }

  /** @throws Refusal `guardrail_exists`, `connection_unknown` */
  async create(rule: NewGuardrail): Promise<GuardrailRow> {
    checkName(rule.name);
    return atomically(this.#db, async (tx) => {
      const now = this.#clock.now();
      const row = await orConflict(
        tx
          .insertInto('guardrails')
          .values({
            id: randomUUID(),
            name: rule.name,
            description: rule.description ?? '',
            input_json: toJson(rule.input ?? []),
            output_json: toJson(rule.output ?? []),
            attributes_json: toJson(rule.attributes ?? []),
            managed_by: rule.managedBy ?? null,
            created_at: now,
            updated_at: now,
          })
          .returningAll()
          .executeTakeFirstOrThrow(),
        'guardrail_exists',
        EXISTS,
      );
      const connectionIds = await attachConnections(tx, row.id, rule.connectionIds ?? []);
      await policyChanged(tx, this.#signals);
      return toGuardrail(row, connectionIds);
    });
  }

  /** @throws Refusal `guardrail_exists`, `connection_unknown` */
  async update(nameOrId: string, patch: GuardrailPatch): Promise<GuardrailRow | undefined> {
    if (patch.name !== undefined) checkName(patch.name);
    return atomically(this.#db, async (tx) => {
      const row = await orConflict(
        tx
          .updateTable('guardrails')
          .set({
            name: patch.name,
            description: patch.description,
            input_json: patch.input && toJson(patch.input),
            output_json: patch.output && toJson(patch.output),
            attributes_json: patch.attributes && toJson(patch.attributes),
            managed_by: patch.managedBy,
            updated_at: this.#clock.now(),
          })
          .where(keyColumn(nameOrId), '=', nameOrId)
          .returningAll()
          .executeTakeFirst(),
        'guardrail_exists',
        EXISTS,
      );
      if (!row) return undefined;
      if (patch.connectionIds) await attachConnections(tx, row.id, patch.connectionIds);
      await policyChanged(tx, this.#signals);
      return toGuardrail(row, await connectionsOf(tx, 'guardrail_connections', row.id));
    });
  }

  /** False when there is none. */
  async delete(nameOrId: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      const { numDeletedRows } = await tx.deleteFrom('guardrails').where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
      if (numDeletedRows > 0n) await policyChanged(tx, this.#signals);
      return numDeletedRows > 0n;
    });
  }

  /** What applies to a connection, by its id or by one of its attributes; by name. */
  async rulesOf(connectionId: string): Promise<readonly GuardrailRow[]> {
    const attributes = await attributesOf(this.#db, connectionId);
    const attached = this.#db.selectFrom('guardrail_connections').select('rule_id').where('connection_id', '=', connectionId);
    const candidates = this.#db
      .selectFrom('guardrails')
      .selectAll()
      .where((where) => where.or([where('id', 'in', attached), where('attributes_json', '!=', '[]')]));
    return (await read(this.#db, candidates)).filter((rule) => appliesTo(rule, connectionId, attributes));
  }
}

const EXISTS = 'There is a guardrail of this name already. Choose another name';

type Select = SelectQueryBuilder<Schema, 'guardrails', Selectable<Schema['guardrails']>>;

async function read(db: Db, query: Select): Promise<readonly GuardrailRow[]> {
  const rows = await query.orderBy('name').execute();
  if (rows.length === 0) return [];
  const attachments = await db.selectFrom('guardrail_connections').selectAll().orderBy('connection_id').execute();
  const attachmentsOf = groupBy(attachments, (attachment) => attachment.rule_id);
  return rows.map((row) => toGuardrail(row, idsOf(attachmentsOf.get(row.id) ?? [])));
}

function idsOf(attachments: readonly { readonly connection_id: string }[]): readonly string[] {
  return attachments.map((attachment) => attachment.connection_id);
}

/** Makes these the only guardrails that are attached to the connection by its id. The caller bumps the policy. */
export async function attachGuardrails(tx: Db, connectionId: string, ruleIds: readonly string[]): Promise<void> {
  await tx.deleteFrom('guardrail_connections').where('connection_id', '=', connectionId).execute();
  const values = [...new Set(ruleIds)].map((rule_id) => ({ rule_id, connection_id: connectionId }));
  if (values.length === 0) return;
  await orBrokenReference(
    tx.insertInto('guardrail_connections').values(values).execute(),
    'guardrail_unknown',
    'One of the guardrails does not exist. List them and use their ids',
  );
}

async function attachConnections(tx: Db, ruleId: string, connectionIds: readonly string[]): Promise<readonly string[]> {
  await tx.deleteFrom('guardrail_connections').where('rule_id', '=', ruleId).execute();
  const ids = [...new Set(connectionIds)].sort();
  if (ids.length === 0) return ids;
  const values = ids.map((connection_id) => ({ rule_id: ruleId, connection_id }));
  await orBrokenReference(tx.insertInto('guardrail_connections').values(values).execute(), 'connection_unknown', RULE_TARGET_UNKNOWN);
  return ids;
}

function toGuardrail(row: Selectable<Schema['guardrails']>, connectionIds: readonly string[]): GuardrailRow {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    description: row.description,
    input: fromJson(row.input_json),
    output: fromJson(row.output_json),
    connectionIds,
    attributes: fromJson(row.attributes_json),
    managedBy: row.managed_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
