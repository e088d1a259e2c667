import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';
import { parse, stringify } from 'smol-toml';
import type { CliEnv } from './env.ts';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** What `config.toml` holds, by the names in the file. */
export interface StoredConfig {
  readonly api_url?: string;
  readonly grpc_url?: string;
  readonly token?: string;
  /** The authority that signed the gateway's certificate: PEM in base64. */
  readonly tls_ca?: string;
  readonly skip_tls_verify?: boolean;
}

/** Which gateway to talk to, and as whom. */
export interface Config {
  readonly apiUrl: string;
  /** Where the tunnel listens; undefined: ask the gateway. */
  readonly grpcUrl: string | undefined;
  readonly token: Secret | undefined;
  /** PEM. */
  readonly tlsCa: string | undefined;
  readonly skipTlsVerify: boolean;
  /** The token is the file's, so a renewed one belongs back there. */
  readonly tokenIsStored: boolean;
}

/** The gateway of this machine, for who has said nothing else. */
export const DEFAULT_API_URL = 'http://127.0.0.1:8009';

const TEXT_KEYS = ['api_url', 'grpc_url', 'token', 'tls_ca'] as const;

export function configPath(home: string): string {
  return join(home, 'config.toml');
}

/**
 * Reads `config.toml`; an empty object where there is none. Unknown keys are kept out.
 * @throws Misconfigured `config_unreadable` when the file is not what it should be.
 */
export function loadStored(home: string): StoredConfig {
  const path = configPath(home);
  if (!existsSync(path)) return {};
  try {
    const table = parse(readFileSync(path, 'utf8'));
    const stored: Record<string, string | boolean> = {};
    for (const key of TEXT_KEYS) {
      const value = table[key];
      if (value !== undefined && typeof value !== 'string') throw new Error(`${key} is not a text`);
      if (value) stored[key] = value;
    }
    if (table.skip_tls_verify === true) stored.skip_tls_verify = true;
    return stored;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    const fix = 'Mend it, or remove it with `hoop config clear` and log in again';
    throw new Misconfigured('config_unreadable', `${path} cannot be read (${why}). ${fix}`, { cause: error });
  }
}

/** True when others on this machine may read the file, which holds a token. */
export function isExposed(home: string): boolean {
  const path = configPath(home);
  return existsSync(path) && (statSync(path).mode & 0o077) !== 0;
}

/** Replaces `config.toml` in one step, readable by its owner only, whatever the umask and the old file's mode were. */
export function saveStored(home: string, stored: StoredConfig): void {
  if (!existsSync(home)) {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    chmodSync(home, 0o700);
  }
  const path = configPath(home);
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    writeSync(file, `# Written by hoop. It holds a token: keep it to yourself.\n${stringify(withoutUndefined(stored))}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, path);
}

/** Removes `config.toml`; false when there was none. */
export function clearStored(home: string): boolean {
  const path = configPath(home);
  if (!existsSync(path)) return false;
  rmSync(path);
  return true;
}

/**
 * Joins what was stored with the environment, which wins field by field. Where the environment names another
 * gateway than the file, nothing of the file is used: a token must not go to a gateway that it was not given for.
 */
export function resolveConfig(env: CliEnv, stored: StoredConfig): Config {
  const apiUrl = normalizeUrl(env.apiUrl ?? stored.api_url ?? DEFAULT_API_URL);
  const storedFits = stored.api_url === undefined ? env.apiUrl === undefined : sameUrl(stored.api_url, apiUrl);
  const file = storedFits ? stored : {};
  return {
    apiUrl,
    grpcUrl: env.grpcUrl ?? file.grpc_url,
    token: env.token ?? (file.token === undefined ? undefined : new Secret(file.token)),
    tlsCa: env.tlsCa === undefined ? caFromStored(file.tls_ca) : readCa(env.tlsCa),
    skipTlsVerify: env.skipTlsVerify ?? file.skip_tls_verify ?? false,
    tokenIsStored: env.token === undefined && file.token !== undefined,
  };
}

/**
 * A gateway's URL without a slash at its end.
 * @throws Failure `url_invalid` when it is none of http or https, or carries a user and password.
 */
export function normalizeUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const valid = url && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
  if (!valid) {
    throw new Failure('url_invalid', `"${text}" is not a gateway URL. Give one such as https://hoop.example.com or ${DEFAULT_API_URL}`, {
      exitCode: EXIT.usage,
    });
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

/**
 * A certificate authority as people give it: PEM, `base64://…`, `file://…`, or a file's name. Returns PEM.
 * @throws Misconfigured `tls_ca_invalid`
 */
export function readCa(source: string): string {
  const pem = source.includes('-----BEGIN') ? source : source.startsWith('base64://') ? decode(source.slice(9)) : readPem(source);
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    const shown = source.startsWith('base64://') || source.includes('\n') ? 'The certificate authority' : source;
    throw new Misconfigured('tls_ca_invalid', `${shown} holds no PEM certificate. Give PEM, base64://… or file://…`);
  }
  return pem;
}

/** PEM as `config.toml` keeps it. */
export function caToStored(pem: string): string {
  return Buffer.from(pem).toString('base64');
}

function caFromStored(stored: string | undefined): string | undefined {
  return stored === undefined ? undefined : readCa(stored.includes('-----BEGIN') ? stored : `base64://${stored}`);
}

function readPem(source: string): string {
  const path = source.startsWith('file://') ? source.slice(7) : source;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Misconfigured('tls_ca_invalid', `The certificate authority file ${path} cannot be read. Check its name and mode`, {
      cause: error,
    });
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function sameUrl(left: string, right: string): boolean {
  return URL.canParse(left) && normalizeUrl(left) === normalizeUrl(right);
}

function withoutUndefined(stored: StoredConfig): Record<string, string | boolean> {
  return Object.fromEntries(Object.entries(stored).filter(([, value]) => value !== undefined)) as Record<string, string | boolean>;
}
