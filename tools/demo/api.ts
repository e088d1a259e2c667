import { createHash } from 'node:crypto';
import { type Client, createClient } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import { TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import { DATABASE, ROLE } from './database.ts';
import type { State, StoredCredential } from './state.ts';
import type { Wish } from './targets/target.ts';

export const CONNECTION = 'demo';

/** How long the secret of `PGURL` works. A start renews it when less than half of that is left. */
const CREDENTIAL_SECONDS = 24 * 3600;

export interface Session {
  readonly client: Client;
  readonly token: string;
}

/** Logs in as the demo's admin, who is made on the first start. */
export async function logIn(baseUrl: string, state: State): Promise<Session> {
  const open = createClient({ baseUrl });
  const { email, password } = state;
  const { setup_required } = await open.call(routes.getPublicServerInfo);
  const answer = setup_required
    ? await open.send(routes.register, { body: { email, password, name: 'Demo admin' } })
    : await open.send(routes.login, { body: { email, password } });
  const token = answer.headers.get(TOKEN_HEADER) ?? '';
  return { client: createClient({ baseUrl, token }), token };
}

/** The agent that serves the demo: the one inside the standalone process. */
export async function onlineAgent(client: Client): Promise<string | undefined> {
  const agents = await client.call(routes.listAgents, { query: { status: 'CONNECTED' } });
  return agents[0]?.id;
}

/** The connection to the demo's PostgreSQL server. */
export function postgresWish(port: number, password: string): Wish {
  const settings = { HOST: '127.0.0.1', PORT: String(port), USER: ROLE, PASS: password, DB: DATABASE, SSLMODE: 'prefer' };
  return { name: CONNECTION, type: 'database', subtype: 'postgres', settings };
}

export interface Connected {
  readonly id: string;
  /** It was made just now. */
  readonly fresh: boolean;
  /** Of the agent and the settings; goes into `State.told`. */
  readonly fingerprint: string;
}

/** Makes a connection, or tells an existing one what has changed since `told`. The rest of it stays as a person may have changed it. */
export async function ensureConnection(client: Client, agentId: string, wish: Wish, told: string | undefined): Promise<Connected> {
  const { name, type, subtype, command = [] } = wish;
  const secret = encoded(wish.settings);
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([agentId, secret]))
    .digest('base64url');
  const existing = (await client.call(routes.listConnections, { query: { name } })).find((connection) => connection.name === name);
  if (!existing) {
    // Who only sees the connection cannot see its settings: the database belongs into what `hoop connect` tells to type.
    const body = { name, type, subtype, command: [...command], agent_id: agentId, secret, default_database: wish.settings.DB ?? '' };
    return { id: (await client.call(routes.createConnection, { body })).id, fresh: true, fingerprint };
  }
  if (existing.agent_id !== agentId || told !== fingerprint) {
    await client.call(routes.patchConnection, { params: { nameOrID: existing.id }, body: { agent_id: agentId, secret } });
  }
  return { id: existing.id, fresh: false, fingerprint };
}

function encoded(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`envvar:${name}`, Buffer.from(value).toString('base64')]));
}

/** The secret for native clients: the one of the last start while it has long enough to live, else a new one. */
export async function ensureCredential(
  client: Client,
  connection: string,
  stored: StoredCredential | undefined,
  now_ms: number,
): Promise<StoredCredential> {
  const { items } = await client.call(routes.listCredentials);
  const live = items.find(({ id }) => id === stored?.id);
  const left_ms = live ? (live.expire_at ? Date.parse(live.expire_at) - now_ms : Number.POSITIVE_INFINITY) : 0;
  if (stored && left_ms > (CREDENTIAL_SECONDS * 1000) / 2) return stored;
  const params = { nameOrID: connection };
  const minted = await client.call(routes.createCredential, { params, body: { access_duration_seconds: CREDENTIAL_SECONDS } });
  return { id: minted.id, secret: minted.connection_credentials.password };
}

/** The address of a demo database through the gateway, for any client. */
export function nativeUrl(scheme: 'postgres' | 'mysql', connection: string, port: number, { secret }: StoredCredential): string {
  const options = scheme === 'postgres' ? '?sslmode=require' : '';
  return `${scheme}://${connection}:${encodeURIComponent(secret)}@127.0.0.1:${port}/${DATABASE}${options}`;
}
