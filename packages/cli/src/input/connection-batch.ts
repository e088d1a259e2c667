import { parse } from 'yaml';
import { usage } from '../failure.ts';
import { encodeSecret } from './secrets.ts';

/** A connection as a person describes it, by names instead of ids. */
export interface ConnectionSpec {
  readonly name: string;
  readonly agent: string;
  /** `database/postgres`, or a type without a subtype. */
  readonly type: string;
  /** As the API takes them. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly accessModes: readonly string[] | undefined;
  readonly schema: 'enabled' | 'disabled' | undefined;
  readonly guardrails: readonly string[] | undefined;
  readonly reviewers: readonly string[] | undefined;
  readonly database: string | undefined;
  readonly overwrite: boolean;
}

const DEFAULT_KEYS = ['agent', 'type', 'overwrite', 'tags', 'access_modes'];
const ITEM_KEYS = [...DEFAULT_KEYS, 'name', 'env', 'command', 'schema', 'guardrail_rules', 'reviewers', 'database'];

/**
 * Reads a YAML file of many connections: defaults at the top (`agent`, `type`, `overwrite`, `tags`, `access_modes`),
 * and under `connections` a list whose items may say otherwise. Unknown keys are refused, since a mistyped one would be lost silently.
 */
export function readBatch(text: string, path: string): readonly ConnectionSpec[] {
  const where = (part: string): string => `${path}: ${part}`;
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw usage(where(`this is no YAML (${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''})`));
  }
  const top = tableOf(document, where('the file'), ['connections', ...DEFAULT_KEYS]);
  if (!Array.isArray(top.connections) || top.connections.length === 0) throw usage(where('write a list under `connections`'));
  return top.connections.map((item, at) =>
    specOf(tableOf(item, where(`connection ${at + 1}`), ITEM_KEYS), top, where(`connection ${at + 1}`)),
  );
}

type Table = Readonly<Record<string, unknown>>;

function specOf(item: Table, top: Table, where: string): ConnectionSpec {
  const pick = (key: string): unknown => item[key] ?? top[key];
  const env = stringsOf(item.env, `${where}: env`);
  const secrets = Object.entries(env).map(([key, value]) => [
    /^(envvar|filesystem):/.test(key) ? key : `envvar:${key}`,
    encodeSecret(key, value),
  ]);
  return {
    name: textOf(item.name, `${where}: name`),
    agent: textOf(pick('agent'), `${where}: agent`),
    type: pick('type') === undefined ? 'custom' : textOf(pick('type'), `${where}: type`),
    secrets: Object.fromEntries(secrets),
    command: typeof item.command === 'string' ? [item.command] : listOf(item.command, `${where}: command`),
    tags: { ...stringsOf(top.tags, `${where}: tags`), ...stringsOf(item.tags, `${where}: tags`) },
    accessModes: pick('access_modes') === undefined ? undefined : listOf(pick('access_modes'), `${where}: access_modes`),
    schema: item.schema === undefined ? undefined : switchOf(item.schema, `${where}: schema`),
    guardrails: item.guardrail_rules === undefined ? undefined : listOf(item.guardrail_rules, `${where}: guardrail_rules`),
    reviewers: item.reviewers === undefined ? undefined : listOf(item.reviewers, `${where}: reviewers`),
    database: item.database === undefined ? undefined : textOf(item.database, `${where}: database`),
    overwrite: pick('overwrite') === true,
  };
}

function tableOf(value: unknown, where: string, known: readonly string[]): Table {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw usage(`${where} must be a table of names and values`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw usage(`${where} has an unknown key "${unknown}". The keys are ${known.join(', ')}`);
  return value as Table;
}

function textOf(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw usage(`${where} must be a text`);
}

function switchOf(value: unknown, where: string): 'enabled' | 'disabled' {
  if (value === 'enabled' || value === 'disabled') return value;
  throw usage(`${where} is either enabled or disabled`);
}

function listOf(value: unknown, where: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value;
  throw usage(`${where} must be a list of texts`);
}

/** YAML reads `PORT: 5432` as a number; as a setting it is the text `5432`. */
function stringsOf(value: unknown, where: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw usage(`${where} must be a table of names and values`);
  const entries = Object.entries(value).map(([key, part]) => {
    if (typeof part === 'string' || typeof part === 'number' || typeof part === 'boolean') return [key, String(part)];
    throw usage(`${where}: ${key} must be a text`);
  });
  return Object.fromEntries(entries);
}
