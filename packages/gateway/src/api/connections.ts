import type { BodyOf } from '@hoop/contract/route';
import type { Connection, createConnection, patchConnection } from '@hoop/contract/routes/connections';
import { ConnectionType } from '@hoop/contract/routes/connections';
import { asAppError, Bug, Refusal } from '@hoop/core/errors';
import type { ConnectionPatch, ConnectionRow } from '@hoop/store/connections';
import { type OnlineTest, onlineTest } from './agents.ts';
import { checkConnection } from './connection-check.ts';
import { invalid, notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';
import { defined } from './users.ts';

type Names =
  | 'listConnections'
  | 'createConnection'
  | 'getConnection'
  | 'replaceConnection'
  | 'patchConnection'
  | 'deleteConnection'
  | 'testConnection';

export function connectionHandlers(parts: ApiParts): Pick<Handlers, Names> {
  return { ...readers(parts), ...writers(parts) };
}

function readers(parts: ApiParts): Pick<Handlers, 'listConnections' | 'getConnection' | 'testConnection'> {
  const { store } = parts;
  return {
    listConnections: async ({ query }) => {
      const { name, type, subtype, agent_id: agentId, search } = query;
      const tags = readSelector(query.tag_selector ?? '');
      const rows = await store.connections.list(defined({ name, type, subtype, agentId, search }));
      const around = await surroundings(parts);
      return { body: rows.filter((row) => matches(row, tags)).map((row) => toConnection(row, around)) };
    },
    getConnection: async ({ params }) => ({ body: toConnection(await mustFind(parts, params.nameOrID), await surroundings(parts)) }),
    testConnection: async ({ params }) => {
      const connection = await mustFind(parts, params.nameOrID);
      await probe(parts, connection).catch((error: unknown) => {
        if (error instanceof Bug) throw error;
        throw new Refusal('test_failed', asAppError(error).message, { cause: error });
      });
      return { body: { success: true } };
    },
  };
}

function writers(parts: ApiParts): Pick<Handlers, 'createConnection' | 'replaceConnection' | 'patchConnection' | 'deleteConnection'> {
  const { store, live, protocols } = parts;
  const change = async (nameOrId: string, patch: ConnectionPatch): Promise<Connection> => {
    const row = await store.transaction(async (tx) => {
      const changed = await tx.connections.update(nameOrId, patch);
      if (!changed) throw notFound('connection');
      await checkConnection(tx, protocols, changed);
      return changed;
    });
    // Whoever switches a way in off means the people who are in, too.
    if (!row.accessModes.connect) live.endSessionsOfConnection(row.id);
    if (patch.guardrailRuleIds) await live.policyChanged([row.id]);
    return toConnection(row, await surroundings(parts));
  };
  return {
    createConnection: async ({ body }) => {
      const row = await store.transaction(async (tx) => {
        const created = await tx.connections.create({ ...wholeOf(body), name: body.name, secrets: body.secret });
        await checkConnection(tx, protocols, created);
        return created;
      });
      return { body: toConnection(row, await surroundings(parts)) };
    },
    replaceConnection: async ({ params, body }) => {
      const { name, secret } = body;
      const secrets = secret && Object.keys(secret).length > 0 ? secret : undefined;
      return { body: await change(params.nameOrID, { ...wholeOf(body), ...defined({ name, secrets }) }) };
    },
    patchConnection: async ({ params, body }) => ({ body: await change(params.nameOrID, patchOf(body)) }),
    deleteConnection: async ({ params }) => {
      const connection = await mustFind(parts, params.nameOrID);
      await store.connections.delete(connection.id);
      live.endSessionsOfConnection(connection.id);
      return NO_BODY;
    },
  };
}

/** Tries the target and keeps what came of it. That an agent is away says nothing of the target. */
async function probe({ engine, store }: ApiParts, connection: ConnectionRow): Promise<void> {
  try {
    await engine.probe(connection.name);
  } catch (thrown) {
    const error = asAppError(thrown);
    if (!ABOUT_AGENT.has(error.code) && !(error instanceof Bug)) await store.connections.probed(connection.id, error.message);
    throw error;
  }
  await store.connections.probed(connection.id, null);
}

const ABOUT_AGENT: ReadonlySet<string> = new Set(['agent_offline', 'agent_timeout', 'agent_lost']);

/** The connection of this name or id. @throws Refusal `not_found` */
export async function mustFind({ store }: Pick<ApiParts, 'store'>, nameOrId: string): Promise<ConnectionRow> {
  const row = await store.connections.get(nameOrId);
  if (!row) throw notFound('connection');
  return row;
}

type Whole = Omit<BodyOf<typeof createConnection>, 'name' | 'secret'>;

/** Every field of a connection but its name and secrets. */
function wholeOf(body: Whole) {
  return {
    type: body.type,
    subtype: body.subtype,
    agentId: body.agent_id,
    command: body.command,
    defaultDatabase: body.default_database,
    accessModes: {
      connect: body.access_mode_connect === 'enabled',
      exec: body.access_mode_exec === 'enabled',
      runbooks: body.access_mode_runbooks === 'enabled',
    },
    accessSchema: (body.access_schema ?? (body.type === 'database' ? 'enabled' : 'disabled')) === 'enabled',
    connectionTags: body.connection_tags,
    ...defined({ resourceName: body.resource_name, guardrailRuleIds: body.guardrail_rules, reviewers: groupsOf(body.reviewers) }),
  };
}

function patchOf(body: BodyOf<typeof patchConnection>): ConnectionPatch {
  const mode = (value: 'enabled' | 'disabled' | undefined): boolean | undefined => (value === undefined ? undefined : value === 'enabled');
  const accessModes = defined({
    connect: mode(body.access_mode_connect),
    exec: mode(body.access_mode_exec),
    runbooks: mode(body.access_mode_runbooks),
  });
  return defined({
    type: body.type,
    subtype: body.subtype,
    agentId: body.agent_id,
    command: body.command,
    defaultDatabase: body.default_database,
    accessModes,
    accessSchema: mode(body.access_schema),
    connectionTags: body.connection_tags,
    resourceName: body.resource_name,
    guardrailRuleIds: body.guardrail_rules,
    reviewers: groupsOf(body.reviewers),
    mergeSecrets: body.secret,
  });
}

/** Each once, in their order: sessions are compared by them. */
function groupsOf(reviewers: readonly string[] | undefined): readonly string[] | undefined {
  return reviewers && [...new Set(reviewers)].sort();
}

interface TagTest {
  readonly key: string;
  readonly value: string;
  readonly equal: boolean;
}

/** Reads `key=value,other!=value`. @throws Refusal `invalid` */
function readSelector(text: string): TagTest[] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return parts.map((part) => {
    const [, key, sign, value] = /^\s*([^=!]+?)\s*(!?=)\s*(.*?)\s*$/.exec(part) ?? [];
    if (key === undefined || value === undefined) throw invalid('tag_selector', 'Write key=value or key!=value, joined by commas');
    return { key, value, equal: sign === '=' };
  });
}

