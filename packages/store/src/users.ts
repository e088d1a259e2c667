import { randomUUID } from 'node:crypto';
import type { Clock } from '@hoop/core/clock';
import { Refusal } from '@hoop/core/errors';
import { orConflict } from './dialect/faults.ts';
import { isUuid } from './org.ts';
import { atomically, bump, groupBy, toFlag } from './rows.ts';
import type { Db } from './schema.ts';
import type { Signals } from './signals.ts';

export type UserStatus = 'active' | 'inactive' | 'invited' | 'reviewing';

/** A person. The password's hash is not part of it, so that it cannot leak with a list. */
export interface UserRow {
  readonly id: string;
  readonly orgId: string;
  /** In lower case; unique. */
  readonly email: string;
  readonly name: string;
  /** Sorted. */
  readonly groups: readonly string[];
  readonly status: UserStatus;
  readonly verified: boolean;
  readonly picture: string;
  readonly slackId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface NewUser {
  readonly email: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly status: UserStatus;
  readonly passwordHash?: string;
  readonly verified?: boolean;
  readonly picture?: string;
  readonly slackId?: string;
}

/** Fields that are absent stay as they are. `groups` replaces the whole set. */
export type UserPatch = Partial<NewUser>;

export class Users {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #signals: Signals;

  constructor(db: Db, clock: Clock, signals: Signals) {
    this.#db = db;
    this.#clock = clock;
    this.#signals = signals;
  }

  /** All users, by e-mail. */
  async list(): Promise<readonly UserRow[]> {
    const rows = await this.#db.selectFrom('users').select(COLUMNS).orderBy('email').execute();
    const memberships = await this.#db.selectFrom('user_groups').selectAll().orderBy('group_name').execute();
    const groupsOf = groupBy(memberships, (membership) => membership.user_id);
    return rows.map((row) =>
      toUser(
        row,
        (groupsOf.get(row.id) ?? []).map((membership) => membership.group_name),
      ),
    );
  }

  async get(emailOrId: string): Promise<UserRow | undefined> {
    const row = await this.#db
      .selectFrom('users')
      .select(COLUMNS)
      .where(...byEmailOrId(emailOrId))
      .executeTakeFirst();
    if (!row) return undefined;
    const groups = await this.#db
      .selectFrom('user_groups')
      .select('group_name')
      .where('user_id', '=', row.id)
      .orderBy('group_name')
      .execute();
    return toUser(
      row,
      groups.map((group) => group.group_name),
    );
  }

  /** @throws Refusal `user_exists` */
  async create(user: NewUser): Promise<UserRow> {
    return atomically(this.#db, (tx) => this.#insert(tx, user));
  }

  /**
   * Creates the very first user. Of two that race, one wins.
   * @throws Refusal `first_user_exists`
   */
  async createFirst(user: NewUser): Promise<UserRow> {
    return atomically(this.#db, async (tx) => {
      // The counter's row is the queue: whoever comes second counts only after the first has committed.
      await bump(tx, 'first_user');
      if ((await countUsers(tx)) > 0)
        throw new Refusal('first_user_exists', 'There is a user already. Ask an administrator for an account');
      return this.#insert(tx, user);
    });
  }

  /** @throws Refusal `user_exists` when the new e-mail is somebody else's. */
  async update(emailOrId: string, patch: UserPatch): Promise<UserRow | undefined> {
    return atomically(this.#db, async (tx) => {
      const { email, name, status, verified, picture, slackId, passwordHash, groups } = patch;
      const row = await orConflict(
        tx
          .updateTable('users')
          .set({
            email: email === undefined ? undefined : normalEmail(email),
            name,
            status,
            verified: verified === undefined ? undefined : toFlag(verified),
            picture,
            slack_id: slackId,
            password_hash: passwordHash,
            updated_at: this.#clock.now(),
          })
          .where(...byEmailOrId(emailOrId))
          .returning('id')
          .executeTakeFirst(),
        'user_exists',
        EXISTS,
      );
      if (!row) return undefined;
      if (groups) {
        await tx.deleteFrom('user_groups').where('user_id', '=', row.id).execute();
        await this.#join(tx, row.id, groups);
      }
      if (status) await this.#signals.in(tx).publish({ kind: 'user.changed', userId: row.id });
      return new Users(tx, this.#clock, this.#signals).get(row.id);
    });
  }

