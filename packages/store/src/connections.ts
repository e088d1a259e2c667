import { randomUUID } from 'node:crypto';
import type { Clock } from '@hoop/core/clock';
import type { AccessMode, Connection } from '@hoop/core/connection';
import { type Selectable, sql } from 'kysely';
import { orConflict } from './dialect/faults.ts';
import { attachGuardrails } from './guardrails.ts';
import { Resources } from './resources.ts';
import { atomically, bump, checkName, containsPattern, fromJson, groupBy, keyColumn, toFlag, toJson } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import type { Signals } from './signals.ts';

/** Secrets by key, `envvar:HOST` or `filesystem:NAME`; values are base64, stored as they were given. */
export type Secrets = Readonly<Record<string, string>>;

/** A connection without its secrets: only their keys, so that no list can leak a value. */
export interface ConnectionRow extends Connection {
  readonly orgId: string;
  /** Of the resource that it belongs to. */
  readonly resourceName: string;
  /** The agent that it names itself; empty where `agentId` is its resource's. */
  readonly ownAgentId: string;
  readonly command: readonly string[];
  readonly defaultDatabase: string;
  /** Whether users may browse the schema. */
  readonly accessSchema: boolean;
  /** Sorted. */
  readonly secretKeys: readonly string[];
  readonly secretsUpdatedAt: number | null;
  readonly reviewers: readonly string[];
  readonly minReviewApprovals: number | null;
  readonly forceApproveGroups: readonly string[];
  readonly accessMaxDuration_s: number | null;
  readonly redactEnabled: boolean;
  readonly redactTypes: readonly string[];
  readonly mandatoryMetadataFields: readonly string[];
  readonly attributes: readonly string[];
  readonly tags: readonly string[];
  readonly connectionTags: Readonly<Record<string, string>>;
  readonly guardrailRuleIds: readonly string[];
  readonly managedBy: string | null;
  /** When its target was last tried on purpose, or reached after that had failed; null: never. */
  readonly probedAt: number | null;
  /** Why the target could not be reached then; null: it could. */
  readonly probeError: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

type Given = 'id' | 'orgId' | 'name' | 'type' | 'subtype' | 'agentId' | 'ownAgentId' | 'accessModes';
type Noted = 'secretKeys' | 'secretsUpdatedAt' | 'probedAt' | 'probeError' | 'createdAt' | 'updatedAt';
type Optional = Omit<ConnectionRow, Given | Noted>;

/** What is absent is empty, off or null; access modes that are absent are enabled. */
export interface NewConnection extends Partial<Optional> {
  readonly name: string;
  readonly type: string;
  readonly subtype: string;
  /** Empty: that of its resource. */
  readonly agentId: string;
  readonly accessModes?: Partial<Readonly<Record<AccessMode, boolean>>>;
  readonly secrets?: Secrets;
}

/** Fields that are absent stay as they are. */
export interface ConnectionPatch extends Partial<NewConnection> {
  /** Adds and replaces single secrets; null takes one away. `secrets` replaces the whole set before that. */
  readonly mergeSecrets?: Readonly<Record<string, string | null>>;
}

export interface ConnectionFilter {
  /** Its own agent, or its resource's. */
  readonly agentId?: string;
  readonly type?: string;
  readonly subtype?: string;
  readonly managedBy?: string;
  readonly resourceName?: string;
  readonly name?: string;
  readonly ids?: readonly string[];
  /** Anywhere in name, type, subtype or resource name; case does not matter. */
  readonly search?: string;
  readonly attribute?: string;
  /** One of these, in the deprecated list of tags. */
  readonly tags?: readonly string[];
  /** All of these. */
  readonly connectionTags?: Readonly<Record<string, string>>;
}

export class Connections {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #box: SecretBox;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, box: SecretBox, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#box = box;
    this.#signals = signals;
  }

