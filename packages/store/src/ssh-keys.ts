import type { Clock } from '@hoop/core/clock';
import { Refusal } from '@hoop/core/errors';
import type { Selectable } from 'kysely';
import { orBrokenReference, orConflict } from './dialect/faults.ts';
import { atomically } from './rows.ts';
import type { Db, Schema } from './schema.ts';
import type { Signals } from './signals.ts';

/** Keys of one user. */
export const SSH_KEYS_PER_USER_MAX = 50;

/** A public key with which a user may log in over SSH: its fingerprint, which is all that is needed to know it again. */
export interface SshKeyRow {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** As OpenSSH shows it. */
  readonly fingerprint: string;
  readonly createdAt: number;
  /** Of the last login; null: never. */
  readonly usedAt: number | null;
}

export type NewSshKey = Omit<SshKeyRow, 'createdAt' | 'usedAt'>;

export class SshKeys {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** @throws Refusal `ssh_key_exists`, `too_many_ssh_keys`, `not_found` when the user was deleted meanwhile */
  async insert(key: NewSshKey): Promise<SshKeyRow> {
    return atomically(this.#db, async (tx) => {
      const held = await tx
        .selectFrom('ssh_keys')
        .select((each) => each.fn.countAll().as('count'))
        .where('user_id', '=', key.userId)
        .executeTakeFirstOrThrow();
      if (Number(held.count) >= SSH_KEYS_PER_USER_MAX)
        throw new Refusal('too_many_ssh_keys', `You have ${SSH_KEYS_PER_USER_MAX} SSH keys. Remove one that you do not use`);
      const { userId: user_id, id, name, type, fingerprint } = key;
      const insert = tx
        .insertInto('ssh_keys')
        .values({ id, user_id, name, type, fingerprint, created_at: this.#clock.now(), used_at: null })
        .returningAll()
        .executeTakeFirstOrThrow();
      const words = 'This key is registered already, by you or by somebody else. Make one of your own with ssh-keygen';
      return toSshKey(
        await orBrokenReference(orConflict(insert, 'ssh_key_exists', words), 'not_found', 'The user does not exist any more'),
      );
    });
  }

  async get(id: string): Promise<SshKeyRow | undefined> {
    const row = await this.#db.selectFrom('ssh_keys').selectAll().where('id', '=', id).executeTakeFirst();
    return row && toSshKey(row);
  }

  async byFingerprint(fingerprint: string): Promise<SshKeyRow | undefined> {
    const row = await this.#db.selectFrom('ssh_keys').selectAll().where('fingerprint', '=', fingerprint).executeTakeFirst();
    return row && toSshKey(row);
  }

  /** A user's keys, the oldest first. */
  async listOf(userId: string): Promise<readonly SshKeyRow[]> {
    const query = this.#db.selectFrom('ssh_keys').selectAll().where('user_id', '=', userId).orderBy('created_at').orderBy('id');
    return (await query.execute()).map(toSshKey);
  }

  /** Somebody came in with it. */
  async used(id: string): Promise<void> {
    await this.#db.updateTable('ssh_keys').set({ used_at: this.#clock.now() }).where('id', '=', id).execute();
  }

  /** False when there was none. Sessions that came in with it are told to end. */
  async delete(id: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      const { numDeletedRows } = await tx.deleteFrom('ssh_keys').where('id', '=', id).executeTakeFirst();
      if (numDeletedRows > 0n) await this.#signals.in(tx).publish({ kind: 'ssh_key.deleted', keyId: id });
      return numDeletedRows > 0n;
    });
  }
}

function toSshKey(row: Selectable<Schema['ssh_keys']>): SshKeyRow {
  const { id, name, type, fingerprint } = row;
  return { id, userId: row.user_id, name, type, fingerprint, createdAt: row.created_at, usedAt: row.used_at };
}
