import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import { join } from '@hoop/core/bytes';
import { asAppError, Misconfigured, TargetFault } from '@hoop/core/errors';
import { TARGET_CONNECT_MS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import type { ConnectContext, RelayPorts, Target } from '@hoop/core/protocol';
import { dial, type SocketWire, type Wire } from '@hoop/core/wire';
import { code, encodeMessage, int32, type Message, MessageReader } from './frame.ts';
import { AUTHORITY_BYTES_MAX, CANCEL_MS_MAX, HELD_BYTES_MAX, LOGIN_MESSAGES_MAX } from './limits.ts';
import { decodeError } from './messages/error.ts';
import { Fields } from './messages/fields.ts';
import { encodeCancelRequest, encodeSslRequest, encodeStartup } from './messages/startup.ts';
import { PostgresRelay } from './relay.ts';
import { certificateHash, ScramClient } from './scram.ts';
import type { PostgresSettings } from './settings.ts';
import { startedWith } from './started.ts';

/**
 * Dials the target, logs in with the connection's secrets, and stops where the server is ready.
 * @throws TargetFault, Misconfigured with words for the user: never a password, never a stack
 */
export async function connect(context: ConnectContext<PostgresSettings>, timeout_ms = TARGET_CONNECT_MS_MAX): Promise<Target> {
  const { settings } = context;
  try {
    return await withTarget(settings, timeout_ms, async (wire) => {
      const login = new Login(wire, context);
      await login.run();
      return new PostgresTarget(wire, login, context);
    });
  } catch (error) {
    throw targetWords(asAppError(error), settings);
  }
}

/**
 * A login of the agent's own at the same database, for what is not the client's business: none of the client's parameters are in it.
 * @throws TargetFault, Misconfigured
 */
export async function withOwnLogin<T>(
  context: ConnectContext<PostgresSettings>,
  timeout_ms: number,
  use: (wire: Wire, statuses: ReadonlyMap<string, string>) => Promise<T>,
): Promise<T> {
  const { database } = context.hello;
  const hello = { user: '', ...(database === undefined ? {} : { database }), options: OWN_OPTIONS };
  try {
    return await withTarget(context.settings, timeout_ms, async (wire) => {
      const login = new Login(wire, { ...context, hello });
      await login.run();
      const used = await use(wire, login.statuses);
      await wire.write(encodeMessage('X'));
      wire.destroy();
      return used;
    });
  } catch (error) {
    throw targetWords(asAppError(error), context.settings);
  }
}

/** They are what every server and pooler takes. */
const OWN_OPTIONS = { application_name: 'hoop', client_encoding: 'UTF8' };

/** Dials and encrypts as SSLMODE asks. All of it, and what is done with the wire, must be over in time; if not, or if it fails, the wire goes. */
async function withTarget<T>(settings: PostgresSettings, timeout_ms: number, use: (wire: Wire) => Promise<T>): Promise<T> {
  const place = `${settings.HOST}:${settings.PORT}`;
  const dialled = await dial(settings.HOST, settings.PORT, { timeout_ms });
  const late = new TargetFault(
    'target_unreachable',
    `The target ${place} takes connections and does not answer in time; find out who listens there`,
  );
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    dialled.destroy(late);
  }, timeout_ms);
  try {
    return await use(await encrypted(dialled, settings));
  } catch (error) {
    dialled.destroy();
    throw isLate ? late : error;
  } finally {
    clearTimeout(timer);
  }
}

async function encrypted(wire: SocketWire, settings: PostgresSettings): Promise<Wire> {
  if (settings.SSLMODE === 'disable') return wire;
  await wire.write(encodeSslRequest());
  const answer = await wire.read();
  if (answer?.length === 1 && answer[0] === code('S')) return startTls(wire, settings);
  // More than one byte: somebody put bytes in front of the encryption (CVE-2021-23222).
  if (answer?.length === 1 && answer[0] === code('N') && settings.SSLMODE === 'prefer') return wire;
  throw new Misconfigured('target_tls', `The target ${settings.HOST}:${settings.PORT} offers no TLS, and SSLMODE is ${settings.SSLMODE}`);
}