function matches(row: ConnectionRow, tests: readonly TagTest[]): boolean {
  return tests.every(({ key, value, equal }) => (Object.hasOwn(row.connectionTags, key) && row.connectionTags[key] === value) === equal);
}

/** What a connection's view shows besides its row. */
interface Surroundings {
  readonly isOnline: OnlineTest;
  /** Ids of the connections that a masking rule is active on. */
  readonly masked: ReadonlySet<string>;
}

async function surroundings(parts: ApiParts): Promise<Surroundings> {
  const [isOnline, rules] = await Promise.all([onlineTest(parts), parts.store.maskingRules.list()]);
  return {
    isOnline,
    masked: new Set(rules.flatMap((rule) => rule.connectionIds)),
  };
}

const onOff = (value: boolean): 'enabled' | 'disabled' => (value ? 'enabled' : 'disabled');

function toConnection(row: ConnectionRow, { isOnline, masked }: Surroundings): Connection {
  return {
    id: row.id,
    name: row.name,
    resource_name: row.resourceName || row.name,
    type: ConnectionType.parse(row.type),
    subtype: row.subtype,
    command: [...row.command],
    agent_id: row.ownAgentId,
    effective_agent_id: row.agentId,
    last_probe: row.probedAt === null ? null : { at: timeOf(row.probedAt), success: row.probeError === null, error: row.probeError ?? '' },
    managed_by: row.managedBy,
    status: row.probeError === null && isOnline(row.agentId, row.name) ? 'online' : 'offline',
    secret: {},
    secret_keys: [...row.secretKeys],
    default_database: row.defaultDatabase,
    access_mode_runbooks: onOff(row.accessModes.runbooks),
    access_mode_exec: onOff(row.accessModes.exec),
    access_mode_connect: onOff(row.accessModes.connect),
    access_schema: onOff(row.accessSchema),
    guardrail_rules: [...row.guardrailRuleIds],
    reviewers: [...row.reviewers],
    redact_enabled: row.redactEnabled || masked.has(row.id),
    redact_types: [...row.redactTypes],
    tags: [...row.tags],
    connection_tags: { ...row.connectionTags },
    attributes: [...row.attributes],
    created_at: timeOf(row.createdAt),
    updated_at: timeOf(row.updatedAt),
  };
}
