import type { Clock } from '@hoop/core/clock';
import type { Selectable } from 'kysely';
import { orBrokenReference } from './dialect/faults.ts';
import { atomically } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import type { Signals } from './signals.ts';

/** Time-limited access of one user to one connection with the protocol's own clients. Only the secret's hash is stored. */
export interface CredentialRow {
  readonly id: string;
  readonly orgId: string;
  readonly userId: string;
  readonly connectionId: string;
  readonly protocol: string;
  /** The session that was opened with it, if any. */
  readonly sessionId: string | null;
  readonly createdAt: number;
  /** Null: until it is revoked. */
  readonly expireAt: number | null;
  readonly revokedAt: number | null;
}

export interface NewCredential {
  readonly id: string;
  readonly userId: string;
  readonly connectionId: string;
  readonly protocol: string;
  readonly secretHash: string;
  readonly expireAt: number | null;
  readonly sessionId?: string | null;
}

export class Credentials {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** @throws Refusal `credential_target_unknown` when the user or the connection was deleted meanwhile. */
  async insert(credential: NewCredential): Promise<CredentialRow> {
    const row = await orBrokenReference(
      this.#db
        .insertInto('credentials')
        .values({
          id: credential.id,
          user_id: credential.userId,
          connection_id: credential.connectionId,
          protocol: credential.protocol,
          secret_hash: credential.secretHash,
          session_id: credential.sessionId ?? null,
          created_at: this.#clock.now(),
          expire_at: credential.expireAt,
          revoked_at: null,
        })
        .returningAll()
        .executeTakeFirstOrThrow(),
      'credential_target_unknown',
      'The user or the connection does not exist any more',
    );
    return toCredential(row);
  }

  async get(id: string): Promise<CredentialRow | undefined> {
    const row = await this.#db.selectFrom('credentials').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toCredential(row);
  }

  /** The credential whose secret has this hash, unless it was revoked. An expired one is given: its end is the caller's to judge. */
  async bySecretHash(hash: string): Promise<CredentialRow | undefined> {
    const query = this.#db.selectFrom('credentials').selectAll().where('secret_hash', '=', hash).where('revoked_at', 'is', null);
    const row = await query.executeTakeFirst();
    return row && toCredential(row);
  }

  /** The user's credentials that are neither revoked nor expired, the newest first. */
  async listOf(userId: string): Promise<readonly CredentialRow[]> {
    const rows = await this.#db
      .selectFrom('credentials')
      .selectAll()
      .where('user_id', '=', userId)
      .where('revoked_at', 'is', null)
      .where((where) => where.or([where('expire_at', 'is', null), where('expire_at', '>', this.#clock.now())]))
      .orderBy('created_at', 'desc')
      .orderBy('id')
      .execute();
    return rows.map(toCredential);
  }

  /** False when there is none, or when it was revoked before. */
  async revoke(id: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('credentials')
        .set({ revoked_at: this.#clock.now() })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) await this.#signals.in(tx).publish({ kind: 'credential.ended', credentialId: id });
      return numUpdatedRows > 0n;
    });
  }

  /** Forgets those that ended before `before` (ms since 1970), and says how many. Sessions keep their ids. */
  async purge(before: number): Promise<number> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('credentials')
      .where((where) => where.or([where('expire_at', '<', before), where('revoked_at', '<', before)]))
      .executeTakeFirst();
    return Number(numDeletedRows);
  }
}

function toCredential(row: Selectable<Schema['credentials']>): CredentialRow {
  return {
    id: row.id,
    orgId: row.org_id,
    userId: row.user_id,
    connectionId: row.connection_id,
    protocol: row.protocol,
    sessionId: row.session_id,
    createdAt: row.created_at,
    expireAt: row.expire_at,
    revokedAt: row.revoked_at,
  };
}
