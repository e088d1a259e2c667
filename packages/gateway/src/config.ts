import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';
import { protocolNamed } from '@hoop/protocols/all';
import { type Address, isLoopback, isNetwork, parseAddress } from './address.ts';
import { type GatewayEnv, NATIVE_VARIABLES, type Variable } from './env.ts';
import { readMaterial, readText, type TlsMaterial, tlsPair } from './tls-material.ts';

/** The whole configuration of a gateway: validated, frozen, and the only thing that parts read. */
export interface GatewayConfig {
  /** Directory of everything that the gateway keeps. */
  readonly home: string;
  /** A PostgreSQL server as store; undefined: SQLite in `home`. */
  readonly postgresUri: Secret | undefined;
  /** 32 bytes for secrets at rest; undefined: a file in `home`, made on first start. */
  readonly encryptionKey: Secret | undefined;
  /** How the world reaches the API, without a slash at the end; undefined: as it listens, on this machine. */
  readonly apiUrl: string | undefined;
  readonly apiListen: Address;
  /** `own`: with the self-made certificate. */
  readonly apiTls: 'off' | 'given' | 'own';
  /** How agents and `hoop connect` reach the tunnel; undefined: as it listens. */
  readonly grpcUrl: { readonly scheme: 'grpc' | 'grpcs'; readonly address: Address } | undefined;
  readonly tunnelListen: Address;
  /** Take tunnel peers without TLS from other machines too. */
  readonly allowPlaintext: boolean;
  /** Native access by protocol; a protocol that is not in it has none. */
  readonly native: ReadonlyMap<string, NativeAccess>;
  /** Keys of authorities whose certificates let SSH users in, each as OpenSSH writes it. */
  readonly sshUserAuthorities: readonly string[];
  /** Undefined: self-made in `home`. */
  readonly tls: TlsMaterial | undefined;
  /** Addresses of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Lets a scraper read `/metrics` from afar. */
  readonly metricsToken: Secret | undefined;
  /**
   * Where an action's audit record must be before its answer passes. `kernel`: it survives the end of the gateway's process, is on the
   * disk within 5 ms, and is kept by the agent until then and told again after a crash. `disk`: every answer waits for the disk.
   */
  readonly auditSync: 'kernel' | 'disk';
  /** What becomes of a value on which a detector failed: hidden, or shown and counted. */
  readonly dlpMode: 'strict' | 'best-effort';
  /** A Presidio analyzer, which agents ask about entities that they do not find by themselves; without a slash at the end. */
  readonly presidioUrl: string | undefined;
  readonly adminGroup: string;
  readonly auditorGroup: string;
  readonly logLevel: LogLevel;
  readonly logEncoding: 'json' | 'human';
  /** What the person who starts it should know; logged as warnings. */
  readonly notices: readonly string[];
}

