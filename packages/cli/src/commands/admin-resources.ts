import type { BodyInput } from '@hoop/contract/route';
import { getAgent, listAgents } from '@hoop/contract/routes/agents';
import { createResource, deleteResource, getResource, listResources, type Resource } from '@hoop/contract/routes/resources';
import type { Context } from '../context.ts';
import { openGateway } from '../gateway.ts';
import { secretsOf } from '../input/secrets.ts';
import { typeOf } from '../output/connection.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { print, printJson } from '../output/terminal.ts';

export interface CreateOptions {
  readonly agent?: string;
  readonly type: string;
  readonly env?: readonly string[];
  readonly json?: boolean;
}

/** `hoop admin create resource NAME`: what connections have in common. */
export async function create(context: Context, name: string, options: CreateOptions): Promise<void> {
  const env_vars = secretsOf(options.env ?? []);
  const { client } = openGateway(context);
  const [type = '', subtype = ''] = options.type.split('/');
  const agent = options.agent === undefined ? undefined : await client.call(getAgent, { params: { nameOrID: options.agent } });
  const resource = await client.call(createResource, {
    body: { name, type: type as BodyInput<typeof createResource>['type'], subtype, agent_id: agent?.id ?? '', env_vars },
  });
  if (options.json === true) printJson(context.terminal, resource);
  else print(context.terminal, `resource "${name}" created`);
}

const HEADERS = ['NAME', 'TYPE', 'AGENT', 'VARIABLES', 'CONNECTIONS'];

/** `hoop admin get resources [NAME]` */
export async function get(context: Context, name: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const resources = name === undefined ? await client.call(listResources) : [await client.call(getResource, { params: { name } })];
  if (options.json === true) {
    printJson(context.terminal, name === undefined ? resources : resources[0]);
    return;
  }
  const agents = new Map((await client.call(listAgents)).map((agent) => [agent.id, agent.name]));
  context.terminal.stdout.write(
    renderTable(
      HEADERS,
      resources.map((resource) => rowOf(resource, agents.get(resource.agent_id))),
    ),
  );
}

/** `hoop admin delete resource NAME` */
export async function remove(context: Context, name: string): Promise<void> {
  const { client } = openGateway(context);
  await client.call(deleteResource, { params: { name } });
  print(context.terminal, `resource "${name}" deleted`);
}

function rowOf(resource: Resource, agent: string | undefined): readonly Cell[] {
  return [resource.name, typeOf(resource), agent, resource.env_keys.length, resource.connections.join(',')];
}
