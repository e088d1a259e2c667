import { type Client, createClient } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import { TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import { DATABASE, ROLE } from './database.ts';
import type { State, StoredCredential } from './state.ts';

export const CONNECTION = 'demo';
export const GUARDRAIL = 'demo-tables-stay';
export const MASK = 'demo-e-mail';

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

/** Makes the connection to the demo database, or tells it the database's new port. Returns its id. */
export async function ensureConnection(client: Client, agentId: string, state: State, port: number): Promise<string> {
  const secret = encoded({
    HOST: '127.0.0.1',
    PORT: String(port),
    USER: ROLE,
    PASS: state.databasePassword,
    DB: DATABASE,
    SSLMODE: 'prefer',
  });
  const existing = (await client.call(routes.listConnections, { query: { name: CONNECTION } })).find(({ name }) => name === CONNECTION);
  if (!existing) {
    const body = { name: CONNECTION, type: 'database', subtype: 'postgres', agent_id: agentId, secret } as const;
    return (await client.call(routes.createConnection, { body })).id;
  }
  if (existing.agent_id !== agentId || state.connectionPort !== port) {
    await client.call(routes.patchConnection, { params: { nameOrID: existing.id }, body: { agent_id: agentId, secret } });
  }
  return existing.id;
}

function encoded(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`envvar:${name}`, Buffer.from(value).toString('base64')]));
}

/** One rule that denies and one that hides, so that there is something to see. What a person has changed since stays as it is. */
export async function ensurePolicy(client: Client, connectionId: string): Promise<void> {
  const guardrails = await client.call(routes.listGuardrails);
  if (!guardrails.some(({ name }) => name === GUARDRAIL)) {
    // Only these two: people try the demo with tools that make and drop tables of their own.
    const message = 'The tables of the demo stay. Try it on a table of your own';
    const rules = [{ type: 'pattern_match' as const, pattern_regex: '\\bdrop\\s+table\\b[^;]*\\b(customers|orders)\\b', message }];
    const body = {
      name: GUARDRAIL,
      description: 'Denies DROP TABLE on customers and orders',
      input: { rules },
      connection_ids: [connectionId],
    };
    await client.call(routes.createGuardrail, { body });
  }
  const masks = await client.call(routes.listMaskingRules);
  if (!masks.some(({ name }) => name === MASK)) {
    const supported_entity_types = [{ name: 'contact', entity_types: ['EMAIL_ADDRESS'] }];
    const body = { name: MASK, description: 'Hides e-mail addresses', supported_entity_types, connection_ids: [connectionId] };
    await client.call(routes.createMaskingRule, { body });
  }
}

/** The secret for native clients: the one of the last start while it has long enough to live, else a new one. */
export async function ensureCredential(client: Client, stored: StoredCredential | undefined, now_ms: number): Promise<StoredCredential> {
  const { items } = await client.call(routes.listCredentials);
  const live = items.find(({ id }) => id === stored?.id);
  const left_ms = live ? (live.expire_at ? Date.parse(live.expire_at) - now_ms : Number.POSITIVE_INFINITY) : 0;
  if (stored && left_ms > (CREDENTIAL_SECONDS * 1000) / 2) return stored;
  const params = { nameOrID: CONNECTION };
  const minted = await client.call(routes.createCredential, { params, body: { access_duration_seconds: CREDENTIAL_SECONDS } });
  return { id: minted.id, secret: minted.connection_credentials.password };
}

/** The address of the demo database through the gateway, for any PostgreSQL client. */
export function nativeUrl(port: number, credential: StoredCredential): string {
  return `postgres://${CONNECTION}:${encodeURIComponent(credential.secret)}@127.0.0.1:${port}/${DATABASE}?sslmode=require`;
}
