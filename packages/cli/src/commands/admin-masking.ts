import type { Client } from '@hoop/contract/client';
import {
  createMaskingRule,
  deleteMaskingRule,
  getMaskingRule,
  listMaskingRules,
  type MaskingRule,
  replaceMaskingRule,
} from '@hoop/contract/routes/masking';
import type { MASK_STRATEGIES } from '@hoop/contract/tunnel';
import type { Context } from '../context.ts';
import { usage } from '../failure.ts';
import { isNotFound, openGateway } from '../gateway.ts';
import { commaList } from '../input/lists.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { print, printJson } from '../output/terminal.ts';
import { connectionIdsOf } from './admin-guardrails.ts';

export interface CreateOptions {
  readonly entities?: readonly string[];
  readonly columns?: readonly string[];
  readonly strategy?: (typeof MASK_STRATEGIES)[number];
  readonly keep?: number;
  readonly threshold?: number;
  readonly description?: string;
  readonly connection?: readonly string[];
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** `hoop admin create datamasking-rule NAME`: which kinds of values answers must not show. */
export async function create(context: Context, name: string, options: CreateOptions): Promise<void> {
  const entities = (options.entities ?? []).flatMap(commaList).map((entity) => entity.toUpperCase().replaceAll('-', '_'));
  const columns = (options.columns ?? []).flatMap(commaList);
  if (entities.length + columns.length === 0) {
    throw usage('A masking rule needs something to hide. Give --entities, such as EMAIL_ADDRESS, or --columns, such as *email*');
  }
  const { client } = openGateway(context);
  const body = {
    name,
    description: options.description ?? '',
    connection_ids: await connectionIdsOf(client, options.connection ?? []),
    supported_entity_types: entities.length === 0 ? [] : [{ name, entity_types: entities }],
    columns,
    strategy: options.strategy ?? null,
    keep: options.keep ?? null,
    score_threshold: options.threshold ?? null,
  };
  const exists = options.overwrite === true && (await ruleExists(client, name));
  const rule = exists
    ? await client.call(replaceMaskingRule, { params: { id: name }, body })
    : await client.call(createMaskingRule, { body });
  if (options.json === true) printJson(context.terminal, rule);
  else print(context.terminal, `datamasking-rule "${name}" ${exists ? 'updated' : 'created'}`);
}

async function ruleExists(client: Client, name: string): Promise<boolean> {
  try {
    await client.call(getMaskingRule, { params: { id: name } });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

const HEADERS = ['ID', 'NAME', 'ENTITIES', 'COLUMNS', 'SHOWS', 'CONNECTIONS', 'DESCRIPTION'];

/** `hoop admin get datamasking-rules [NAME]` */
export async function get(context: Context, name: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const rules = name === undefined ? await client.call(listMaskingRules) : [await client.call(getMaskingRule, { params: { id: name } })];
  if (options.json === true) printJson(context.terminal, name === undefined ? rules : rules[0]);
  else context.terminal.stdout.write(renderTable(HEADERS, rules.map(rowOf)));
}

/** `hoop admin delete datamasking-rule NAME` */
export async function remove(context: Context, name: string): Promise<void> {
  const { client } = openGateway(context);
  await client.call(deleteMaskingRule, { params: { id: name } });
  print(context.terminal, `datamasking-rule "${name}" deleted`);
}

function rowOf(rule: MaskingRule): readonly Cell[] {
  const entities = rule.supported_entity_types.flatMap((group) => group.entity_types);
  const custom = rule.custom_entity_types.map((each) => each.name);
  const hides = [...entities, ...custom].join(',');
  return [rule.id, rule.name, hides, rule.columns.join(','), rule.strategy ?? 'redact', rule.connection_ids.length, rule.description];
}
