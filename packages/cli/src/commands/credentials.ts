import {
  CREDENTIAL_SECONDS_MAX,
  CREDENTIAL_SECONDS_MIN,
  type Credential,
  createCredential,
  listCredentials,
  revokeCredential,
} from '@hoop/contract/routes/credentials';
import type { Context } from '../context.ts';
import { Failure, usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { renderFacts, renderTable } from '../output/table.ts';
import { note, print, printJson } from '../output/terminal.ts';
import { parseDuration } from '../output/time.ts';

export interface CreateOptions {
  readonly duration: string;
  readonly json?: boolean;
  readonly uri?: boolean;
}

/** `hoop credentials create NAME`: a secret for native clients, shown this one time. */
export async function create(context: Context, name: string, options: CreateOptions): Promise<void> {
  const seconds = parseDuration(options.duration);
  if (seconds === undefined) throw usage(`"${options.duration}" is no duration. Write one such as 90s, 30m or 2h`);
  if (seconds < CREDENTIAL_SECONDS_MIN || seconds > CREDENTIAL_SECONDS_MAX) {
    throw usage(`A credential lives from ${CREDENTIAL_SECONDS_MIN / 60} minute to ${CREDENTIAL_SECONDS_MAX / 3_600} hours`);
  }
  const { client } = openGateway(context);
  const credential = await client.call(createCredential, { params: { nameOrID: name }, body: { access_duration_seconds: seconds } });
  const { terminal } = context;
  if (options.json === true) {
    printJson(terminal, credential);
    return;
  }
  if (options.uri === true) {
    print(terminal, credential.connection_credentials.connection_string);
    return;
  }
  terminal.stdout.write(renderFacts(factsOf(credential)));
  const { bold, dim } = terminal.errStyle;
  const ways = waysIn(credential);
  if (ways.length > 0) note(terminal, '');
  for (const [label, text] of ways) note(terminal, `${`${label}:`.padEnd(7)}${bold(text)}`);
  note(terminal, dim(`The password is not shown again. End it early with \`hoop credentials revoke ${credential.id}\``));
}

/** What a person may type or open, first the best; nothing where there is no such program. */
function waysIn({ connection_subtype, connection_credentials }: Credential): readonly (readonly [label: string, text: string])[] {
  const { command, connection_string, proxy_token } = connection_credentials;
  if (command === undefined) return connection_subtype === 'postgres' ? [['Type', `psql '${connection_string}'`]] : [];
  if (proxy_token === undefined) return [['Type', command]];
  const { curl, browser } = waysOfHttp(command);
  return [...(curl === undefined ? [] : [['Type', curl] as const]), ...(browser === undefined ? [] : [['Open', browser] as const])];
}

/** Of HTTP the command is JSON with one for each kind of client. */
function waysOfHttp(command: string): { readonly curl?: string; readonly browser?: string } {
  try {
    const ways: unknown = JSON.parse(command);
    if (typeof ways !== 'object' || ways === null) return {};
    const { curl, browser } = ways as Record<string, unknown>;
    return { ...(typeof curl === 'string' ? { curl } : {}), ...(typeof browser === 'string' ? { browser } : {}) };
  } catch {
    // A gateway that writes it in another way: what it says is shown as it is.
    return { curl: command };
  }
}

function factsOf(credential: Credential): readonly (readonly [string, string])[] {
  const access = credential.connection_credentials;
  return [
    ['Id', credential.id],
    ['Connection', credential.connection_name],
    ['Host', access.hostname],
    ['Port', access.port],
    ['User', access.username],
    ['Password', access.password],
    ['Database', access.database_name],
    ['URL', access.connection_string],
    ['Expires', credential.expire_at ?? 'never'],
  ];
}

/** `hoop credentials list`: yours that still work, without their secrets. */
export async function list(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const { items } = await client.call(listCredentials);
  if (options.json === true) {
    printJson(context.terminal, items);
    return;
  }
  const rows = items.map((item) => [
    item.id,
    item.connection_name,
    item.connection_subtype === '' ? item.connection_type : `${item.connection_type}/${item.connection_subtype}`,
    item.created_at,
    item.expire_at ?? 'never',
  ]);
  context.terminal.stdout.write(renderTable(['ID', 'CONNECTION', 'TYPE', 'CREATED', 'EXPIRES'], rows));
}

/** `hoop credentials revoke ID`: dead at once, and the sessions that came in with it end. */
export async function revoke(context: Context, id: string): Promise<void> {
  const { client } = openGateway(context);
  const { items } = await client.call(listCredentials);
  const credential = items.find((item) => item.id === id);
  if (credential === undefined) {
    throw new Failure('credential_unknown', `You have no live credential ${id}. \`hoop credentials list\` shows yours`);
  }
  await client.call(revokeCredential, { params: { nameOrID: credential.connection_id, ID: id } });
  print(context.terminal, `credential "${id}" revoked`);
}