/** Where clients of one protocol come in. */
export interface NativeAccess {
  readonly listen: Address;
  /** What credentials tell clients to dial, where that is not what the listener is bound to. */
  readonly public: Address | undefined;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const API_PORT = 8009;
export const TUNNEL_PORT = 8010;

/** Variables of other parts of the product, which may stand in the same environment. */
const OF_OTHER_PARTS = new Set([
  ...['HOOP_KEY', 'HOOP_DSN', 'HOOP_TOKEN', 'HOOP_APIURL', 'HOOP_API_URL', 'HOOP_GRPCURL', 'HOOP_TLS_SKIP_VERIFY', 'HOOP_TLSSERVERNAME'],
  ...['HOOP_EMAIL', 'HOOP_PASSWORD', 'HOOP_CONNECTION', 'HOOP_GRPC_INSECURE', 'HOOP_DEBUG', 'HOOP_NODE'],
]);

/** Variables of the product that cannot do harm by being ignored; the person is told. */
const IGNORED = new Set([
  'MIGRATION_PATH_FILES',
  'STATIC_UI_PATH',
  'PLUGIN_AUDIT_PATH',
  'WEBAPP_USERS_MANAGEMENT',
  'DISABLE_CLIPBOARD_COPY_CUT',
  // What is found is hidden by the agent.
  'MSPRESIDIO_ANONYMIZER_URL',
]);

/** What a container platform sets for a service that is called hoop-something: none of ours. */
const OF_PLATFORM = /^HOOP\w*_(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$/;

/**
 * Makes the configuration from the environment.
 * @throws Misconfigured `config_invalid` that says of every wrong variable what to do.
 */
export function loadConfig(env: GatewayEnv): GatewayConfig {
  const read = new Reader(env);
  const apiUrl = read.apiUrl();
  const tls = read.tls();
  const apiTls = read.apiTls(apiUrl, tls);
  const allowPlaintext = read.flag('GATEWAY_ALLOW_PLAINTEXT') ?? false;
  const isLocal = apiUrl === undefined || isLoopback(new URL(apiUrl).hostname);
  read.refuseUnsupported();
  const config: GatewayConfig = {
    home: read.home(),
    postgresUri: read.postgresUri(),
    encryptionKey: read.encryptionKey(),
    apiUrl,
    apiListen: read.apiListen(apiUrl, isLocal),
    apiTls,
    grpcUrl: read.grpcUrl(allowPlaintext),
    tunnelListen: read.tunnelListen(isLocal),
    allowPlaintext,
    native: read.native(),
    sshUserAuthorities: read.sshUserAuthorities(),
    tls,
    trustedProxies: read.trustedProxies(),
    metricsToken: read.metricsToken(),
    ...read.detection(),
    auditSync: read.oneOf('AUDIT_SYNC', ['kernel', 'disk']) ?? 'kernel',
    ...read.groups(),
    logLevel: read.oneOf('LOG_LEVEL', LOG_LEVELS) ?? 'info',
    logEncoding: read.logEncoding(env.isTerminal),
    notices: read.notices,
  };
  read.throwFaults();
  return Object.freeze(config);
}

/** Reads variables one by one and collects what is wrong, so that one start tells everything. */
class Reader {
  readonly notices: string[] = [];
  readonly #env: GatewayEnv;
  readonly #faults: string[] = [];

  constructor(env: GatewayEnv) {
    this.#env = env;
  }

  throwFaults(): void {
    const [first, ...more] = this.#faults;
    if (first === undefined) return;
    const message = more.length === 0 ? first : `${this.#faults.length} settings are wrong:\n  ${this.#faults.join('\n  ')}`;
    throw new Misconfigured('config_invalid', message);
  }

  flag(name: Variable): boolean | undefined {
    const word = this.#text(name)?.toLowerCase();
    if (word === undefined) return undefined;
    if (['true', '1', 'yes', 'on'].includes(word)) return true;
    if (['false', '0', 'no', 'off'].includes(word)) return false;
    this.#fault(`${name} must be true or false`);
    return undefined;
  }

  oneOf<T extends string>(name: Variable, known: readonly T[]): T | undefined {
    const word = this.#text(name)?.toLowerCase();
    const found = known.find((value) => value === word);
    if (word !== undefined && found === undefined) this.#fault(`${name} must be one of ${known.join(', ')}`);
    return found;
  }

  trustedProxies(): string[] {
    const text = this.#text('TRUSTED_PROXIES') ?? '';
    const proxies = text.split(',').flatMap((part) => (part.trim() ? [part.trim()] : []));
    if (!proxies.every(isNetwork)) this.#fault('TRUSTED_PROXIES must be addresses or networks such as 10.0.0.0/8, joined by commas');
    return proxies;
  }

  address(name: Variable): Address | undefined {
    const text = this.#text(name);
    if (text === undefined) return undefined;
    const address = parseAddress(text);
    if (!address) this.#fault(`${name} must be host:port, such as 0.0.0.0:8009`);
    return address;
  }

  home(): string {
    const home = this.#text('HOOP_HOME') ?? join(homedir(), '.hoop');
    if (!isAbsolute(home)) this.#fault('HOOP_HOME must be an absolute path');
    return home;
  }

  postgresUri(): Secret | undefined {
    const text = this.#text('POSTGRES_DB_URI');
    if (text === undefined) return undefined;
    // The URI holds a password: no message shows any of it.
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol === 'pglite:')
      this.#fault('POSTGRES_DB_URI: pglite is not offered; unset the variable to use the store in HOOP_HOME');
    else if (!url || !/^postgres(ql)?:$/.test(url.protocol) || url.pathname.length < 2) {
      this.#fault('POSTGRES_DB_URI must be postgres://user:password@host:port/database; unset it to use the store in HOOP_HOME');
    }
    return new Secret(text);
  }

  encryptionKey(): Secret | undefined {
    const text = this.#text('HOOP_ENCRYPTION_KEY');
    if (text === undefined) return undefined;
    if (Buffer.from(text, 'base64').length !== 32 || !/^[A-Za-z0-9+/]{43}=$/.test(text)) {
      this.#fault('HOOP_ENCRYPTION_KEY must be 32 random bytes in base64; make one with `openssl rand -base64 32`');
    }
    return new Secret(text);
  }

  apiUrl(): string | undefined {
    const text = this.#text('API_URL');
    if (text === undefined) return undefined;
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password;
    if (isPlain) return url.href.replace(/\/+$/, '');
    this.#fault('API_URL must be http://host[:port][/path] or https://host[:port][/path]');
    return undefined;
  }

  tls(): TlsMaterial | undefined {
    const given = { cert: this.#text('TLS_CERT'), key: this.#text('TLS_KEY'), ca: this.#text('HOOP_TLSCA') };
    if (given.cert === undefined && given.key === undefined) return undefined;
    if (given.cert === undefined || given.key === undefined) {
      this.#fault('TLS_CERT and TLS_KEY belong together: set both, or none to use a self-made certificate');
      return undefined;
    }
    try {
      const ca = given.ca === undefined ? undefined : readMaterial('HOOP_TLSCA', given.ca);
      return tlsPair(readMaterial('TLS_CERT', given.cert), readMaterial('TLS_KEY', given.key), ca);
    } catch (error) {
      this.#fault(error instanceof Misconfigured ? error.message : 'TLS_CERT and TLS_KEY cannot be read');
      return undefined;
    }
  }

  apiTls(apiUrl: string | undefined, tls: TlsMaterial | undefined): GatewayConfig['apiTls'] {
    const wish = this.flag('USE_TLS');
    const isOn = wish ?? tls !== undefined;
    if (isOn && apiUrl?.startsWith('http:')) {
      this.#fault('API_URL says http:// but TLS is on; write https:// in API_URL, or set USE_TLS=false');
    }
    if (!isOn && apiUrl?.startsWith('https:') && !isLoopback(new URL(apiUrl).hostname)) {
      this.notices.push('API_URL says https:// and this gateway serves plain HTTP: a proxy in front of it must end TLS');
    }
    if (!isOn) return 'off';
    return tls ? 'given' : 'own';
  }

  apiListen(apiUrl: string | undefined, isLocal: boolean): Address {
    const given = this.address('API_LISTEN');
    const port = this.#port('PORT');
    if (given && port !== undefined) this.#fault('API_LISTEN and PORT both say where to listen; unset PORT');
    const ofUrl = isLocal && apiUrl !== undefined ? Number(new URL(apiUrl).port) || undefined : undefined;
    return given ?? { host: isLocal ? '127.0.0.1' : '0.0.0.0', port: port ?? ofUrl ?? API_PORT };
  }

  grpcUrl(allowPlaintext: boolean): GatewayConfig['grpcUrl'] {
    const text = this.#text('GRPC_URL');
    if (text === undefined) return undefined;
    const [, scheme, rest = ''] = /^(grpcs?):\/\/([^/]+)\/?$/.exec(text) ?? [];
    const address = parseAddress(rest);
    if ((scheme !== 'grpc' && scheme !== 'grpcs') || !address) {
      this.#fault('GRPC_URL must be grpcs://host:port');
      return undefined;
    }
    if (scheme === 'grpc' && !allowPlaintext && !isLoopback(address.host)) {
      this.#fault('GRPC_URL says grpc://, without TLS; write grpcs://, or set GATEWAY_ALLOW_PLAINTEXT=true if the network may read along');
    }
    return { scheme, address };
  }

  tunnelListen(isLocal: boolean): Address {
    const url = /^grpcs?:\/\/([^/]+)/.exec(this.#text('GRPC_URL') ?? '')?.[1];
    const address = url === undefined ? undefined : parseAddress(url);
    const isNear = address ? isLoopback(address.host) : isLocal;
    const port = address && isNear ? address.port : TUNNEL_PORT;
    return this.address('GRPC_LISTEN') ?? { host: isNear ? '127.0.0.1' : '0.0.0.0', port };
  }

  native(): Map<string, NativeAccess> {
    const found = new Map<string, NativeAccess>();
    for (const [protocol, variables] of Object.entries(NATIVE_VARIABLES)) {
      const dialled = this.address(variables.public);
      const port = protocolNamed(protocol)?.ports.native;
      if (port === undefined || this.#text(variables.listen)?.toLowerCase() === 'off') continue;
      found.set(protocol, { listen: this.address(variables.listen) ?? { host: '127.0.0.1', port }, public: dialled });
    }
    return found;
  }

  sshUserAuthorities(): string[] {
    const text = this.#text('SSH_TRUSTED_USER_CA');
    if (text === undefined) return [];
    let material: string;
    try {
      material = readText('SSH_TRUSTED_USER_CA', text);
    } catch (error) {
      this.#fault(error instanceof Misconfigured ? error.message : 'SSH_TRUSTED_USER_CA cannot be read');
      return [];
    }
    const lines = material.split('\n').flatMap((line) => (line.trim() === '' || line.startsWith('#') ? [] : [line.trim()]));
    if (!lines.every((line) => /^(ssh-|ecdsa-)\S+ [A-Za-z0-9+/]+=*( |$)/.test(line))) {
      this.#fault('SSH_TRUSTED_USER_CA must be public keys as ssh-keygen writes them, one a line');
    }
    return lines;
  }

  metricsToken(): Secret | undefined {
    const text = this.#text('METRICS_TOKEN');
    if (text === undefined) return undefined;
    if (text.length < 16) this.#fault('METRICS_TOKEN must have at least 16 characters');
    return new Secret(text);
  }

  groups(): Pick<GatewayConfig, 'adminGroup' | 'auditorGroup'> {
    const adminGroup = this.#text('ADMIN_USERNAME') ?? 'admin';
    const auditorGroup = this.#text('AUDITOR_USERNAME') ?? 'auditor';
    if (adminGroup === auditorGroup) this.#fault('ADMIN_USERNAME and AUDITOR_USERNAME must name two different groups');
    return { adminGroup, auditorGroup };
  }

  logEncoding(isTerminal: boolean): 'json' | 'human' {
    const word = this.oneOf('LOG_ENCODING', ['json', 'human', 'console', 'verbose']);
    if (word === undefined) return isTerminal ? 'human' : 'json';
    return word === 'json' ? 'json' : 'human';
  }

  detection(): Pick<GatewayConfig, 'dlpMode' | 'presidioUrl'> {
    const dlpMode = this.oneOf('DLP_MODE', ['strict', 'best-effort']) ?? 'strict';
    if (dlpMode === 'best-effort') this.notices.push('DLP_MODE=best-effort: values that a detector fails on are shown to clients unmasked');
    const provider = this.oneOf('DLP_PROVIDER', ['local', 'mspresidio']);
    const text = this.#text('MSPRESIDIO_ANALYZER_URL');
    if (provider === 'mspresidio' && text === undefined) this.#fault('DLP_PROVIDER=mspresidio needs MSPRESIDIO_ANALYZER_URL; set it');
    if (provider === 'local' && text !== undefined)
      this.#fault('DLP_PROVIDER=local and MSPRESIDIO_ANALYZER_URL contradict each other; unset one');
    if (text === undefined) return { dlpMode, presidioUrl: undefined };
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password;
    if (!isPlain) this.#fault('MSPRESIDIO_ANALYZER_URL must be http://host[:port][/path] or https://host[:port][/path]');
    return { dlpMode, presidioUrl: url?.href.replace(/\/+$/, '') };
  }

  /** Refuses what would be silently not kept, and what is misspelt. */
  refuseUnsupported(): void {
    if (this.#only('AUTH_METHOD', 'local')) this.#fault('AUTH_METHOD: this release has local login only; set it to local or unset it');
    if (this.flag('ORG_MULTI_TENANT')) this.#fault('ORG_MULTI_TENANT: one gateway serves one organization; unset the variable');
    for (const name of this.#env.others) {
      if (OF_OTHER_PARTS.has(name) || OF_PLATFORM.test(name) || name.startsWith('HOOP_TEST_')) continue;
      if (IGNORED.has(name)) this.notices.push(`${name} has no effect in this release`);
      else if (name.startsWith('HOOP_') && !name.startsWith('HOOP_SPIFFE'))
        this.#fault(`${name} is not a variable of hoop; correct its name or unset it`);
      else this.#fault(`${name} belongs to a feature that this release does not have; unset it`);
    }
  }

  #only(name: Variable, value: string): boolean {
    return (this.#text(name)?.toLowerCase() ?? value) !== value;
  }

  #port(name: Variable): number | undefined {
    const text = this.#text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
    this.#fault(`${name} must be a port number from 0 to 65535`);
    return undefined;
  }

  #text(name: Variable): string | undefined {
    return this.#env.values[name];
  }

  #fault(message: string): void {
    if (!this.#faults.includes(message)) this.#faults.push(message);
  }
}
