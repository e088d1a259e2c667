import type { Clock } from '@hoop/core/clock';
import { agentId } from './agents.ts';
import { orConflict } from './dialect/faults.ts';
import { atomically } from './rows.ts';
import type { Db } from './schema.ts';
import type { SecretBox } from './secret-box.ts';
import type { Signals } from './signals.ts';

/** The agent that stands for all that come with the organization's key. No other can have its name. */
export const ORG_AGENT = '_default';

export interface OrgKeyRow {
  /** Of the agent `_default`. */
  readonly id: string;
  /** In clear: administrators may see it again. */
  readonly key: string;
  readonly createdAt: number;
}

/** The organization's key, at most one: a row among the agents, with the key itself sealed beside its hash. */
export class OrgKeys {
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

  async get(): Promise<OrgKeyRow | undefined> {
    const row = await this.#db
      .selectFrom('agents')
      .select(['id', 'sealed_key', 'created_at'])
      .where('mode', '=', 'multi-connection')
      .executeTakeFirst();
    if (!row?.sealed_key) return undefined;
    return { id: row.id, key: this.#box.open(row.sealed_key, agentKeyContext(row.id)), createdAt: row.created_at };
  }

  /** @throws Refusal `org_key_exists` */
  async create({ key, keyHash }: { readonly key: string; readonly keyHash: string }): Promise<OrgKeyRow> {
    const id = agentId(ORG_AGENT);
    const now = this.#clock.now();
    const insert = this.#db.insertInto('agents').values({
      id,
      name: ORG_AGENT,
      mode: 'multi-connection',
      key_hash: keyHash,
      sealed_key: this.#box.seal(key, agentKeyContext(id)),
      status: 'DISCONNECTED',
      metadata_json: '{}',
      gateway_id: null,
      seen_at: null,
      created_at: now,
      updated_at: now,
    });
    await orConflict(
      insert.execute(),
      'org_key_exists',
      'There is an organization key already. See it with `hoop admin get orgkeys`, or delete it first',
    );
    return { id, key, createdAt: now };
  }

  /** The id of the agent that it was; undefined when there was none. */
  async delete(): Promise<string | undefined> {
    return atomically(this.#db, async (tx) => {
      const row = await tx.deleteFrom('agents').where('mode', '=', 'multi-connection').returning(['id', 'key_hash']).executeTakeFirst();
      if (!row) return undefined;
      await this.#signals.in(tx).publish({ kind: 'agent.deleted', agentId: row.id, keyId: row.key_hash });
      return row.id;
    });
  }
}

/** What a sealed agent key is bound to. */
export function agentKeyContext(id: string): string {
  return `agent/${id}`;
}