  /** Deletes the user with the credentials; sessions keep the name. False when there is none. */
  async delete(emailOrId: string): Promise<boolean> {
    return atomically(this.#db, async (tx) => {
      const gone = await tx
        .deleteFrom('users')
        .where(...byEmailOrId(emailOrId))
        .returning('id')
        .executeTakeFirst();
      if (gone) await this.#signals.in(tx).publish({ kind: 'user.changed', userId: gone.id });
      return gone !== undefined;
    });
  }

  count(): Promise<number> {
    return countUsers(this.#db);
  }

  /** The stored hash of the password; undefined when the user is unknown or has none. */
  async passwordHashOf(email: string): Promise<string | undefined> {
    const row = await this.#db.selectFrom('users').select('password_hash').where('email', '=', normalEmail(email)).executeTakeFirst();
    return row?.password_hash ?? undefined;
  }

  /** Names of all groups, sorted. */
  async listGroups(): Promise<readonly string[]> {
    const rows = await this.#db.selectFrom('groups').select('name').orderBy('name').execute();
    return rows.map((row) => row.name);
  }

  /** @throws Refusal `group_exists` */
  async createGroup(name: string): Promise<void> {
    await orConflict(
      this.#db.insertInto('groups').values({ name, created_at: this.#clock.now() }).execute(),
      'group_exists',
      'There is a group of this name already. Choose another name',
    );
  }

  /** Deletes a group and everybody's membership. False when there is none. */
  async deleteGroup(name: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db.deleteFrom('groups').where('name', '=', name).executeTakeFirst();
    return numDeletedRows > 0n;
  }

  async #insert(tx: Db, user: NewUser): Promise<UserRow> {
    const now = this.#clock.now();
    const row = await orConflict(
      tx
        .insertInto('users')
        .values({
          id: randomUUID(),
          email: normalEmail(user.email),
          name: user.name,
          status: user.status,
          verified: toFlag(user.verified ?? false),
          picture: user.picture ?? '',
          slack_id: user.slackId ?? '',
          password_hash: user.passwordHash ?? null,
          created_at: now,
          updated_at: now,
        })
        .returning(COLUMNS)
        .executeTakeFirstOrThrow(),
      'user_exists',
      EXISTS,
    );
    return toUser(row, await this.#join(tx, row.id, user.groups));
  }

  async #join(tx: Db, userId: string, groups: readonly string[]): Promise<readonly string[]> {
    const names = [...new Set(groups)].sort(byBytes);
    if (names.length === 0) return names;
    const now = this.#clock.now();
    await tx
      .insertInto('groups')
      .values(names.map((name) => ({ name, created_at: now })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await tx
      .insertInto('user_groups')
      .values(names.map((name) => ({ user_id: userId, group_name: name })))
      .execute();
    return names;
  }
}

const EXISTS = 'There is a user with this e-mail already';

const COLUMNS = ['id', 'org_id', 'email', 'name', 'status', 'verified', 'picture', 'slack_id', 'created_at', 'updated_at'] as const;

/** E-mails that differ only in case are one person. */
export function normalEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase();
}

function byEmailOrId(emailOrId: string): ['id' | 'email', '=', string] {
  return isUuid(emailOrId) ? ['id', '=', emailOrId] : ['email', '=', normalEmail(emailOrId)];
}

async function countUsers(db: Db): Promise<number> {
  const row = await db
    .selectFrom('users')
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return row.count;
}

/** As both databases sort: by UTF-8 bytes. */
export function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

interface UserColumns {
  readonly id: string;
  readonly org_id: string;
  readonly email: string;
  readonly name: string;
  readonly status: string;
  readonly verified: number;
  readonly picture: string;
  readonly slack_id: string;
  readonly created_at: number;
  readonly updated_at: number;
}

function toUser(row: UserColumns, groups: readonly string[]): UserRow {
  return {
    id: row.id,
    orgId: row.org_id,
    email: row.email,
    name: row.name,
    groups,
    status: row.status as UserStatus,
    verified: row.verified === 1,
    picture: row.picture,
    slackId: row.slack_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
