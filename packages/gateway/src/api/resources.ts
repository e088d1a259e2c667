import type { BodyOf } from '@hoop/contract/route';
import { ConnectionType } from '@hoop/contract/routes/connections';
import type { createResource, Resource } from '@hoop/contract/routes/resources';
import type { ConnectionRow } from '@hoop/store/connections';
import type { ResourceRow } from '@hoop/store/resources';
import type { Aggregates } from '@hoop/store/store';
import { checkConnection } from './connection-check.ts';
import { invalid, notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';
import { defined } from './users.ts';

type Names = 'listResources' | 'createResource' | 'getResource' | 'replaceResource' | 'deleteResource';

export function resourceHandlers(parts: ApiParts): Pick<Handlers, Names> {
  return { ...readers(parts), ...writers(parts) };
}

function readers({ store }: ApiParts): Pick<Handlers, 'listResources' | 'getResource'> {
  return {
    listResources: async ({ query }) => {
      const [rows, connections] = await Promise.all([store.resources.list(), store.connections.list()]);
      return { body: rows.filter((row) => matches(row, query)).map((row) => toResource(row, connections)) };
    },
    getResource: async ({ params }) => {
      const row = await store.resources.get(params.name);
      if (!row) throw notFound('resource');
      return { body: toResource(row, await store.connections.list({ resourceName: row.name })) };
    },
  };
}

function writers({ store, protocols }: ApiParts): Pick<Handlers, 'createResource' | 'replaceResource' | 'deleteResource'> {
  return {
    createResource: async ({ body }) => {
      const row = await store.transaction(async (tx) => {
        await mustBeAgent(tx, body.agent_id);
        return tx.resources.create({ ...wholeOf(body), name: body.name, env: body.env_vars });
      });
      return { body: toResource(row, []) };
    },
    replaceResource: async ({ params, body }) => {
      const { name, env_vars: env } = body;
      const [row, connections] = await store.transaction(async (tx) => {
        await mustBeAgent(tx, body.agent_id);
        const changed = await tx.resources.update(params.name, { ...wholeOf(body), ...defined({ name, env }) });
        if (!changed) throw notFound('resource');
        const roles = await tx.connections.list({ resourceName: changed.name });
        // What they inherit is part of what they are.
        for (const role of roles) await checkConnection(tx, protocols, role);
        return [changed, roles] as const;
      });
      return { body: toResource(row, connections) };
    },
    deleteResource: async ({ params }) => {
      if (!(await store.resources.delete(params.name))) throw notFound('resource');
      return NO_BODY;
    },
  };
}

/** @throws Refusal `invalid` for an id that is no agent's */
async function mustBeAgent(tx: Aggregates, agentId: string): Promise<void> {
  if (agentId === '' || (await tx.agents.get(agentId))) return;
  throw invalid('agent_id', 'There is no agent with this id. List agents, or create one first');
}

function wholeOf({ type, subtype, agent_id: agentId }: Pick<BodyOf<typeof createResource>, 'type' | 'subtype' | 'agent_id'>) {
  return { type, subtype, agentId };
}

interface ResourceQuery {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly subtype?: string | undefined;
  readonly agent_id?: string | undefined;
}

function matches(row: ResourceRow, { name, type, subtype, agent_id: agentId }: ResourceQuery): boolean {
  const wanted = defined({ name, type, subtype, agentId });
  return Object.entries(wanted).every(([key, value]) => row[key as keyof ResourceRow] === value);
}

function toResource(row: ResourceRow, connections: readonly ConnectionRow[]): Resource {
  return {
    id: row.id,
    name: row.name,
    type: ConnectionType.parse(row.type),
    subtype: row.subtype,
    agent_id: row.agentId,
    env_vars: {},
    env_keys: [...row.envKeys],
    connections: connections.filter((connection) => connection.resourceName === row.name).map(({ name }) => name),
    created_at: timeOf(row.createdAt),
    updated_at: timeOf(row.updatedAt),
  };
}
