import { randomUUID } from 'node:crypto';
import { type Client, createClient } from '@hoop/contract/client';
import { routes } from '@hoop/contract/routes/all';
import { TOKEN_HEADER } from '@hoop/contract/routes/local-auth';
import type { Session, SessionAction } from '@hoop/contract/routes/sessions';
import { until } from './until.ts';

const ADMIN = { email: 'admin@example.test', password: 'correct horse battery', name: 'Admin' };

/** The rules of a connection, in short. */
export interface Policy {
  /** Statements with one of these words are denied. */
  readonly deny?: readonly string[];
  /** Of statements with one of these words the client is told something. */
  readonly warn?: readonly string[];
  /** Entities that are hidden. */
  readonly mask?: readonly string[];
}

/** What a connection is, as the API names it. */
export interface Kind {
  readonly type: 'database' | 'application' | 'custom';
  readonly subtype: string;
  readonly command?: readonly string[];
}

const POSTGRES: Kind = { type: 'database', subtype: 'postgres' };

/** A way in: a connection, and a secret for its native port. */
export interface Access {
  readonly host: string;
  readonly port: number;
  readonly connection: string;
  readonly connectionId: string;
  readonly secret: string;
  readonly credentialId: string;
}

/** What an administrator does over the API; the same for a system in this process and for real processes. */
export class Office {
  readonly api: Client;
  readonly apiUrl: string;
  readonly token: string;

  private constructor(apiUrl: string, token: string) {
    this.apiUrl = apiUrl;
    this.token = token;
    this.api = createClient({ baseUrl: apiUrl, token });
  }

  /** Registers the first user of a new system, or logs in to one that has it. */
  static async enter(apiUrl: string): Promise<Office> {
    const open = createClient({ baseUrl: apiUrl });
    const { setup_required } = await open.call(routes.getPublicServerInfo);
    const { email, password } = ADMIN;
    const answer = setup_required
      ? await open.send(routes.register, { body: ADMIN })
      : await open.send(routes.login, { body: { email, password } });
    return new Office(apiUrl, answer.headers.get(TOKEN_HEADER) ?? '');
  }

  /** Makes a connection with its rules; resolves with its id. */
  async connection(
    name: string,
    agentId: string,
    settings: Readonly<Record<string, string>>,
    policy: Policy = {},
    { type, subtype, command = [] }: Kind = POSTGRES,
  ): Promise<string> {
    const secret = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [`envvar:${key}`, Buffer.from(value).toString('base64')]),
    );
    const body = { name, type, subtype, command: [...command], agent_id: agentId, secret };
    const { id } = await this.api.call(routes.createConnection, { body });
    if (policy.deny) await this.deny(id, policy.deny);
    if (policy.warn) await this.warn(id, policy.warn, `warn ${name}`);
    if (policy.mask) await this.mask(id, policy.mask);
    return id;
  }

  /** Resolves with the guardrail's id. */
  deny(connectionId: string, words: readonly string[]): Promise<string> {
    return this.#forbid(connectionId, `deny ${randomUUID()}`, { words: [...words], message: 'Not here' });
  }

  /** Resolves with the guardrail's id. */
  warn(connectionId: string, words: readonly string[], name: string): Promise<string> {
    return this.#forbid(connectionId, name, { words: [...words], message: 'Mind this', action: 'warn' });
  }

  async #forbid(connectionId: string, name: string, rule: { words: string[]; message: string; action?: 'warn' }): Promise<string> {
    const rules = [{ type: 'deny_words_list' as const, ...rule }];
    const body = { name, input: { rules }, connection_ids: [connectionId] };
    return (await this.api.call(routes.createGuardrail, { body })).id;
  }

  async mask(connectionId: string, entities: readonly string[]): Promise<void> {
    const supported_entity_types = [{ name: 'all', entity_types: [...entities] }];
    const body = { name: `hide ${randomUUID()}`, supported_entity_types, connection_ids: [connectionId] };
    await this.api.call(routes.createMaskingRule, { body });
  }

  /** Mints a secret for the connection's native port. */
  async credential(connection: string): Promise<Access> {
    const minted = await this.api.call(routes.createCredential, { params: { nameOrID: connection }, body: {} });
    const { hostname, port, password } = minted.connection_credentials;
    const { id } = await this.api.call(routes.getConnection, { params: { nameOrID: connection } });
    return { host: hostname, port: Number(port), connection, connectionId: id, secret: password, credentialId: minted.id };
  }

  async revoke({ connection, credentialId }: Access): Promise<void> {
    await this.api.call(routes.revokeCredential, { params: { nameOrID: connection, ID: credentialId } });
  }

  async kill(sessionId: string): Promise<void> {
    await this.api.call(routes.killSession, { params: { session_id: sessionId } });
  }

  /** The sessions of a connection, oldest first. */
  async sessions(connection: string): Promise<Session[]> {
    const { data } = await this.api.call(routes.listSessions, { query: { connection, limit: 100 } });
    return data.reverse();
  }

  /** The only session that is open on a connection. */
  openSession(connection: string): Promise<Session> {
    return until(`one open session on ${connection}`, async () => {
      const open = (await this.sessions(connection)).filter(({ status }) => status === 'open');
      return open.length === 1 && open[0];
    });
  }

  /** The newest session of a connection, once it is over. */
  endedSession(connection: string): Promise<Session> {
    return until(`the end of the session on ${connection}`, async () => {
      const newest = (await this.sessions(connection)).at(-1);
      return newest?.status === 'done' && newest;
    });
  }

  /** Everything that a session did, as the audit has it now. */
  async actions(sessionId: string): Promise<SessionAction[]> {
    const all: SessionAction[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const query = { expand: 'actions', after };
      const session: Session = await this.api.call(routes.getSession, { params: { session_id: sessionId }, query });
      all.push(...(session.actions ?? []));
      after = session.next_after;
    }
    return all;
  }
}