  /** Connections by name. */
  async list(filter: ConnectionFilter = {}): Promise<readonly ConnectionRow[]> {
    if (filter.ids?.length === 0) return [];
    const rows = await filtered(this.#db, filter).orderBy('connections.name').execute();
    const attachments = await this.#db.selectFrom('guardrail_connections').selectAll().orderBy('rule_id').execute();
    const rulesOf = groupBy(attachments, (attachment) => attachment.connection_id);
    return rows
      .map((row) =>
        toConnection(
          row,
          (rulesOf.get(row.id) ?? []).map((attachment) => attachment.rule_id),
        ),
      )
      .filter((row) => hasTags(row, filter));
  }

  async get(nameOrId: string): Promise<ConnectionRow | undefined> {
    const row = await joined(this.#db)
      .where(`connections.${keyColumn(nameOrId)}`, '=', nameOrId)
      .executeTakeFirst();
    return row && toConnection(row, await ruleIdsOf(this.#db, row.id));
  }

  /**
   * A connection that names no resource gets one of its own name.
   * @throws Refusal `connection_exists`
   * @throws Refusal `guardrail_unknown` when a rule's id is nobody's.
   */
  async create(connection: NewConnection): Promise<ConnectionRow> {
    checkName(connection.name);
    return atomically(this.#db, async (tx) => {
      const id = randomUUID();
      const now = this.#clock.now();
      const { name, type, subtype, agentId } = connection;
      const resource_name = connection.resourceName || name;
      const values = { ...DEFAULTS, ...toColumns(connection), id, resource_name, created_at: now, updated_at: now };
      await this.#resources(tx).ensure(resource_name, connection);
      await orConflict(
        tx
          .insertInto('connections')
          .values({ ...values, name, type, subtype, agent_id: agentId })
          .execute(),
        'connection_exists',
        EXISTS,
      );
      if (connection.secrets) await this.#putSecrets(tx, id, connection.secrets);
      if (connection.guardrailRuleIds) await attachGuardrails(tx, id, connection.guardrailRuleIds);
      await bump(tx, 'policy');
      return this.#mustGet(tx, id);
    });
  }

  /** @throws Refusal `connection_exists`, `guardrail_unknown` */
  async update(nameOrId: string, patch: ConnectionPatch): Promise<ConnectionRow | undefined> {
    if (patch.name !== undefined) checkName(patch.name);
    return atomically(this.#db, async (tx) => {
      const resource = patch.resourceName ? await resourceOf(tx, nameOrId) : undefined;
      // First of all, because this is what locks the row: two patches of secrets must not lose one another's keys.
      const row = await orConflict(
        tx
          .updateTable('connections')
          .set({ ...toColumns(patch), updated_at: this.#clock.now() })
          .where(keyColumn(nameOrId), '=', nameOrId)
          .returning(['id', 'resource_name', 'type', 'subtype'])
          .executeTakeFirst(),
        'connection_exists',
        EXISTS,
      );
      if (!row) return undefined;
      if (resource !== undefined && resource !== row.resource_name) {
        await this.#resources(tx).ensure(row.resource_name, row);
        await this.#resources(tx).release(resource);
      }
      if (patch.secrets || patch.mergeSecrets) {
        const before = patch.secrets ?? (await this.#ownSecretsOf(tx, row.id));
        await this.#putSecrets(tx, row.id, merged(before, patch.mergeSecrets ?? {}));
      }
      if (patch.guardrailRuleIds) await attachGuardrails(tx, row.id, patch.guardrailRuleIds);
      if (patch.guardrailRuleIds || patch.attributes || patch.redactTypes) await bump(tx, 'policy');
      await this.#signals.in(tx).publish({ kind: 'connection.changed', connectionId: row.id });
      return this.#mustGet(tx, row.id);
    });
  }

  /** Deletes the connection with its secrets, credentials and attachments. False when there is none. */
  async delete(nameOrId: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      const gone = await tx
        .deleteFrom('connections')
        .where(keyColumn(nameOrId), '=', nameOrId)
        .returning(['id', 'resource_name'])
        .executeTakeFirst();
      if (!gone) return false;
      await this.#resources(tx).release(gone.resource_name);
      await this.#signals.in(tx).publish({ kind: 'connection.changed', connectionId: gone.id });
      return true;
    });
  }

  /**
   * The secrets in clear, over the variables of its resource; empty when there are none. For the data path, and for
   * those who may edit the connection.
   */
  async secretsOf(id: string): Promise<Secrets> {
    const row = await this.#db.selectFrom('connections').select('resource_name').where('id', '=', id).executeTakeFirst();
    if (!row) return {};
    // One after the other: inside a transaction there is one connection.
    const env = await this.#resources(this.#db).envOf(row.resource_name);
    return merged(env, await this.#ownSecretsOf(this.#db, id));
  }

  /** Notes whether the target could be reached: null, or why not. It changes nothing but the status that is shown. */
  async probed(id: string, error: string | null): Promise<void> {
    await this.#db.updateTable('connections').set({ probed_at: this.#clock.now(), probe_error: error }).where('id', '=', id).execute();
  }

  #resources(db: Db): Resources {
    return new Resources(db, this.#clock, this.#box);
  }

  async #ownSecretsOf(db: Db, id: string): Promise<Secrets> {
    const row = await db.selectFrom('connection_secrets').select('sealed').where('connection_id', '=', id).executeTakeFirst();
    return row ? fromJson<Secrets>(this.#box.open(row.sealed, secretContext(id))) : {};
  }

  async #putSecrets(tx: Db, id: string, secrets: Secrets): Promise<void> {
    const updated_at = this.#clock.now();
    const sealed = this.#box.seal(toJson(secrets), secretContext(id));
    await tx
      .insertInto('connection_secrets')
      .values({ connection_id: id, sealed, updated_at })
      .onConflict((conflict) => conflict.column('connection_id').doUpdateSet({ sealed, updated_at }))
      .execute();
    await tx
      .updateTable('connections')
      .set({ secret_keys_json: toJson(Object.keys(secrets).sort()), secrets_updated_at: updated_at })
      .where('id', '=', id)
      .execute();
  }

  async #mustGet(tx: Db, id: string): Promise<ConnectionRow> {
    const row = await joined(tx).where('connections.id', '=', id).executeTakeFirstOrThrow();
    return toConnection(row, await ruleIdsOf(tx, id));
  }
}

const EXISTS = 'There is a connection of this name already. Choose another name';

/** What a sealed set of secrets is bound to. */
export function secretContext(connectionId: string): string {
  return `connection/${connectionId}`;
}

async function ruleIdsOf(db: Db, connectionId: string): Promise<readonly string[]> {
  const query = db.selectFrom('guardrail_connections').select('rule_id').where('connection_id', '=', connectionId);
  return (await query.orderBy('rule_id').execute()).map((row) => row.rule_id);
}

async function resourceOf(db: Db, nameOrId: string): Promise<string | undefined> {
  const row = await db.selectFrom('connections').select('resource_name').where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
  return row?.resource_name;
}

/** Connections with the agent of their resource. */
function joined(db: Db) {
  return db
    .selectFrom('connections')
    .leftJoin('resources', 'resources.name', 'connections.resource_name')
    .selectAll('connections')
    .select('resources.agent_id as resource_agent_id');
}

const EFFECTIVE_AGENT = sql<string>`case when connections.agent_id = '' then resources.agent_id else connections.agent_id end`;

function filtered(db: Db, filter: ConnectionFilter) {
  let query = joined(db);
  if (filter.agentId !== undefined) query = query.where(EFFECTIVE_AGENT, '=', filter.agentId);
  if (filter.type !== undefined) query = query.where('connections.type', '=', filter.type);
  if (filter.subtype !== undefined) query = query.where('connections.subtype', '=', filter.subtype);
  if (filter.managedBy !== undefined) query = query.where('connections.managed_by', '=', filter.managedBy);
  if (filter.resourceName !== undefined) query = query.where('connections.resource_name', '=', filter.resourceName);
  if (filter.name !== undefined) query = query.where('connections.name', '=', filter.name);
  if (filter.ids) query = query.where('connections.id', 'in', filter.ids);
  if (filter.search !== undefined) {
    const pattern = containsPattern(filter.search.toLowerCase());
    const matches = SEARCHED.map((column) => sql<boolean>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`);
    query = query.where((where) => where.or(matches));
  }
  return query;
}

const SEARCHED = ['connections.name', 'connections.type', 'connections.subtype', 'connections.resource_name'] as const;

/** Tags stand in JSON, and there are thousands of connections at most: this is simpler than joins, and fast enough. */
function hasTags(row: ConnectionRow, filter: ConnectionFilter): boolean {
  if (filter.attribute !== undefined && !row.attributes.includes(filter.attribute)) return false;
  if (filter.tags && !filter.tags.some((tag) => row.tags.includes(tag))) return false;
  return Object.entries(filter.connectionTags ?? {}).every(
    ([key, value]) => Object.hasOwn(row.connectionTags, key) && row.connectionTags[key] === value,
  );
}

/** By entries and not by assignment: a key may be called `__proto__`. */
function merged(secrets: Secrets, patch: Readonly<Record<string, string | null>>): Secrets {
  const entries = new Map<string, string>(Object.entries(secrets));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }
  return Object.fromEntries(entries);
}

const DEFAULTS = {
  resource_name: '',
  command_json: '[]',
  default_database: '',
  access_connect: 1,
  access_exec: 1,
  access_runbooks: 1,
  access_schema: 1,
  secret_keys_json: '[]',
  secrets_updated_at: null,
  reviewers_json: '[]',
  min_review_approvals: null,
  force_approve_groups_json: '[]',
  access_max_duration_s: null,
  redact_enabled: 0,
  redact_types_json: '[]',
  mandatory_metadata_fields_json: '[]',
  attributes_json: '[]',
  tags_json: '[]',
  connection_tags_json: '{}',
  managed_by: null,
} as const;

type Columns = Partial<Omit<Schema['connections'], 'org_id' | 'probed_at' | 'probe_error'>>;

/** Only the columns that `patch` speaks of. */
function toColumns(patch: ConnectionPatch): Columns {
  const columns: Columns = {
    name: patch.name,
    resource_name: patch.resourceName || undefined,
    type: patch.type,
    subtype: patch.subtype,
    agent_id: patch.agentId,
    command_json: patch.command && toJson(patch.command),
    default_database: patch.defaultDatabase,
    access_connect: flag(patch.accessModes?.connect),
    access_exec: flag(patch.accessModes?.exec),
    access_runbooks: flag(patch.accessModes?.runbooks),
    access_schema: flag(patch.accessSchema),
    reviewers_json: patch.reviewers && toJson(patch.reviewers),
    min_review_approvals: patch.minReviewApprovals,
    force_approve_groups_json: patch.forceApproveGroups && toJson(patch.forceApproveGroups),
    access_max_duration_s: patch.accessMaxDuration_s,
    redact_enabled: flag(patch.redactEnabled),
    redact_types_json: patch.redactTypes && toJson(patch.redactTypes),
    mandatory_metadata_fields_json: patch.mandatoryMetadataFields && toJson(patch.mandatoryMetadataFields),
    attributes_json: patch.attributes && toJson(patch.attributes),
    tags_json: patch.tags && toJson(patch.tags),
    connection_tags_json: patch.connectionTags && toJson(patch.connectionTags),
    managed_by: patch.managedBy,
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : toFlag(value);
}

type Joined = Selectable<Schema['connections']> & { readonly resource_agent_id: string | null };

function toConnection(row: Joined, guardrailRuleIds: readonly string[]): ConnectionRow {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    resourceName: row.resource_name,
    type: row.type,
    subtype: row.subtype,
    agentId: row.agent_id || (row.resource_agent_id ?? ''),
    ownAgentId: row.agent_id,
    command: fromJson(row.command_json),
    defaultDatabase: row.default_database,
    accessModes: { connect: row.access_connect === 1, exec: row.access_exec === 1, runbooks: row.access_runbooks === 1 },
    accessSchema: row.access_schema === 1,
    secretKeys: fromJson(row.secret_keys_json),
    secretsUpdatedAt: row.secrets_updated_at,
    reviewers: fromJson(row.reviewers_json),
    minReviewApprovals: row.min_review_approvals,
    forceApproveGroups: fromJson(row.force_approve_groups_json),
    accessMaxDuration_s: row.access_max_duration_s,
    redactEnabled: row.redact_enabled === 1,
    redactTypes: fromJson(row.redact_types_json),
    mandatoryMetadataFields: fromJson(row.mandatory_metadata_fields_json),
    attributes: fromJson(row.attributes_json),
    tags: fromJson(row.tags_json),
    connectionTags: fromJson(row.connection_tags_json),
    guardrailRuleIds,
    managedBy: row.managed_by,
    probedAt: row.probed_at,
    probeError: row.probe_error,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
