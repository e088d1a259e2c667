import net from 'node:net';
import type tls from 'node:tls';
import { type AppError, asAppError, Misconfigured, TargetFault } from '@hoop/core/errors';
import { TARGET_CONNECT_MS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import type { ConnectContext, RelayPorts, SessionFacts, Target } from '@hoop/core/protocol';
import { dial, type SocketWire, type Wire } from '@hoop/core/wire';
import { threadIdOf } from './accept.ts';
import { ed25519Proof } from './ed25519.ts';
import { encodePacket, type Packet, PacketReader } from './frame.ts';
import { LeavingWire } from './leaving-wire.ts';
import { CANCEL_MS_MAX, HANDSHAKE_BYTES_MAX, LOGIN_PACKETS_MAX, PASSWORD_BYTES_MAX } from './limits.ts';
import { CAPABILITY, SESSION_CAPABILITIES } from './messages/capabilities.ts';
import { COMMAND, encodeQuery } from './messages/command.ts';
import { zeroEnded } from './messages/fields.ts';
import {
  CACHING_SHA2,
  decodeGreeting,
  decodeSwitch,
  ED25519,
  encodeResponse,
  encodeResponseHead,
  FAST_AUTH_OK,
  FULL_AUTH_NEEDED,
  type Greeting,
  KEY_REQUEST_CACHING,
  KEY_REQUEST_SHA256,
  NONCE_BYTES,
} from './messages/handshake.ts';
import { decodeError, EOF, ERROR, MORE_DATA, OK } from './messages/result.ts';
import { MysqlRelay } from './relay.ts';
import { cachingSha2Proof, encryptPassword, nativeProof } from './secrets.ts';
import type { MysqlSettings } from './settings.ts';
import { type Start, startedWith, startOf } from './start.ts';
import { enterThread } from './threads.ts';
import { itsCollation } from './versions.ts';

/**
 * Dials the target, logs in with the connection's secrets, and stops where the server is ready.
 * @throws TargetFault, Misconfigured with words for the user: never a password, never a stack
 */
export async function connect(context: ConnectContext<MysqlSettings>, timeout_ms = TARGET_CONNECT_MS_MAX): Promise<Target> {
  const { settings, hello, session } = context;
  const start = startOf(hello);
  try {
    return await withTarget(settings, timeout_ms, async (dialled) => {
      const login = new Login(dialled, settings, start, hello.database ?? settings.DB);
      const ready = await login.run();
      return new MysqlTarget(login.wire, ready, start, settings, {
        session,
        user: hello.user,
        cancelKey: hello.cancelKey,
        log: context.log,
      });
    });
  } catch (error) {
    throw targetWords(asAppError(error), settings);
  }
}

/**
 * A login of the agent's own, for what is not the client's business: with nothing of the client's, and at no database.
 * @throws TargetFault, Misconfigured
 */
export async function withOwnLogin<T>(settings: MysqlSettings, timeout_ms: number, use: (wire: Wire) => Promise<T>): Promise<T> {
  const start: Start = { ...startOf({ user: '' }), capabilities: CAPABILITY.transactions };
  try {
    return await withTarget(settings, timeout_ms, async (dialled) => {
      const login = new Login(dialled, settings, start, '');
      await login.run();
      const used = await use(login.wire);
      await login.wire.write(encodePacket(0, Buffer.from([COMMAND.quit])));
      login.wire.destroy();
      return used;
    });
  } catch (error) {
    throw targetWords(asAppError(error), settings);
  }
}

/** All of what is done with the wire must be over in time; if not, or if it fails, the wire goes. */
async function withTarget<T>(settings: MysqlSettings, timeout_ms: number, use: (wire: SocketWire) => Promise<T>): Promise<T> {
  const dialled = await dial(settings.HOST, settings.PORT, { timeout_ms });
  const late = new TargetFault(
    'target_unreachable',
    `The target ${settings.HOST}:${settings.PORT} takes connections and does not answer in time; find out who listens there`,
  );
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    dialled.destroy(late);
  }, timeout_ms);
  try {
    return await use(dialled);
  } catch (error) {
    dialled.destroy();
    throw isLate ? late : error;
  } finally {
    clearTimeout(timer);
  }
}

