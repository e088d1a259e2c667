import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '@hoop/core/clock';
import { Misconfigured, Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import type { Aggregates } from '@hoop/store/store';
import type { UserRow } from '@hoop/store/users';
import { jwtVerify, SignJWT } from 'jose';
import { TOKEN_SECONDS } from '../limits.ts';
import { identityOf, type RoleGroups } from './people.ts';

const ISSUER = 'hoop';
const AUDIENCE = 'hoop-api';
const SIGNING_KEY = 'identity.token_key';

/** A JWT of ours is far shorter; more is not worth a signature check. */
const TOKEN_CHARS_MAX = 2_048;

type TokenStore = Pick<Aggregates, 'users' | 'settings'>;

interface TokenParts {
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly roles: RoleGroups;
}

/**
 * Login tokens: EdDSA JWTs of 12 hours. Who a token stands for is asked of the store each time, so that a change of groups or
 * status holds at once; a changed password ends every token of before.
 */
export class TokenService {
  readonly #parts: TokenParts;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  private constructor(parts: TokenParts, privateKey: KeyObject) {
    this.#parts = parts;
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
  }

  /** Takes the signing key from the store, made on first start. @throws Misconfigured when it is damaged */
  static async open(store: TokenStore, roles: RoleGroups, clock: Clock = systemClock): Promise<TokenService> {
    const fresh = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const stored = await store.settings.getOrCreate(SIGNING_KEY, fresh, { secret: true });
    try {
      return new TokenService({ store, roles, clock }, createPrivateKey(String(stored)));
    } catch {
      // The cause may quote the key.
      throw new Misconfigured('token_key', 'The signing key of login tokens in the store is damaged; restore the store from a backup');
    }
  }

  /** A new token for a user who has just proven who they are. */
  async issue(user: UserRow): Promise<string> {
    const now_s = Math.floor(this.#parts.clock.now() / 1000);
    return new SignJWT({ email: user.email, auth_time: now_s, pwv: await this.#passwordVersion(user) })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(user.id)
      .setJti(randomUUID())
      .setIssuedAt(now_s)
      .setExpirationTime(now_s + TOKEN_SECONDS)
      .sign(this.#privateKey);
  }

  /** Who a token stands for. @throws Refusal `unauthenticated` */
  async verify(token: string): Promise<Identity> {
    const claims = await this.#claims(token);
    const user = claims && (await this.#parts.store.users.get(claims.sub));
    if (!claims || !user || user.id !== claims.sub || user.status !== 'active') throw unauthenticated();
    if (claims.passwordVersion !== (await this.#passwordVersion(user))) throw unauthenticated();
    return identityOf(user, this.#parts.roles);
  }

  async #claims(token: string): Promise<{ sub: string; passwordVersion: unknown } | undefined> {
    if (token.length > TOKEN_CHARS_MAX) return undefined;
    try {
      const { payload } = await jwtVerify(token, this.#publicKey, {
        algorithms: ['EdDSA'],
        issuer: ISSUER,
        audience: AUDIENCE,
        currentDate: new Date(this.#parts.clock.now()),
        requiredClaims: ['sub', 'exp', 'iat'],
      });
      return { sub: String(payload.sub), passwordVersion: payload.pwv };
    } catch {
      return undefined;
    }
  }

  /** Changes with the password; tells nothing about it, because it is a hash of a salted hash. */
  async #passwordVersion(user: UserRow): Promise<string> {
    const hash = await this.#parts.store.users.passwordHashOf(user.email);
    return createHash('sha256')
      .update(hash ?? '')
      .digest('base64url')
      .slice(0, 16);
  }
}

/** The one answer to every token that is not good: what is wrong with it is nobody's business. */
export function unauthenticated(): Refusal {
  return new Refusal('unauthenticated', 'Not logged in, or the login has expired. Run `hoop login`');
}
