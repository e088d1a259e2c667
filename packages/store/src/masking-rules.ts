import { randomUUID } from 'node:crypto';
import type { Clock } from '@hoop/core/clock';
import { Refusal } from '@hoop/core/errors';
import type { Selectable, SelectQueryBuilder } from 'kysely';
import { orBrokenReference, orConflict } from './dialect/faults.ts';
import { atomically, checkName, fromJson, groupBy, keyColumn, toJson } from './rows.ts';
import { appliesTo, attributesOf, RULE_TARGET_UNKNOWN } from './rule-targets.ts';
import type { Db, Schema } from './schema.ts';
import { policyChanged, type Signals } from './signals.ts';

/** A named set of entities to hide, such as `PII` with `EMAIL_ADDRESS`. */
export interface EntityTypes {
  readonly name: string;
  readonly entityTypes: readonly string[];
}

/** An entity of the administrator's own. */
export interface CustomEntityType {
  readonly name: string;
  readonly regex: string;
  readonly denyList: readonly string[];
  readonly score: number;
}

export type MaskingStrategy = 'redact' | 'partial' | 'hash' | 'token' | 'null';

export interface MaskingRuleRow {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly description: string;
  readonly supportedEntityTypes: readonly EntityTypes[];
  readonly customEntityTypes: readonly CustomEntityType[];
  /** Patterns of columns that are hidden whole. */
  readonly columns: readonly string[];
  /** 0 to 1. */
  readonly scoreThreshold: number | null;
  /** What is shown instead; null: what is usual. */
  readonly strategy: MaskingStrategy | null;
  /** How many bytes at the end `partial` shows; null: what is usual. */
  readonly keep: number | null;
  /** Where it is active. Sorted. */
  readonly connectionIds: readonly string[];
  /** Where it is attached and switched off, even if an attribute would apply it. Sorted. */
  readonly inactiveConnectionIds: readonly string[];
  readonly attributes: readonly string[];
  readonly managedBy: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewMaskingRule {
  readonly name: string;
  readonly description?: string;
  readonly supportedEntityTypes?: readonly EntityTypes[];
  readonly customEntityTypes?: readonly CustomEntityType[];
  readonly columns?: readonly string[];
  readonly scoreThreshold?: number | null;
  readonly strategy?: MaskingStrategy | null;
  readonly keep?: number | null;
  readonly connectionIds?: readonly string[];
  readonly attributes?: readonly string[];
  readonly managedBy?: string | null;
}

/** Fields that are absent stay as they are; `connectionIds` replaces the whole set of those where it is active. */
export type MaskingRulePatch = Partial<NewMaskingRule>;

export interface MaskingSwitch {
  readonly ruleId: string;
  readonly active: boolean;
}

/** Every change grows the policy's revision in the same transaction. */
export class MaskingRules {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** All, by name. */
  list(): Promise<readonly MaskingRuleRow[]> {
    return read(this.#db, this.#db.selectFrom('masking_rules').selectAll());
  }

  get(nameOrId: string): Promise<MaskingRuleRow | undefined> {
    return find(this.#db, nameOrId);
  }

  /** @throws Refusal `masking_rule_exists`, `connection_unknown` */
  async create(rule: NewMaskingRule): Promise<MaskingRuleRow> {
    checkName(rule.name);
    return atomically(this.#db, async (tx) => {
      const id = randomUUID();
      const now = this.#clock.now();
      const values = {
        id,
        name: rule.name,
        description: rule.description ?? '',
        supported_entity_types_json: toJson(rule.supportedEntityTypes ?? []),
        custom_entity_types_json: toJson(rule.customEntityTypes ?? []),
        attributes_json: toJson(rule.attributes ?? []),
        columns_json: toJson(rule.columns ?? []),
        score_threshold: rule.scoreThreshold ?? null,
        strategy: rule.strategy ?? null,
        keep: rule.keep ?? null,
        managed_by: rule.managedBy ?? null,
        created_at: now,
        updated_at: now,
      };
      await orConflict(tx.insertInto('masking_rules').values(values).execute(), 'masking_rule_exists', EXISTS);
      await attachConnections(tx, id, rule.connectionIds ?? []);
      await policyChanged(tx, this.#signals);
      return mustFind(tx, id);
    });
  }

  /** @throws Refusal `masking_rule_exists`, `connection_unknown` */
  async update(nameOrId: string, patch: MaskingRulePatch): Promise<MaskingRuleRow | undefined> {
    if (patch.name !== undefined) checkName(patch.name);
    return atomically(this.#db, async (tx) => {
      const row = await orConflict(
        tx
          .updateTable('masking_rules')
          .set({
            name: patch.name,
            description: patch.description,
            supported_entity_types_json: patch.supportedEntityTypes && toJson(patch.supportedEntityTypes),
            custom_entity_types_json: patch.customEntityTypes && toJson(patch.customEntityTypes),
            attributes_json: patch.attributes && toJson(patch.attributes),
            columns_json: patch.columns && toJson(patch.columns),
            score_threshold: patch.scoreThreshold,
            strategy: patch.strategy,
            keep: patch.keep,
            managed_by: patch.managedBy,
            updated_at: this.#clock.now(),
          })
          .where(keyColumn(nameOrId), '=', nameOrId)
          .returning('id')
          .executeTakeFirst(),
        'masking_rule_exists',
        EXISTS,
      );
      if (!row) return undefined;
      if (patch.connectionIds) await attachConnections(tx, row.id, patch.connectionIds);
      await policyChanged(tx, this.#signals);
      return mustFind(tx, row.id);
    });
  }

  /** False when there is none. */
  async delete(nameOrId: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      const { numDeletedRows } = await tx.deleteFrom('masking_rules').where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
      if (numDeletedRows > 0n) await policyChanged(tx, this.#signals);
      return numDeletedRows > 0n;
    });
  }

  /**
   * Switches rules on and off for one connection; rules that are not named stay as they are.
   * @throws Refusal `masking_rule_unknown` when the rule or the connection does not exist.
   */
  async switchFor(connectionId: string, switches: readonly MaskingSwitch[]): Promise<void> {
    await atomically(this.#db, async (tx) => {
      for (const { ruleId, active } of switches) await put(tx, ruleId, connectionId, active);
      await policyChanged(tx, this.#signals);
    });
  }

  /** What applies to a connection and is active there; by name. */
  async rulesOf(connectionId: string): Promise<readonly MaskingRuleRow[]> {
    const attributes = await attributesOf(this.#db, connectionId);
    const attached = this.#db.selectFrom('masking_rule_connections').select('rule_id').where('connection_id', '=', connectionId);
    const candidates = this.#db
      .selectFrom('masking_rules')
      .selectAll()
      .where((where) => where.or([where('id', 'in', attached), where('attributes_json', '!=', '[]')]));
    const rules = await read(this.#db, candidates);
    return rules.filter((rule) => appliesTo(rule, connectionId, attributes) && !rule.inactiveConnectionIds.includes(connectionId));
  }
}

const EXISTS = 'There is a masking rule of this name already. Choose another name';

type Select = SelectQueryBuilder<Schema, 'masking_rules', Selectable<Schema['masking_rules']>>;

async function read(db: Db, query: Select): Promise<readonly MaskingRuleRow[]> {
  const rows = await query.orderBy('name').execute();
  if (rows.length === 0) return [];
  const attachments = await db.selectFrom('masking_rule_connections').selectAll().orderBy('connection_id').execute();
  const attachmentsOf = groupBy(attachments, (attachment) => attachment.rule_id);
  return rows.map((row) => toMaskingRule(row, attachmentsOf.get(row.id) ?? []));
}

async function find(db: Db, nameOrId: string): Promise<MaskingRuleRow | undefined> {
  const row = await db.selectFrom('masking_rules').selectAll().where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
  if (!row) return undefined;
  const attachments = db.selectFrom('masking_rule_connections').selectAll().where('rule_id', '=', row.id);
  return toMaskingRule(row, await attachments.orderBy('connection_id').execute());
}

async function mustFind(tx: Db, id: string): Promise<MaskingRuleRow> {
  const rule = await find(tx, id);
  if (!rule) throw new Refusal('masking_rule_unknown', 'The masking rule was deleted meanwhile');
  return rule;
}

async function put(tx: Db, ruleId: string, connectionId: string, active: boolean): Promise<void> {
  const values = { rule_id: ruleId, connection_id: connectionId, active: active ? 1 : 0 };
  await orBrokenReference(
    tx
      .insertInto('masking_rule_connections')
      .values(values)
      .onConflict((conflict) => conflict.columns(['rule_id', 'connection_id']).doUpdateSet({ active: values.active }))
      .execute(),
    'masking_rule_unknown',
    'The masking rule or the connection does not exist. List them and use their ids',
  );
}

/** Switches that say "off here" are the administrator's word on that connection: they survive an edit of the rule. */
async function attachConnections(tx: Db, ruleId: string, connectionIds: readonly string[]): Promise<void> {
  await tx.deleteFrom('masking_rule_connections').where('rule_id', '=', ruleId).where('active', '=', 1).execute();
  const values = [...new Set(connectionIds)].map((connection_id) => ({ rule_id: ruleId, connection_id, active: 1 }));
  if (values.length === 0) return;
  await orBrokenReference(
    tx
      .insertInto('masking_rule_connections')
      .values(values)
      .onConflict((conflict) => conflict.columns(['rule_id', 'connection_id']).doUpdateSet({ active: 1 }))
      .execute(),
    'connection_unknown',
    RULE_TARGET_UNKNOWN,
  );
}

function toMaskingRule(
  row: Selectable<Schema['masking_rules']>,
  attachments: readonly { readonly connection_id: string; readonly active: number }[],
): MaskingRuleRow {
  const idsWhere = (active: number): string[] =>
    attachments.filter((attachment) => attachment.active === active).map((attachment) => attachment.connection_id);
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    description: row.description,
    supportedEntityTypes: fromJson(row.supported_entity_types_json),
    customEntityTypes: fromJson(row.custom_entity_types_json),
    columns: fromJson(row.columns_json),
    scoreThreshold: row.score_threshold,
    strategy: row.strategy as MaskingStrategy | null,
    keep: row.keep,
    connectionIds: idsWhere(1),
    inactiveConnectionIds: idsWhere(0),
    attributes: fromJson(row.attributes_json),
    managedBy: row.managed_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