/** What a login ended with. */
interface Ready {
  /** The server's OK, as it said it. */
  readonly ok: Buffer;
  /** The number by which the server knows this session. */
  readonly threadId: number;
  /** The server's version, as it greets with it. */
  readonly version: string;
}

/** The conversation with the server from its greeting to its OK, as its client. (MySQL Internals, "Connection Phase") */
class Login {
  wire: Wire;
  readonly #dialled: SocketWire;
  readonly #settings: MysqlSettings;
  readonly #start: Start;
  readonly #database: string;
  #reader: PacketReader;
  #sequence = 0;
  #secure = false;
  #plugin = '';
  #salt: Buffer = Buffer.alloc(0);

  constructor(dialled: SocketWire, settings: MysqlSettings, start: Start, database: string) {
    this.wire = dialled;
    this.#dialled = dialled;
    this.#reader = new PacketReader(dialled);
    this.#settings = settings;
    this.#start = start;
    this.#database = database;
  }

  async run(): Promise<Ready> {
    const { payload } = await this.#hear();
    if (payload[0] === ERROR) throw refusedLogin(payload, this.#settings);
    const greeting = decodeGreeting(payload);
    const missing = (CAPABILITY.protocol41 | CAPABILITY.secureConnection) & ~greeting.capabilities;
    if (missing) throw new TargetFault('target_login', 'The target does not speak the login of protocol 4.1; it is too old');
    await this.#encrypt(greeting);
    await this.#respond(greeting);
    for (let count = 0; count < LOGIN_PACKETS_MAX; count++) {
      const { payload: said } = await this.#hear();
      if (said[0] !== OK) {
        await this.#take(said);
        continue;
      }
      this.#reader.giveBack();
      return { ok: Buffer.from(said), threadId: greeting.threadId, version: greeting.version };
    }
    throw new TargetFault('target_login', 'The target does not come to the end of its login');
  }

  /** Encrypts as SSLMODE asks. */
  async #encrypt(greeting: Greeting): Promise<void> {
    const { SSLMODE, HOST, PORT } = this.#settings;
    if (SSLMODE === 'disable') return;
    if ((greeting.capabilities & CAPABILITY.tls) === 0) {
      if (SSLMODE === 'prefer') return;
      throw new Misconfigured('target_tls', `The target ${HOST}:${PORT} offers no TLS, and SSLMODE is ${SSLMODE}`);
    }
    // Bytes behind the greeting came before encryption began: they would be taken for the server's own.
    if (this.#reader.pending > 0) throw new TargetFault('target_login', 'The target says something before it is asked');
    const capabilities = (this.#capabilities(greeting) | CAPABILITY.tls) >>> 0;
    await this.#say(encodeResponseHead({ ...this.#response(greeting, Buffer.alloc(0)), capabilities }));
    this.wire = await startTls(this.#dialled, this.#settings);
    this.#reader = new PacketReader(this.wire);
    this.#secure = true;
  }

  async #respond(greeting: Greeting): Promise<void> {
    // Of the methods that need nothing but a proof the server's favourite; it switches to what its user really has.
    this.#plugin = greeting.plugin === CACHING_SHA2 ? CACHING_SHA2 : NATIVE;
    this.#salt = Buffer.from(greeting.salt);
    const response = this.#response(greeting, this.#firstProof());
    await this.wire.write(encodeResponse(this.#next(), response));
  }

  #firstProof(): Buffer {
    const { PASS } = this.#settings;
    return this.#plugin === CACHING_SHA2 ? cachingSha2Proof(PASS, this.#salt) : nativeProof(PASS, this.#salt);
  }

  #response(greeting: Greeting, proof: Buffer) {
    const { charset, packet_bytes_max, attributes } = this.#start;
    const capabilities = this.#capabilities(greeting) | (this.#secure ? CAPABILITY.tls : 0);
    return {
      capabilities: capabilities >>> 0,
      packet_bytes_max,
      charset: itsCollation(charset, greeting.version),
      user: plainName('USER', this.#settings.USER),
      proof,
      database: this.#database === '' ? undefined : plainName('The database', this.#database),
      plugin: this.#plugin,
      attributes: capabilities & CAPABILITY.attributes ? attributes : undefined,
    };
  }

  /** What the client asked for, as far as the server has it, and what every login needs. */
  #capabilities({ capabilities: offered }: Greeting): number {
    const wanted = (this.#start.capabilities & SESSION_CAPABILITIES) | CAPABILITY.longPassword | CAPABILITY.longFlag;
    const needed = CAPABILITY.protocol41 | CAPABILITY.secureConnection | CAPABILITY.pluginAuth | CAPABILITY.lenencAuth;
    const database = this.#database === '' ? 0 : CAPABILITY.connectWithDatabase;
    const attributes = this.#start.attributes === undefined ? 0 : CAPABILITY.attributes;
    return (wanted | needed | database | attributes) & offered;
  }

  async #take(payload: Buffer): Promise<void> {
    switch (payload[0]) {
      case ERROR:
        throw refusedLogin(payload, this.#settings);
      case EOF:
        return this.#switch(payload);
      case MORE_DATA:
        return this.#more(payload.subarray(1));
      default:
        throw new TargetFault('target_login', 'The target says something in its login that MySQL does not say');
    }
  }

  async #switch(payload: Buffer): Promise<void> {
    if (payload.length === 1) throw unspoken('mysql_old_password');
    const { plugin, salt } = decodeSwitch(payload);
    this.#plugin = plugin;
    this.#salt = salt;
    const { PASS } = this.#settings;
    if (plugin === NATIVE || plugin === CACHING_SHA2) return this.#say(this.#firstProof());
    if (plugin === 'sha256_password') return this.#say(this.#secure || PASS === '' ? zeroEnded(PASS) : Buffer.from([KEY_REQUEST_SHA256]));
    if (plugin === 'mysql_clear_password') {
      if (this.#secure) return this.#say(zeroEnded(PASS));
      throw new Misconfigured(
        'target_tls',
        'The target wants the password in clear text, and the link to it has no TLS; set SSLMODE=require',
      );
    }
    if (plugin === ED25519 && salt.length === NONCE_BYTES) return this.#say(await ed25519Proof(PASS, salt));
    throw unspoken(plugin);
  }

  async #more(data: Buffer): Promise<void> {
    if (this.#plugin === CACHING_SHA2 && data.length === 1) {
      if (data[0] === FAST_AUTH_OK) return;
      if (data[0] === FULL_AUTH_NEEDED) {
        return this.#say(this.#secure ? zeroEnded(this.#settings.PASS) : Buffer.from([KEY_REQUEST_CACHING]));
      }
    }
    const isKey = (this.#plugin === CACHING_SHA2 || this.#plugin === 'sha256_password') && !this.#secure;
    if (isKey) return this.#say(encryptPassword(this.#settings.PASS, this.#salt, data));
    throw new TargetFault('target_login', 'The target says something in its login that MySQL does not say');
  }

  async #say(payload: Buffer): Promise<void> {
    await this.wire.write(encodePacket(this.#next(), payload));
  }

  #next(): number {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & 0xff;
    return sequence;
  }

  async #hear(): Promise<Packet> {
    const packet = await this.#reader.packet(Math.max(HANDSHAKE_BYTES_MAX, PASSWORD_BYTES_MAX));
    this.#sequence = (packet.sequence + 1) & 0xff;
    return packet;
  }
}

const NATIVE = 'mysql_native_password';

async function startTls(wire: SocketWire, settings: MysqlSettings): Promise<Wire> {
  const verify = settings.SSLMODE === 'verify-ca' || settings.SSLMODE === 'verify-full';
  const options: tls.ConnectionOptions = {
    rejectUnauthorized: verify,
    ...(settings.SSLROOTCERT ? { ca: settings.SSLROOTCERT } : {}),
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

/** A zero byte would end the name, and what is behind it would be something else. */
function plainName(what: string, name: string): string {
  if (name.includes('\0')) throw new TargetFault('target_login', `${what} holds a zero byte, which cannot be`);
  return name;
}

function unspoken(plugin: string): Misconfigured {
  const name = /^[a-z0-9_]{1,64}$/.test(plugin) ? plugin : 'unknown';
  return new Misconfigured(
    'target_login',
    `The target asks for the login method ${name}, which is not spoken here; use a user with caching_sha2_password or mysql_native_password`,
  );
}

/** ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_ACCESS_DENIED_NO_PASSWORD. */
const WRONG_LOGIN = new Set([1044, 1045, 1698]);
/** ER_CON_COUNT, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED. */
const FULL = new Set([1040, 1203, 1226]);
const UNKNOWN_DATABASE = 1049;

function refusedLogin(payload: Buffer, settings: MysqlSettings): TargetFault {
  const { code, message } = decodeError(payload);
  if (FULL.has(code)) return new TargetFault('target_full', `The target refuses the session: ${message}`);
  if (code === UNKNOWN_DATABASE) return new TargetFault('target_login', `The target has no such database: ${message}`);
  if (WRONG_LOGIN.has(code)) {
    return new TargetFault(
      'target_login',
      `The target ${settings.HOST}:${settings.PORT} refuses the connection's own user or password; an administrator must correct USER and PASS`,
    );
  }
  return new TargetFault('target_login', `The target refuses the session: ${message}`);
}

/** Faults of the wire while logging in are the target's, not the client's. */
function targetWords(error: AppError, settings: MysqlSettings): AppError {
  if (error.kind === 'target' || error.kind === 'misconfigured') return error;
  return new TargetFault('target_login', `The login at the target ${settings.HOST}:${settings.PORT} failed: ${error.message}`, {
    cause: error,
  });
}

/** By whom, and under which number, a target's session is known on the client's side. */
interface Shown {
  readonly session: SessionFacts;
  readonly user: string;
  readonly cancelKey: string | undefined;
  readonly log: Log;
}

class MysqlTarget implements Target {
  readonly wire: Wire;
  readonly greeting: Buffer;
  readonly started: readonly string[];
  readonly #threadId: number;
  readonly #version: string;
  readonly #settings: MysqlSettings;
  readonly #shown: Shown;
  #hasLeft = (): boolean => false;

  constructor(wire: Wire, { ok, threadId, version }: Ready, start: Start, settings: MysqlSettings, shown: Shown) {
    this.wire = new LeavingWire(wire, () => this.#hasLeft());
    this.greeting = encodePacket(start.sequence, ok);
    this.started = startedWith(start);
    this.#threadId = threadId;
    this.#version = version;
    this.#settings = settings;
    this.#shown = shown;
  }

  relay(ports: RelayPorts): MysqlRelay {
    const { session, user, cancelKey } = this.#shown;
    const owner = { connection: session.connection, userId: session.user.id };
    const relay: MysqlRelay = new MysqlRelay(ports, {
      owner,
      user,
      version: this.#version,
      stop: () => this.#stop(),
      onEnd: () => leave(),
    });
    const thread = { owner, targetId: this.#threadId, busy: () => relay.busy };
    const leave = cancelKey === undefined ? () => undefined : enterThread(threadIdOf(cancelKey), thread);
    this.#hasLeft = () => relay.hasLeft;
    return relay;
  }

  async #stop(): Promise<void> {
    try {
      await this.cancel();
    } catch (error) {
      // It runs to its end then, and nobody hears it.
      this.#shown.log.warn({ err: asAppError(error) }, 'What an answer that was cut still runs could not be stopped');
    }
  }

  /** A session of its own that stops what this one runs, as clients do it. */
  async cancel(): Promise<void> {
    await withOwnLogin(this.#settings, CANCEL_MS_MAX, async (wire) => {
      await wire.write(encodeQuery(`KILL QUERY ${this.#threadId}`));
      await new PacketReader(wire).packet(HANDSHAKE_BYTES_MAX);
    });
  }
}
