import { readFile } from 'node:fs/promises';
import type { Clock } from '@hoop/core/clock';
import { Secret } from '@hoop/core/secret';
import { invalidReference, isObject, notFound, objectOf, type SecretDocument, unavailable, unreadable, valuesOf } from './document.ts';
import type { VaultEnv } from './env.ts';
import { type BoundedReply, request } from './http.ts';
import { LEASE_SHARE_USED, SECRET_CACHE_MS_MAX, SECRET_REPLY_BYTES_MAX, VAULT_REQUEST_MS, VAULT_REQUEST_MS_MAX } from './limits.ts';

export type KvVersion = 1 | 2;

/** Parts of Vault that are no secrets engines: reading `auth/token/lookup-self` would give away the token that the agent reads with. */
const NO_SECRETS = ['auth', 'sys', 'identity', 'cubbyhole'];

interface Login {
  readonly token: Secret;
  readonly until_ms: number;
}

/** Reads key-value secrets of HashiCorp Vault over its HTTP API, with a token or as an AppRole. */
export class Vault {
  readonly #env: VaultEnv;
  readonly #clock: Clock;
  #login: Promise<Login> | undefined;
  #ca: Promise<string> | undefined;

  constructor(env: VaultEnv, clock: Clock) {
    this.#env = env;
    this.#clock = clock;
  }

  /** @throws TargetFault, Misconfigured in words that follow "…, and" */
  async read(version: KvVersion, path: string): Promise<SecretDocument> {
    const apiPath = vaultPath(version, path);
    const { token, isFresh } = await this.#token();
    let reply = await this.#call('GET', apiPath, token);
    // The token may have been revoked, or have ended early. One that was just got is not allowed to read this.
    if (reply.status === 403 && !isFresh && this.#forget()) reply = await this.#call('GET', apiPath, (await this.#token()).token);
    return this.#document(version, apiPath, reply);
  }

  #document(version: KvVersion, apiPath: string, reply: BoundedReply): SecretDocument {
    if (reply.status === 404) throw notFound(`Vault has nothing at ${apiPath}; write the secret there, or name another path`);
    if (reply.status === 403) throw unreadable(`Vault does not let the agent read ${apiPath}; give its token a policy with read on it`);
    if (reply.status !== 200) throw refused(reply.status);
    const answer = objectOf(reply.body.toString('utf8'));
    if (!isObject(answer?.data))
      throw unavailable('what answers at VAULT_ADDR does not speak as Vault does; set the address of Vault itself');
    const data = version === 1 ? answer.data : answer.data.data;
    if (data === null) throw notFound(`the newest version of ${apiPath} in Vault is deleted; write it again`);
    if (!isObject(data)) throw unreadable(`${apiPath} is not of the key-value engine of version ${version}; use _vaultkv${3 - version}`);
    const lease_ms = typeof answer.lease_duration === 'number' ? answer.lease_duration * 1_000 * LEASE_SHARE_USED : 0;
    return { values: valuesOf(data), ttl_ms: lease_ms > 0 ? Math.min(lease_ms, SECRET_CACHE_MS_MAX) : SECRET_CACHE_MS_MAX };
  }

  async #token(): Promise<{ readonly token: Secret; readonly isFresh: boolean }> {
    if (this.#env.token) return { token: this.#env.token, isFresh: true };
    const known = this.#login;
    if (known) {
      const login = await known;
      if (this.#now() < login.until_ms) return { token: login.token, isFresh: false };
      if (this.#login === known) this.#login = undefined;
    }
    // Whoever comes meanwhile waits for the same login.
    const login = (this.#login ??= this.#logIn());
    try {
      return { token: (await login).token, isFresh: true };
    } catch (error) {
      if (this.#login === login) this.#login = undefined;
      throw error;
    }
  }

  #forget(): boolean {
    this.#login = undefined;
    return true;
  }

  async #logIn(): Promise<Login> {
    const { roleId, roleSecretId } = this.#env;
    if (!roleId || !roleSecretId) {
      throw unreadable('the agent has no login to Vault; set VAULT_TOKEN, or VAULT_APP_ROLE_ID and VAULT_APP_ROLE_SECRET_ID');
    }
    const asked_ms = this.#now();
    const reply = await this.#call('POST', 'auth/approle/login', undefined, {
      role_id: roleId.reveal(),
      secret_id: roleSecretId.reveal(),
    });
    if (reply.status === 400 || reply.status === 403) {
      throw unreadable(
        'Vault does not know the agent’s AppRole; set VAULT_APP_ROLE_ID and VAULT_APP_ROLE_SECRET_ID to ones that are valid',
      );
    }
    if (reply.status !== 200) throw refused(reply.status);
    const auth = objectOf(reply.body.toString('utf8'))?.auth;
    if (!isObject(auth) || typeof auth.client_token !== 'string' || auth.client_token === '') {
      throw unavailable('what answers at VAULT_ADDR does not speak as Vault does; set the address of Vault itself');
    }
    const lease_ms = typeof auth.lease_duration === 'number' ? auth.lease_duration * 1_000 : 0;
    // Zero: it never ends.
    return {
      token: new Secret(auth.client_token),
      until_ms: lease_ms > 0 ? asked_ms + lease_ms * LEASE_SHARE_USED : Number.POSITIVE_INFINITY,
    };
  }

