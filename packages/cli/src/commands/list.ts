import type { Client } from '@hoop/contract/client';
import { listAgents } from '@hoop/contract/routes/agents';
import { type Connection, getConnection, listConnections } from '@hoop/contract/routes/connections';
import type { Context } from '../context.ts';
import { openGateway } from '../gateway.ts';
import { accessModesOf, typeOf } from '../output/connection.ts';
import { type Cell, renderFacts, renderTable } from '../output/table.ts';
import { note, printJson } from '../output/terminal.ts';

export interface ListOptions {
  readonly json?: boolean;
  readonly wide?: boolean;
  readonly search?: string;
  readonly type?: string;
}

/** `hoop list`: the connections that you may use. */
export async function listMine(context: Context, options: ListOptions): Promise<void> {
  const { client } = openGateway(context);
  const [type, subtype] = options.type?.split('/') ?? [];
  const query = {
    ...(options.search === undefined ? {} : { search: options.search }),
    ...(type === undefined ? {} : { type }),
    ...(subtype === undefined ? {} : { subtype }),
  };
  const connections = await client.call(listConnections, { query });
  const { terminal } = context;
  if (options.json === true) {
    printJson(terminal, connections);
    return;
  }
  const headers = ['NAME', 'TYPE', 'ACCESS', 'STATUS', ...(options.wide === true ? ['ID', 'TAGS'] : [])];
  terminal.stdout.write(
    renderTable(
      headers,
      connections.map((connection) => rowOf(connection, options.wide === true)),
    ),
  );
  if (connections.length === 0) note(terminal, 'No connections yet. An administrator makes one with `hoop admin create connection`');
}

/** `hoop describe NAME` */
export async function describe(context: Context, name: string, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const connection = await client.call(getConnection, { params: { nameOrID: name } });
  const { terminal } = context;
  if (options.json === true) {
    printJson(terminal, connection);
    return;
  }
  const agent = await agentNameOf(client, connection);
  terminal.stdout.write(renderFacts(factsOf(connection, agent)));
}

function factsOf(connection: Connection, agent: string): readonly (readonly [string, Cell])[] {
  return [
    ['Name', connection.name],
    ['Id', connection.id],
    ['Type', typeOf(connection)],
    ['Status', connection.status],
    ['Agent', agent],
    ['Access', accessModesOf(connection).join(', ')],
    ['Database', connection.default_database],
    ['Command', connection.command.join(' ')],
    ['Settings', connection.secret_keys.join(', ')],
    ['Guardrails', connection.guardrail_rules.length],
    ['Masking', connection.redact_enabled ? connection.redact_types.join(', ') || 'on' : 'off'],
    ['Tags', tagsOf(connection)],
    ['Created', connection.created_at],
    ['Updated', connection.updated_at],
  ];
}

function rowOf(connection: Connection, wide: boolean): readonly Cell[] {
  const row = [connection.name, typeOf(connection), accessModesOf(connection).join(','), connection.status];
  return wide ? [...row, connection.id, tagsOf(connection)] : row;
}

function tagsOf(connection: Connection): string {
  return Object.entries(connection.connection_tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

async function agentNameOf(client: Client, connection: Connection): Promise<string> {
  const { effective_agent_id: id } = connection;
  if (id === '') return '';
  const known = (await client.call(listAgents)).find((agent) => agent.id === id);
  if (known) return known.name;
  // Agents that come with the organization key stand in no list: there is one for each application that runs.
  const isOfOrganization = connection.managed_by !== null || connection.status === 'online';
  return isOfOrganization ? 'whoever has the organization key' : `${id} (deleted)`;
}
