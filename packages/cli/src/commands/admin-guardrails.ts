import type { Client } from '@hoop/contract/client';
import type { BodyInput } from '@hoop/contract/route';
import { getConnection } from '@hoop/contract/routes/connections';
import {
  createGuardrail,
  deleteGuardrail,
  type Guardrail,
  getGuardrail,
  listGuardrails,
  replaceGuardrail,
} from '@hoop/contract/routes/guardrails';
import type { Context } from '../context.ts';
import { usage } from '../failure.ts';
import { isNotFound, openGateway } from '../gateway.ts';
import { commaList } from '../input/lists.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { print, printJson } from '../output/terminal.ts';

export interface CreateOptions {
  readonly denyPattern?: readonly string[];
  readonly denyWords?: readonly string[];
  readonly rowLimit?: number;
  readonly direction: 'input' | 'output';
  readonly message?: string;
  readonly description?: string;
  readonly connection?: readonly string[];
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

type Rules = NonNullable<NonNullable<BodyInput<typeof createGuardrail>['input']>['rules']>;

/** `hoop admin create guardrail NAME`: what statements, or answers, a connection must not let through. */
export async function create(context: Context, name: string, options: CreateOptions): Promise<void> {
  const rules = rulesOf(options);
  const limits = options.rowLimit === undefined ? [] : [{ type: 'row_limit' as const, rows_max: options.rowLimit }];
  if (rules.length + limits.length === 0)
    throw usage('A guardrail needs something to deny. Give --deny-pattern, --deny-words or --row-limit');
  const { client } = openGateway(context);
  const body = {
    name,
    description: options.description ?? '',
    input: { rules: [...(options.direction === 'input' ? rules : []), ...limits] },
    output: { rules: options.direction === 'output' ? rules : [] },
    connection_ids: await connectionIdsOf(client, options.connection ?? []),
  };
  const exists = options.overwrite === true && (await ruleExists(client, name));
  const rule = exists ? await client.call(replaceGuardrail, { params: { id: name }, body }) : await client.call(createGuardrail, { body });
  if (options.json === true) printJson(context.terminal, rule);
  else print(context.terminal, `guardrail "${name}" ${exists ? 'updated' : 'created'}`);
}

function rulesOf(options: CreateOptions): Rules {
  const message = options.message === undefined ? {} : { message: options.message };
  const words = (options.denyWords ?? []).flatMap(commaList);
  return [
    ...(options.denyPattern ?? []).map((pattern) => ({ type: 'pattern_match' as const, pattern_regex: pattern, ...message })),
    ...(words.length === 0 ? [] : [{ type: 'deny_words_list' as const, words, ...message }]),
  ];
}

/** The ids of connections by their names. */
export async function connectionIdsOf(client: Client, names: readonly string[]): Promise<string[]> {
  const connections = await Promise.all(names.flatMap(commaList).map((nameOrID) => client.call(getConnection, { params: { nameOrID } })));
  return connections.map((connection) => connection.id);
}

async function ruleExists(client: Client, name: string): Promise<boolean> {
  try {
    await client.call(getGuardrail, { params: { id: name } });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

const HEADERS = ['ID', 'NAME', 'INPUT', 'OUTPUT', 'CONNECTIONS', 'DESCRIPTION'];

/** `hoop admin get guardrails [NAME]` */
export async function get(context: Context, name: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const rules = name === undefined ? await client.call(listGuardrails) : [await client.call(getGuardrail, { params: { id: name } })];
  if (options.json === true) printJson(context.terminal, name === undefined ? rules : rules[0]);
  else context.terminal.stdout.write(renderTable(HEADERS, rules.map(rowOf)));
}

/** `hoop admin delete guardrail NAME` */
export async function remove(context: Context, name: string): Promise<void> {
  const { client } = openGateway(context);
  await client.call(deleteGuardrail, { params: { id: name } });
  print(context.terminal, `guardrail "${name}" deleted`);
}

function rowOf(rule: Guardrail): readonly Cell[] {
  return [rule.id, rule.name, rule.input.rules.length, rule.output.rules.length, rule.connection_ids.length, rule.description];
}
