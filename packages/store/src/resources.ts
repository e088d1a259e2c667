import { randomUUID } from 'node:crypto';
import type { Clock } from '@hoop/core/clock';
import { Refusal } from '@hoop/core/errors';
import type { Selectable } from 'kysely';
import type { Secrets } from './connections.ts';
import { orConflict } from './dialect/faults.ts';
import { atomically, checkName, fromJson, keyColumn, toJson } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import type { SecretBox } from './secret-box.ts';

/** What some connections have in common. Those without an agent use its agent; its variables stand under theirs. */
export interface ResourceRow {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  readonly type: string;
  readonly subtype: string;
  /** Empty: its connections have their own. */
  readonly agentId: string;
  /** Sorted. The values are `envOf`'s, so that no list can leak one. */
  readonly envKeys: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewResource {
  readonly name: string;
  readonly type: string;
  readonly subtype: string;
  readonly agentId: string;
  readonly env?: Secrets;
}

/** Fields that are absent stay as they are; `env` replaces the whole set. */
export type ResourcePatch = Partial<NewResource>;

export class Resources {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #box: SecretBox;

  constructor(db: Db, clock: Clock, box: SecretBox) {
    this.#db = db;
    this.#clock = clock;
    this.#box = box;
  }

  /** Resources by name. */
  async list(): Promise<readonly ResourceRow[]> {
    return (await this.#db.selectFrom('resources').selectAll().orderBy('name').execute()).map(toResource);
  }

  async get(nameOrId: string): Promise<ResourceRow | undefined> {
    const row = await this.#db.selectFrom('resources').selectAll().where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
    return row && toResource(row);
  }

  /** The variables in clear. */
  async envOf(name: string): Promise<Secrets> {
    const row = await this.#db.selectFrom('resources').select(['id', 'sealed_env']).where('name', '=', name).executeTakeFirst();
    return row?.sealed_env ? fromJson<Secrets>(this.#box.open(row.sealed_env, resourceContext(row.id))) : {};
  }

  /** @throws Refusal `resource_exists` */
  async create(resource: NewResource): Promise<ResourceRow> {
    checkName(resource.name);
    return atomically(this.#db, async (tx) => {
      const id = randomUUID();
      await orConflict(
        tx
          .insertInto('resources')
          .values({ ...this.#values(id, resource), id, ...this.#born(), automatic: 0 })
          .execute(),
        'resource_exists',
        'There is a resource of this name already. Choose another name',
      );
      return mustGet(tx, id);
    });
  }

  /** @throws Refusal `resource_exists` */
  async update(nameOrId: string, patch: ResourcePatch): Promise<ResourceRow | undefined> {
    if (patch.name !== undefined) checkName(patch.name);
    return atomically(this.#db, async (tx) => {
      const row = await tx.selectFrom('resources').select(['id', 'name']).where(keyColumn(nameOrId), '=', nameOrId).executeTakeFirst();
      if (!row) return undefined;
      const { name, type, subtype, agentId, env } = patch;
      const sealed = env && { env_keys_json: toJson(Object.keys(env).sort()), sealed_env: this.#seal(row.id, env) };
      await orConflict(
        tx
          .updateTable('resources')
          .set({ name, type, subtype, agent_id: agentId, ...sealed, automatic: 0, updated_at: this.#clock.now() })
          .where('id', '=', row.id)
          .execute(),
        'resource_exists',
        'There is a resource of this name already. Choose another name',
      );
      if (name !== undefined && name !== row.name) {
        await tx.updateTable('connections').set({ resource_name: name }).where('resource_name', '=', row.name).execute();
      }
      return mustGet(tx, row.id);
    });
  }

  /** False when there is none. @throws Refusal `resource_in_use` while connections belong to it */
  async delete(nameOrId: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      // Locks the row first: a connection that is just being made waits here, or is counted.
      const row = await touch(tx, keyColumn(nameOrId), nameOrId, this.#clock.now());
      if (!row) return false;
      const roles = await countConnections(tx, row.name);
      if (roles > 0) {
        const are = roles === 1 ? 'A connection belongs' : `${roles} connections belong`;
        throw new Refusal('resource_in_use', `${are} to this resource. Delete them first, or give them another resource`);
      }
      await tx.deleteFrom('resources').where('id', '=', row.id).execute();
      return true;
    });
  }

  /** The resource of a new connection: made when there is none of this name. */
  async ensure(name: string, { type, subtype }: { readonly type: string; readonly subtype: string }): Promise<void> {
    const born = this.#born();
    await this.#db
      .insertInto('resources')
      .values({ id: randomUUID(), name, type, subtype, agent_id: '', env_keys_json: '[]', sealed_env: null, ...born, automatic: 1 })
      .onConflict((conflict) => conflict.columns(['name', 'org_id']).doUpdateSet({ updated_at: born.updated_at }))
      .execute();
  }

  /** A connection left it: one that was made for connections goes with the last of them. */
  async release(name: string): Promise<void> {
    const row = await touch(this.#db, 'name', name, this.#clock.now());
    if (row?.automatic !== 1 || (await countConnections(this.#db, name)) > 0) return;
    await this.#db.deleteFrom('resources').where('id', '=', row.id).execute();
  }

  #born(): { created_at: number; updated_at: number } {
    const now = this.#clock.now();
    return { created_at: now, updated_at: now };
  }

  #values(id: string, { name, type, subtype, agentId, env = {} }: NewResource) {
    const env_keys_json = toJson(Object.keys(env).sort());
    return { name, type, subtype, agent_id: agentId, env_keys_json, sealed_env: this.#seal(id, env) };
  }

  #seal(id: string, env: Secrets): string {
    return this.#box.seal(toJson(env), resourceContext(id));
  }
}

/** What a sealed set of variables is bound to. */
export function resourceContext(id: string): string {
  return `resource/${id}`;
}

function touch(tx: Db, column: 'id' | 'name', value: string, updated_at: number) {
  return tx
    .updateTable('resources')
    .set({ updated_at })
    .where(column, '=', value)
    .returning(['id', 'name', 'automatic'])
    .executeTakeFirst();
}

async function countConnections(tx: Db, resourceName: string): Promise<number> {
  const row = await tx
    .selectFrom('connections')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .where('resource_name', '=', resourceName)
    .executeTakeFirstOrThrow();
  return row.count;
}

async function mustGet(tx: Db, id: string): Promise<ResourceRow> {
  return toResource(await tx.selectFrom('resources').selectAll().where('id', '=', id).executeTakeFirstOrThrow());
}

function toResource(row: Selectable<Schema['resources']>): ResourceRow {
  return {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    type: row.type,
    subtype: row.subtype,
    agentId: row.agent_id,
    envKeys: fromJson(row.env_keys_json),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
