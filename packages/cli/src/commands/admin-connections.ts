import { readFileSync } from 'node:fs';
import type { Client } from '@hoop/contract/client';
import type { BodyInput } from '@hoop/contract/route';
import { type Agent, getAgent, listAgents } from '@hoop/contract/routes/agents';
import {
  type Connection,
  createConnection,
  deleteConnection,
  getConnection,
  listConnections,
  replaceConnection,
  testConnection,
} from '@hoop/contract/routes/connections';
import { getGuardrail } from '@hoop/contract/routes/guardrails';
import type { Context } from '../context.ts';
import { Failure, usage } from '../failure.ts';
import { isNotFound, openGateway } from '../gateway.ts';
import { type ConnectionSpec, readBatch } from '../input/connection-batch.ts';
import { commaList, pairs } from '../input/lists.ts';
import { secretsOf } from '../input/secrets.ts';
import { typeOf } from '../output/connection.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { note, print, printJson } from '../output/terminal.ts';

export interface CreateOptions {
  readonly agent?: string;
  readonly type: string;
  readonly env?: readonly string[];
  readonly tags?: readonly string[];
  readonly accessModes?: string;
  readonly schema?: 'enabled' | 'disabled';
  readonly guardrailRules?: string;
  readonly reviewers?: string;
  readonly database?: string;
  readonly overwrite?: boolean;
  readonly test?: boolean;
  readonly json?: boolean;
}

const ACCESS_MODES = ['connect', 'exec', 'runbooks'] as const;

/** `hoop admin create connection NAME [-- COMMAND]` */
export async function create(context: Context, name: string, command: readonly string[], options: CreateOptions): Promise<void> {
  if (options.agent === undefined) throw usage('A connection needs an agent that can reach the target. Name it with --agent');
  const spec: ConnectionSpec = {
    name,
    agent: options.agent,
    type: options.type,
    secrets: secretsOf(options.env ?? []),
    command,
    tags: pairs('--tags', options.tags ?? []),
    accessModes: options.accessModes === undefined ? undefined : commaList(options.accessModes),
    schema: options.schema,
    guardrails: options.guardrailRules === undefined ? undefined : commaList(options.guardrailRules),
    reviewers: options.reviewers === undefined ? undefined : commaList(options.reviewers),
    database: options.database,
    overwrite: options.overwrite === true,
  };
  const { client } = openGateway(context);
  const { connection, verb } = await save(client, spec);
  if (options.json === true) printJson(context.terminal, connection);
  else print(context.terminal, `connection "${name}" ${verb}`);
  if (options.test === true) await probe(context, client, name);
}

/** `hoop admin create connections --from-file FILE`: many at once, in the file's order; the first failure ends it. */
export async function createMany(context: Context, options: { readonly fromFile: string; readonly json?: boolean }): Promise<void> {
  const specs = readBatch(readText(options.fromFile), options.fromFile);
  const { client } = openGateway(context);
  const saved: Connection[] = [];
  for (const spec of specs) {
    const { connection, verb } = await save(client, spec);
    saved.push(connection);
    if (options.json !== true) print(context.terminal, `connection "${spec.name}" ${verb}`);
  }
  if (options.json === true) printJson(context.terminal, saved);
}

async function save(client: Client, spec: ConnectionSpec): Promise<{ connection: Connection; verb: 'created' | 'updated' }> {
  const body = await bodyOf(client, spec);
  const exists = spec.overwrite && (await existing(client, spec.name)) !== undefined;
  const connection = exists
    ? await client.call(replaceConnection, { params: { nameOrID: spec.name }, body })
    : await client.call(createConnection, { body });
  return { connection, verb: exists ? 'updated' : 'created' };
}

