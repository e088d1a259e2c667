import { type Clock, systemClock } from '@hoop/core/clock';
import { Refusal } from '@hoop/core/errors';
import type { Aggregates } from '@hoop/store/store';
import { normalEmail, type UserRow } from '@hoop/store/users';
import { AttemptLimit } from './attempt-limit.ts';
import type { Passwords } from './passwords.ts';
import type { RoleGroups } from './people.ts';

const MINUTE_MS = 60_000;

export interface Registration {
  readonly email: string;
  readonly password: string;
  readonly name: string;
}

/**
 * Login with e-mail and password. Three limits stand in front of the hashing: what one address tries, what it tries on one account,
 * and what the whole world tries on one account; the last is wide, so that locking somebody out takes an effort.
 */
export class LocalLogin {
  readonly #users: Aggregates['users'];
  readonly #passwords: Passwords;
  readonly #roles: RoleGroups;
  readonly #ofPeer: AttemptLimit;
  readonly #ofPair: AttemptLimit;
  readonly #ofAccount: AttemptLimit;

  constructor(users: Aggregates['users'], passwords: Passwords, roles: RoleGroups, clock: Clock = systemClock) {
    this.#users = users;
    this.#passwords = passwords;
    this.#roles = roles;
    this.#ofPeer = new AttemptLimit({ attempts_max: 50, window_ms: 5 * MINUTE_MS, clock });
    this.#ofPair = new AttemptLimit({ attempts_max: 10, window_ms: 5 * MINUTE_MS, clock });
    this.#ofAccount = new AttemptLimit({ attempts_max: 200, window_ms: 60 * MINUTE_MS, clock });
  }

  /**
   * The user, when the password is right. An unknown e-mail, a wrong password and an inactive user look and take the same.
   * @throws Refusal `invalid_login`, `too_many_attempts`, `too_busy`
   */
  async login(email: string, password: string, peer: string): Promise<UserRow> {
    const account = normalEmail(email);
    const attempts: [AttemptLimit, string][] = [
      [this.#ofPeer, peer],
      [this.#ofPair, `${peer}|${account}`],
      [this.#ofAccount, account],
    ];
    for (const [limit, key] of attempts) limit.begin(key);
    const user = await this.#users.get(account);
    // An id is not an e-mail, though the store takes either.
    const known = user?.email === account && user.status === 'active' ? await this.#users.passwordHashOf(account) : undefined;
    const matches = await this.#passwords.verify(known, password);
    if (!matches || !user) throw new Refusal('invalid_login', 'E-mail or password is wrong');
    for (const [limit, key] of attempts) limit.succeeded(key);
    return user;
  }

  /** Makes the first user, an admin. @throws Refusal `first_user_exists`, `too_many_attempts`, `too_busy` */
  async register(registration: Registration, peer: string): Promise<UserRow> {
    this.#ofPeer.begin(peer);
    // Before the hashing, so that nobody buys work with a registration that cannot be.
    if ((await this.#users.count()) > 0) {
      throw new Refusal('first_user_exists', 'There is a user already. Ask an administrator for an account');
    }
    const passwordHash = await this.#passwords.hash(registration.password);
    const { email, name } = registration;
    return this.#users.createFirst({ email, name, groups: [this.#roles.adminGroup], status: 'active', verified: true, passwordHash });
  }
}