  async #call(method: string, path: string, token: Secret | undefined, body?: object): Promise<BoundedReply> {
    const { address, namespace } = this.#env;
    const ca = await this.#authority();
    return request({
      who: 'Vault',
      url: new URL(`v1/${path}`, baseOf(address)),
      method,
      headers: {
        'X-Vault-Request': 'true',
        ...(token ? { 'X-Vault-Token': token.reveal() } : {}),
        ...(namespace ? { 'X-Vault-Namespace': namespace } : {}),
        ...(body ? { 'Content-Type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(ca === undefined ? {} : { ca }),
      timeout_ms: timeoutOf(this.#env.timeout),
      bytes_max: SECRET_REPLY_BYTES_MAX,
    });
  }

  #authority(): Promise<string> | undefined {
    const { caCert } = this.#env;
    if (!caCert || caCert.includes('-----BEGIN')) return caCert ? Promise.resolve(caCert) : undefined;
    this.#ca ??= readFile(caCert.replace(/^file:\/\//, ''), 'utf8').catch(() => {
      this.#ca = undefined;
      throw unreadable('VAULT_CACERT of the agent names a file that cannot be read; set it to the PEM file of Vault’s authority');
    });
    return this.#ca;
  }

  #now(): number {
    return this.#clock.micros() / 1_000;
  }
}

/**
 * A path as the API takes it, without `v1/`. In version 2 a path that has no `data` behind its mount is one of the usual mount:
 * `shop/db`, `secret/shop/db` and `secret/data/shop/db` are the same.
 */
export function vaultPath(version: KvVersion, path: string): string {
  const steps = path.replace(/^\/?(v1\/)?/, '').split('/');
  if (steps.some((step) => step === '' || step === '.' || step === '..')) {
    throw invalidReference('a path in Vault is names joined by slashes; write it without empty ones and dots');
  }
  if (NO_SECRETS.includes(steps[0] ?? '')) {
    throw invalidReference(`${steps[0]} in Vault holds no secrets of connections; name a path of a key-value engine`);
  }
  const isWhole = version === 1 || steps.indexOf('data', 1) > 0;
  const whole = isWhole ? steps : ['secret', 'data', ...(steps[0] === 'secret' && steps.length > 1 ? steps.slice(1) : steps)];
  return whole.map(encodeURIComponent).join('/');
}

function baseOf(address: string | undefined): URL {
  if (!address) throw unreadable('the agent does not know where Vault is; set VAULT_ADDR and start it again');
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw unreadable('VAULT_ADDR of the agent is no address; write it as https://vault.example.com:8200');
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** Seconds, or a number with a unit. */
function timeoutOf(text: string | undefined): number {
  if (!text) return VAULT_REQUEST_MS;
  const [, digits, unit] = /^(\d{1,6})(ms|s)?$/.exec(text.trim()) ?? [];
  const timeout_ms = Number(digits) * (unit === 'ms' ? 1 : 1_000);
  if (timeout_ms > 0 && timeout_ms <= VAULT_REQUEST_MS_MAX) return timeout_ms;
  throw unreadable(`VAULT_HTTP_REQ_TIMEOUT of the agent is no time up to ${VAULT_REQUEST_MS_MAX / 1_000} s; write it as 5s`);
}

function refused(status: number): Error {
  if (status === 503) return unavailable('Vault is sealed, or stands by (status 503); unseal it');
  return unavailable(`Vault answers with status ${status}; look into its log`);
}
