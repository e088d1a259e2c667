import { type Agent, createAgent, deleteAgent, getAgent, listAgents } from '@hoop/contract/routes/agents';
import type { Context } from '../context.ts';
import { openGateway } from '../gateway.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { note, print, printJson } from '../output/terminal.ts';

export interface CreateOptions {
  readonly mode: 'standard' | 'embedded';
  readonly scheme: 'grpcs' | 'https';
  readonly json?: boolean;
}

/**
 * `hoop admin create agent NAME`: stdout gets the key and nothing else,
 * so that `export HOOP_KEY="$(hoop admin create agent dev)"` works.
 */
export async function create(context: Context, name: string, options: CreateOptions): Promise<void> {
  const { client } = openGateway(context);
  const transport = options.scheme === 'https' ? 'http' : 'grpc';
  const { token } = await client.call(createAgent, { body: { name, mode: options.mode, transport } });
  const { terminal } = context;
  if (options.json === true) printJson(terminal, { name, token });
  else print(terminal, token);
  // Also where stdout goes into a variable: the person sees stderr.
  if (terminal.stderr.isTTY === true) {
    const start = options.mode === 'embedded' ? 'hoop run -- COMMAND' : 'hoop agent start';
    note(terminal, terminal.errStyle.dim(`This is the only time the key is shown. Start the agent with it in HOOP_KEY: \`${start}\``));
  }
}

const HEADERS = ['UID', 'NAME', 'MODE', 'VERSION', 'HOSTNAME', 'PLATFORM', 'STATUS'];

/** `hoop admin get agents [NAME]` */
export async function get(context: Context, name: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const agents = name === undefined ? await client.call(listAgents) : [await client.call(getAgent, { params: { nameOrID: name } })];
  if (options.json === true) printJson(context.terminal, name === undefined ? agents : agents[0]);
  else context.terminal.stdout.write(renderTable(HEADERS, agents.map(rowOf)));
}

/** `hoop admin delete agent NAME` */
export async function remove(context: Context, name: string): Promise<void> {
  const { client } = openGateway(context);
  // Deleting twice succeeds in the API; a person who mistyped a name must hear of it.
  await client.call(getAgent, { params: { nameOrID: name } });
  await client.call(deleteAgent, { params: { nameOrID: name } });
  print(context.terminal, `agent "${name}" deleted`);
}

function rowOf(agent: Agent): readonly Cell[] {
  const status = agent.status === 'CONNECTED' ? 'ONLINE' : 'OFFLINE';
  // Nothing is known of an agent before its first connection, its state included.
  const known = agent.status === 'CONNECTED' || agent.hostname !== '' || agent.platform !== '' || agent.version !== '';
  const facts = known ? [agent.version || 'unknown', agent.hostname, agent.platform, status] : ['', '', '', ''];
  return [agent.id, agent.name, agent.mode, ...facts];
}
