import { randomBytes, randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '@hoop/core/clock';
import { protocolOf } from '@hoop/core/connection';
import { Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import type { ConnectionRow } from '@hoop/store/connections';
import type { CredentialRow } from '@hoop/store/credentials';
import type { Aggregates } from '@hoop/store/store';
import { CREDENTIALS_PER_USER_MAX, ENDED_CREDENTIAL_KEPT_MS } from '../limits.ts';
import { secretHash } from './agent-keys.ts';
import { identityOf, type RoleGroups } from './people.ts';

/** What a protocol's secrets start with, so that secret scanners find a leaked one. */
const PREFIXES: Readonly<Record<string, string>> = {
  postgres: 'pg',
  mysql: 'mysql',
  mssql: 'mssql',
  mongodb: 'mongo',
  ssh: 'ssh',
  http: 'httpproxy',
};

const SECRET = /^[a-z]{2,16}-[A-Za-z0-9_-]{43}$/;

export interface MintedCredential {
  /** Shown once. */
  readonly secret: string;
  readonly row: CredentialRow;
}

/** Who came in, and to what. */
export interface ResolvedCredential {
  readonly identity: Identity;
  readonly connection: ConnectionRow;
  readonly credentialId: string;
  /** ms since 1970; sessions that came in with it end then. Null: at its revocation. */
  readonly expireAt: number | null;
}

type CredentialStore = Pick<Aggregates, 'credentials' | 'users' | 'connections'>;

/**
 * Time-limited secrets for native clients. Each mint gives a new secret of 256 random bits; only its hash is stored,
 * so nobody can show it again. Revocation holds for the next login at once; ending live sessions is the engine's.
 */
export class CredentialService {
  readonly #store: CredentialStore;
  readonly #roles: RoleGroups;
  readonly #clock: Clock;

  constructor(store: CredentialStore, roles: RoleGroups, clock: Clock = systemClock) {
    this.#store = store;
    this.#roles = roles;
    this.#clock = clock;
  }

  /**
   * A new secret for one user and one connection.
   * @throws Refusal `access_mode_disabled`, `protocol_unavailable`, `too_many_credentials`
   */
  async mint(identity: Identity, connection: ConnectionRow, duration_s: number): Promise<MintedCredential> {
    const protocol = protocolOf(connection.type, connection.subtype);
    if (protocol === undefined) throw new Refusal('protocol_unavailable', `Connections of type ${connection.type} have no native access`);
    mustAllowConnect(connection);
    // Rows come into being here only, so here is where the old ones are swept.
    await this.#store.credentials.purge(this.#clock.now() - ENDED_CREDENTIAL_KEPT_MS);
    const live = await this.#store.credentials.listOf(identity.userId);
    if (live.length >= CREDENTIALS_PER_USER_MAX) {
      throw new Refusal(
        'too_many_credentials',
        `You have ${live.length} live credentials. Revoke some with \`hoop credentials revoke\`, or let them expire`,
      );
    }
    const secret = `${PREFIXES[protocol] ?? 'hoop'}-${randomBytes(32).toString('base64url')}`;
    const row = await this.#store.credentials.insert({
      id: randomUUID(),
      userId: identity.userId,
      connectionId: connection.id,
      protocol,
      secretHash: secretHash(secret),
      expireAt: this.#clock.now() + duration_s * 1000,
    });
    return { secret, row };
  }

  /**
   * Whom a secret lets in, and where to: asked of the store at each login, so that revocation, expiry, a deactivated user
   * and a switched-off connection hold at once. A secret opens the door of its connection's own protocol and no other.
   * @throws Refusal `credential_invalid`, `credential_expired`, `access_mode_disabled`
   */
  async resolve(secret: string, protocol: string): Promise<ResolvedCredential> {
    const row = SECRET.test(secret) ? await this.#store.credentials.bySecretHash(secretHash(secret)) : undefined;
    if (!row) throw invalid();
    if (row.expireAt !== null && row.expireAt <= this.#clock.now()) {
      throw new Refusal('credential_expired', 'This secret has expired. Make a new one with `hoop credentials create NAME`');
    }
    const [user, connection] = await Promise.all([this.#store.users.get(row.userId), this.#store.connections.get(row.connectionId)]);
    if (user?.status !== 'active' || !connection) throw invalid();
    if (protocolOf(connection.type, connection.subtype) !== protocol) throw invalid();
    mustAllowConnect(connection);
    return { identity: identityOf(user, this.#roles), connection, credentialId: row.id, expireAt: row.expireAt };
  }

  /**
   * The credential, for its owner or an admin.
   * @throws Refusal `not_found` for everybody else, as if it did not exist
   */
  async owned(id: string, by: Identity): Promise<CredentialRow> {
    const row = await this.#store.credentials.get(id);
    if (row && (row.userId === by.userId || by.isAdmin)) return row;
    throw new Refusal('not_found', 'There is no such credential');
  }

  /** Kills a credential; doing so again changes nothing. @throws Refusal `not_found` */
  async revoke(id: string, by: Identity): Promise<void> {
    await this.owned(id, by);
    await this.#store.credentials.revoke(id);
  }
}

function invalid(): Refusal {
  return new Refusal('credential_invalid', 'This secret is unknown or was revoked. Make a new one with `hoop credentials create NAME`');
}

function mustAllowConnect(connection: ConnectionRow): void {
  if (connection.accessModes.connect) return;
  throw new Refusal(
    'access_mode_disabled',
    `Native access to ${connection.name} is switched off. Ask an administrator to enable its connect mode`,
  );
}