async function startTls(wire: SocketWire, settings: PostgresSettings): Promise<Wire> {
  const verify = settings.SSLMODE === 'verify-ca' || settings.SSLMODE === 'verify-full';
  const options: tls.ConnectionOptions = {
    rejectUnauthorized: verify,
    ALPNProtocols: ['postgresql'],
    ...(settings.SSLROOTCERT ? { ca: await authority(settings.SSLROOTCERT) } : {}),
    ...(net.isIP(settings.HOST) ? { host: settings.HOST } : { servername: settings.HOST }),
    // verify-ca trusts the authority whatever name it vouches for.
    ...(settings.SSLMODE === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
  try {
    return await wire.startTls({ side: 'client', options });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Misconfigured('target_tls', `TLS with the target ${settings.HOST}:${settings.PORT} failed: ${why}`, { cause });
  }
}

/** PEM as it is, or from the file that the agent keeps for the session. */
async function authority(pemOrPath: string): Promise<string> {
  if (pemOrPath.includes('-----BEGIN')) return pemOrPath;
  const file = await stat(pemOrPath).catch(() => undefined);
  const text = file?.isFile() && file.size <= AUTHORITY_BYTES_MAX ? await readFile(pemOrPath, 'utf8').catch(() => '') : '';
  if (text.includes('-----BEGIN')) return text;
  throw new Misconfigured('target_tls', 'SSLROOTCERT is neither a certificate in PEM nor the path of a file with one; set it again');
}

/** The start-up and login conversation with the server, as its client. (PostgreSQL 17, section 54.2.1) */
class Login {
  readonly #wire: Wire;
  readonly #reader: MessageReader;
  readonly #context: ConnectContext<PostgresSettings>;
  #scram: ScramClient | undefined;
  /** What the client is to see of it: parameter statuses, notices, and the final ready. */
  readonly #greeting: Buffer[] = [];
  /** The server's own cancel key: process id and secret. */
  cancelKey: Buffer | undefined;
  /** What the server said of its settings. */
  readonly statuses = new Map<string, string>();

  constructor(wire: Wire, context: ConnectContext<PostgresSettings>) {
    this.#wire = wire;
    this.#reader = new MessageReader(wire);
    this.#context = context;
  }

  get greeting(): Buffer {
    return join(this.#greeting);
  }

  async run(): Promise<void> {
    const { settings, hello } = this.#context;
    const parameters = new Map(Object.entries(hello.options ?? {}));
    parameters.set('user', settings.USER);
    parameters.set('database', hello.database ?? (settings.DB || 'postgres'));
    // 3.0 to every server: older ones and poolers know nothing newer, and nothing of 3.2 is needed here.
    await this.#wire.write(encodeStartup(3, 0, parameters));
    this.#greeting.push(encodeMessage('R', int32(AUTH_OK)));
    for (let count = 0; count < LOGIN_MESSAGES_MAX; count++) {
      const message = await this.#reader.message(HELD_BYTES_MAX);
      if (await this.#take(message)) {
        this.#reader.giveBack();
        return;
      }
    }
    throw new TargetFault('target_login', 'The target does not come to the end of its login');
  }

  /** Returns true when the server is ready. */
  async #take({ type, body }: Message): Promise<boolean> {
    switch (String.fromCharCode(type)) {
      case 'R':
        await this.#authenticate(body);
        return false;
      case 'E':
        throw refusedLogin(body, this.#context.settings);
      case 'K':
        this.cancelKey = Buffer.from(body);
        this.#greeting.push(encodeMessage('K', Buffer.from(this.#context.hello.cancelKey ?? '0000000000000000', 'hex')));
        return false;
      case 'S':
        this.#note(body);
        this.#greeting.push(encodeMessage('S', body));
        return false;
      case 'N':
      case 'A':
        this.#greeting.push(encodeMessage(String.fromCharCode(type), body));
        return false;
      case 'v':
        return false;
      case 'Z':
        this.#greeting.push(encodeMessage('Z', body));
        return true;
      default:
        throw new TargetFault('target_login', 'The target says something in its login that PostgreSQL does not say');
    }
  }

  #note(body: Buffer): void {
    const fields = new Fields(body);
    const name = fields.cstring();
    this.statuses.set(name, fields.cstring());
  }

  async #authenticate(body: Buffer): Promise<void> {
    const fields = new Fields(body);
    const method = fields.int32();
    const { settings } = this.#context;
    if (method === AUTH_OK) {
      if (this.#scram && !this.#scramVerified) throw new TargetFault('target_login', 'The target ended its login without proving itself');
      return;
    }
    if (method === AUTH_CLEARTEXT) return this.#say(encodeMessage('p', settings.PASS));
    if (method === AUTH_MD5) return this.#say(encodeMessage('p', md5Password(settings, fields.bytes(4))));
    if (method === AUTH_SASL) {
      const offered: string[] = [];
      for (let name = fields.cstring(); name !== ''; name = fields.cstring()) offered.push(name);
      this.#scram = new ScramClient(settings.PASS, offered, this.#certificateHash());
      const first = this.#scram.first();
      return this.#say(encodeMessage('p', this.#scram.mechanism, int32(first.length), first));
    }
    if (method === AUTH_SASL_CONTINUE && this.#scram) return this.#say(encodeMessage('p', await this.#scram.final(fields.rest())));
    if (method === AUTH_SASL_FINAL && this.#scram) {
      this.#scram.verify(fields.rest());
      this.#scramVerified = true;
      return;
    }
    throw new Misconfigured(
      'target_login',
      `The target asks for login method ${method}, which is not spoken here; use SCRAM-SHA-256 for this user`,
    );
  }

  #scramVerified = false;

  async #say(message: Buffer): Promise<void> {
    await this.#wire.write(message);
  }

  #certificateHash(): Buffer | undefined {
    const socket = (this.#wire as SocketWire).socket;
    const certificate = socket instanceof tls.TLSSocket ? socket.getPeerX509Certificate() : undefined;
    return certificate && certificateHash(certificate);
  }
}

const AUTH_OK = 0;
const AUTH_CLEARTEXT = 3;
const AUTH_MD5 = 5;
const AUTH_SASL = 10;
const AUTH_SASL_CONTINUE = 11;
const AUTH_SASL_FINAL = 12;

class PostgresTarget implements Target {
  readonly wire: Wire;
  readonly greeting: Buffer;
  readonly started: readonly string[];
  readonly #cancelKey: Buffer | undefined;
  readonly #settings: PostgresSettings;
  readonly #log: Log;

  constructor(wire: Wire, login: Login, { settings, log, hello }: ConnectContext<PostgresSettings>) {
    this.wire = wire;
    this.greeting = login.greeting;
    this.started = startedWith(hello.options ?? {}, login.statuses);
    this.#cancelKey = login.cancelKey;
    this.#settings = settings;
    this.#log = log;
  }

  relay(ports: RelayPorts): PostgresRelay {
    return new PostgresRelay(ports, () =>
      this.cancel().catch((error) => this.#log.warn({ err: asAppError(error) }, 'A cancel did not reach the target')),
    );
  }

  /** Resolves when the server has taken the request: it closes the connection then. */
  async cancel(): Promise<void> {
    const key = this.#cancelKey;
    if (!key) return;
    await withTarget(this.#settings, CANCEL_MS_MAX, async (wire) => {
      await wire.write(encodeCancelRequest(key));
      await wire.read().catch(() => undefined);
      wire.destroy();
    });
  }
}

/** md5(md5(password + user) + salt), as servers before version 14 ask for. (PostgreSQL 17, section 54.2.1) */
function md5Password(settings: PostgresSettings, salt: Buffer): string {
  const inner = createHash('md5').update(settings.PASS).update(settings.USER).digest('hex');
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`;
}

function refusedLogin(body: Buffer, settings: PostgresSettings): TargetFault {
  const { sqlstate, message } = decodeError(body);
  const place = `${settings.HOST}:${settings.PORT}`;
  if (sqlstate === '28P01' || sqlstate === '28000') {
    return new TargetFault(
      'target_login',
      `The target ${place} refuses the connection's own user or password; an administrator must correct USER and PASS`,
    );
  }
  return new TargetFault(sqlstate === '53300' ? 'target_full' : 'target_refused', `The target ${place} refuses the session: ${message}`, {
    facts: { sqlstate },
  });
}

/** Faults of the wire while logging in are the target's, not the client's. */
function targetWords(error: ReturnType<typeof asAppError>, settings: PostgresSettings): ReturnType<typeof asAppError> {
  if (error.kind === 'target' || error.kind === 'misconfigured') return error;
  return new TargetFault('target_login', `The login at the target ${settings.HOST}:${settings.PORT} failed: ${error.message}`, {
    cause: error,
  });
}
