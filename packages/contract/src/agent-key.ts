/**
 * An agent's key as one string, the DSN that stands in `HOOP_KEY`:
 * `<scheme>://<name>:<key>@<host>:<port>?mode=<mode>[&pin=<sha256>]`. The organization's key has no mode.
 */
export interface AgentDsn {
  readonly scheme: AgentScheme;
  readonly name: string;
  /** The secret part. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly mode: AgentMode;
  /** SHA-256 of the public key (SPKI) in the gateway's certificate, base64url; for a certificate that nobody else signed. */
  readonly pin?: string | undefined;
}

export const AGENT_SCHEMES = ['grpc', 'grpcs', 'http', 'https', 'ws', 'wss'] as const;
export type AgentScheme = (typeof AGENT_SCHEMES)[number];

export const AGENT_MODES = ['standard', 'embedded', 'multi-connection'] as const;
export type AgentMode = (typeof AGENT_MODES)[number];

/** What every agent key starts with, so that secret scanners find a leaked one. */
export const AGENT_KEY_PREFIX = 'xagt-';

const NAME = /^[A-Za-z0-9._-]{1,254}$/;
const KEY = /^[A-Za-z0-9_-]{16,256}$/;
const PIN = /^[A-Za-z0-9_-]{43}$/;

/** A DSN that cannot be read. `part` names what is wrong with it; the message never holds the key. */
export class DsnError extends Error {
  readonly part: string;

  constructor(part: string, message: string) {
    super(message);
    this.name = 'DsnError';
    this.part = part;
  }
}

/** True where this scheme is spoken over TLS. */
export function isSecureScheme(scheme: AgentScheme): boolean {
  return scheme === 'grpcs' || scheme === 'https' || scheme === 'wss';
}

/** Writes a DSN. */
export function formatDsn(dsn: AgentDsn): string {
  const host = dsn.host.includes(':') ? `[${dsn.host}]` : dsn.host;
  const mode = dsn.mode === 'multi-connection' ? [] : [`mode=${dsn.mode}`];
  const options = [...mode, ...(dsn.pin === undefined ? [] : [`pin=${dsn.pin}`])];
  const query = options.length > 0 ? `?${options.join('&')}` : '';
  return `${dsn.scheme}://${dsn.name}:${dsn.key}@${host}:${dsn.port}${query}`;
}

/** Reads a DSN. @throws DsnError that names the part that is wrong. */
export function parseDsn(text: string): AgentDsn {
  const match = /^([^:/?#@]*):\/\/([^:/?#@]*)(?::([^/?#@]*))?@(\[[^\]]*\]|[^:/?#@]*)(?::([^/?#@]*))?\/?(?:\?([^#]*))?$/.exec(text.trim());
  if (!match) {
    throw new DsnError(
      'form',
      'The agent key does not look like <scheme>://<name>:<key>@<host>:<port>?mode=<mode>; copy it whole, in quotes',
    );
  }
  const [, scheme = '', name = '', key = '', host = '', port = '', query = ''] = match;
  if (!isOneOf(AGENT_SCHEMES, scheme)) {
    throw new DsnError('scheme', `The agent key's scheme is unknown; it is one of ${AGENT_SCHEMES.join(', ')}`);
  }
  if (!NAME.test(name)) throw new DsnError('name', 'The agent key has no usable agent name in front of the first colon');
  if (!KEY.test(key)) throw new DsnError('key', 'The secret part of the agent key is missing or damaged; copy the key whole');
  return { scheme, name, key, host: hostOf(host), port: portOf(port), ...optionsOf(query) };
}

function hostOf(text: string): string {
  const host = text.startsWith('[') ? text.slice(1, -1) : text;
  const valid = text.startsWith('[') ? /^[0-9A-Fa-f:.]+$/.test(host) : /^[A-Za-z0-9._-]+$/.test(host);
  if (!valid) throw new DsnError('host', 'The agent key has no usable host after the @');
  return host;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new DsnError('port', 'The agent key needs a port from 1 to 65535 after the host');
  return port;
}

function optionsOf(query: string): Pick<AgentDsn, 'mode' | 'pin'> {
  const given = new URLSearchParams(query);
  for (const name of given.keys()) {
    if (name !== 'mode' && name !== 'pin') throw new DsnError('query', 'The agent key may only have mode and pin after the question mark');
  }
  // A key without a mode is the organization's own, which serves many connections.
  const mode = given.get('mode') ?? 'multi-connection';
  if (!isOneOf(AGENT_MODES, mode)) throw new DsnError('mode', `The agent key's mode is unknown; it is one of ${AGENT_MODES.join(', ')}`);
  const pin = given.get('pin') ?? undefined;
  if (pin === undefined) return { mode };
  if (!PIN.test(pin)) throw new DsnError('pin', "The agent key's pin must be a SHA-256 sum in base64url, 43 characters");
  return { mode, pin };
}

function isOneOf<T extends string>(known: readonly T[], text: string): text is T {
  return (known as readonly string[]).includes(text);
}
