import type { Clock } from '@hoop/core/clock';
import type { Selectable } from 'kysely';
import { orConflict } from './dialect/faults.ts';
import { ORG_ID, uuidV5 } from './org.ts';
import { atomically, checkName, fromJson, keyColumn, toJson } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import type { Signals } from './signals.ts';

/** `multi-connection` is the organization key's own. */
export type AgentMode = 'standard' | 'embedded' | 'multi-connection';
export type AgentStatus = 'CONNECTED' | 'DISCONNECTED';
/** What the agent said of itself when it connected: `hostname`, `version`, `platform` and such. */
export type AgentMetadata = Readonly<Record<string, string>>;

/** An agent. The hash of its key is not part of it. */
export interface AgentRow {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly mode: AgentMode;
  readonly status: AgentStatus;
  readonly metadata: AgentMetadata;
  /** The gateway that it is or was connected to. */
  readonly gatewayId: string | null;
  readonly seenAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewAgent {
  readonly name: string;
  readonly mode: 'standard' | 'embedded';
  /** Of the key, never the key itself. */
  readonly keyHash: string;
}

export interface AgentSighting {
  readonly status: AgentStatus;
  /** Kept as it was when absent. */
  readonly metadata?: AgentMetadata;
  readonly gatewayId?: string;
}

export class Agents {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** All agents, the organization's own among them, by name. */
  async list(): Promise<readonly AgentRow[]> {
    const rows = await this.#db.selectFrom('agents').selectAll().orderBy('name').execute();
    return rows.map(toAgent);
  }

  async get(nameOrId: string): Promise<AgentRow | undefined> {
    const row = await this.#db.selectFrom('agents').selectAll().where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
    return row && toAgent(row);
  }

  /**
   * The id depends on the name alone: an agent that is deleted and created again has the same one,
   * and the connections that point to it work again.
   * @throws Refusal `agent_exists`
   */
  async create(agent: NewAgent): Promise<AgentRow> {
    checkName(agent.name);
    const now = this.#clock.now();
    const row = await orConflict(
      this.#db
        .insertInto('agents')
        .values({
          id: agentId(agent.name),
          name: agent.name,
          mode: agent.mode,
          key_hash: agent.keyHash,
          status: 'DISCONNECTED',
          metadata_json: '{}',
          gateway_id: null,
          seen_at: null,
          created_at: now,
          updated_at: now,
        })
        .returningAll()
        .executeTakeFirstOrThrow(),
      'agent_exists',
      'There is an agent of this name already. Delete it first, or choose another name',
    );
    return toAgent(row);
  }

  /** Deletes the agent; its connections stay and point to nobody. False when there is none. */
  async delete(nameOrId: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      const gone = await tx.deleteFrom('agents').where(keyColumn(nameOrId), '=', nameOrId).returning(['id', 'key_hash']).executeTakeFirst();
      if (gone) await this.#signals.in(tx).publish({ kind: 'agent.deleted', agentId: gone.id, keyId: gone.key_hash });
      return gone !== undefined;
    });
  }

  /** The agent whose key has this hash. */
  async byKeyHash(hash: string): Promise<AgentRow | undefined> {
    const row = await this.#db.selectFrom('agents').selectAll().where('key_hash', '=', hash).executeTakeFirst();
    return row && toAgent(row);
  }

  /** Notes what the hub sees of an agent. An agent that was deleted meanwhile stays deleted. */
  async seen(id: string, sighting: AgentSighting): Promise<void> {
    const now = this.#clock.now();
    await this.#db
      .updateTable('agents')
      .set({
        status: sighting.status,
        metadata_json: sighting.metadata && toJson(sighting.metadata),
        gateway_id: sighting.gatewayId,
        seen_at: now,
        updated_at: now,
      })
      .where('id', '=', id)
      .execute();
  }

  /** What a gateway that starts does first: nobody is connected to it yet, whatever a killed predecessor left. */
  async disconnectAll(gatewayId: string): Promise<void> {
    await this.#db
      .updateTable('agents')
      .set({ status: 'DISCONNECTED', updated_at: this.#clock.now() })
      .where('status', '=', 'CONNECTED')
      .where((where) => where.or([where('gateway_id', '=', gatewayId), where('gateway_id', 'is', null)]))
      .execute();
  }
}

/** The id of the agent of this name. */
export function agentId(name: string): string {
  return uuidV5(`agent/${ORG_ID}/${name}`);
}

function toAgent(row: Selectable<Schema['agents']>): AgentRow {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    mode: row.mode as AgentMode,
    status: row.status as AgentStatus,
    metadata: fromJson(row.metadata_json),
    gatewayId: row.gateway_id,
    seenAt: row.seen_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