async function bodyOf(client: Client, spec: ConnectionSpec): Promise<BodyInput<typeof createConnection>> {
  const agent = await agentOf(client, spec.agent);
  const guardrails = await Promise.all((spec.guardrails ?? []).map((nameOrId) => client.call(getGuardrail, { params: { id: nameOrId } })));
  const [type = '', subtype = ''] = spec.type.split('/');
  const modes = spec.accessModes ?? ACCESS_MODES;
  const unknown = modes.find((mode) => !ACCESS_MODES.some((known) => known === mode));
  if (unknown !== undefined) throw usage(`There is no access mode "${unknown}". The modes are ${ACCESS_MODES.join(', ')}`);
  const state = (mode: (typeof ACCESS_MODES)[number]): 'enabled' | 'disabled' => (modes.includes(mode) ? 'enabled' : 'disabled');
  return {
    name: spec.name,
    type: type as BodyInput<typeof createConnection>['type'],
    subtype,
    command: [...spec.command],
    agent_id: agent.id,
    secret: { ...spec.secrets },
    connection_tags: { ...spec.tags },
    access_mode_connect: state('connect'),
    access_mode_exec: state('exec'),
    access_mode_runbooks: state('runbooks'),
    ...(spec.schema === undefined ? {} : { access_schema: spec.schema }),
    ...(spec.database === undefined ? {} : { default_database: spec.database }),
    ...(spec.reviewers === undefined ? {} : { reviewers: [...spec.reviewers] }),
    ...(spec.guardrails === undefined ? {} : { guardrail_rules: guardrails.map((rule) => rule.id) }),
  };
}

async function agentOf(client: Client, name: string): Promise<Agent> {
  try {
    return await client.call(getAgent, { params: { nameOrID: name } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Failure(
      'agent_unknown',
      `There is no agent "${name}". \`hoop admin get agents\` shows them; \`hoop admin create agent\` makes one`,
    );
  }
}

async function existing(client: Client, name: string): Promise<Connection | undefined> {
  try {
    return await client.call(getConnection, { params: { nameOrID: name } });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function probe(context: Context, client: Client, name: string): Promise<void> {
  await client.call(testConnection, { params: { nameOrID: name } });
  note(context.terminal, `${context.terminal.errStyle.green('The target answers')} through the agent`);
}

const HEADERS = ['NAME', 'COMMAND', 'TYPE', 'AGENT', 'STATUS', 'SECRETS', 'PLUGINS'];

export interface GetOptions {
  readonly json?: boolean;
  readonly showTags?: boolean;
}

/** `hoop admin get connections [NAME]` */
export async function get(context: Context, name: string | undefined, options: GetOptions): Promise<void> {
  const { client } = openGateway(context);
  const connections =
    name === undefined ? await client.call(listConnections) : [await client.call(getConnection, { params: { nameOrID: name } })];
  if (options.json === true) {
    printJson(context.terminal, name === undefined ? connections : connections[0]);
    return;
  }
  const agents = new Map((await client.call(listAgents)).map((agent) => [agent.id, agent.name]));
  const tags = options.showTags === true;
  const rows = connections.map((connection) => rowOf(connection, agents.get(connection.effective_agent_id), tags));
  context.terminal.stdout.write(renderTable([...HEADERS, ...(tags ? ['TAGS'] : [])], rows));
}

/** `hoop admin delete connection NAME` */
export async function remove(context: Context, name: string): Promise<void> {
  const { client } = openGateway(context);
  await client.call(deleteConnection, { params: { nameOrID: name } });
  print(context.terminal, `connection "${name}" deleted`);
}

function rowOf(connection: Connection, agent: string | undefined, withTags: boolean): readonly Cell[] {
  const features = [
    'audit',
    ...(connection.reviewers.length > 0 ? ['review'] : []),
    ...(connection.redact_enabled ? ['dlp'] : []),
    ...(connection.guardrail_rules.length > 0 ? ['guardrails'] : []),
  ];
  const tags = Object.entries(connection.connection_tags).map(([key, value]) => `${key}=${value}`);
  return [
    connection.name,
    connection.command.join(' '),
    typeOf(connection),
    agent,
    connection.status,
    connection.secret_keys.length,
    features.join(','),
    ...(withTags ? [tags.join(',')] : []),
  ];
}

function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw usage(`The file ${path} cannot be read (${(error as NodeJS.ErrnoException).code}). Check its name and mode`);
  }
}
