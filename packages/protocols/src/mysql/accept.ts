import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { asAppError, PeerFault, Refusal } from '@hoop/core/errors';
import type { Accepted, Door } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import { type Packet, PacketReader } from './frame.ts';
import { HANDSHAKE_BYTES_MAX, PASSWORD_BYTES_MAX } from './limits.ts';
import { CAPABILITY, OFFERED, SESSION_CAPABILITIES, STATUS } from './messages/capabilities.ts';
import {
  CACHING_SHA2,
  decodeResponse,
  encodeGreeting,
  encodeMoreData,
  encodeSwitch,
  FAST_AUTH_OK,
  FULL_AUTH_NEEDED,
  isTlsRequest,
  KEY_REQUEST_CACHING,
  type Response,
  SALT_BYTES,
} from './messages/handshake.ts';
import { decryptPassword, withoutZero } from './secrets.ts';
import { optionsOf, UTF8MB4 } from './start.ts';
import { fatalWords } from './words.ts';

const CLEAR_TEXT = 'mysql_clear_password';
const NATIVE = 'mysql_native_password';

/**
 * What clients are told before anybody knows their target. Clients look whether it begins with 8, and then ask for nothing that
 * MySQL 8 has no more; `select version()` tells the target's own.
 */
const VERSION = '8.0.36-hoop';

/** A cancel key of the engine: its first four bytes are the number by which clients know their session. */
const KEY_BYTES = 8;

/**
 * Strips the client's side: greeting, TLS, login. The client hears that it is in from the target, or hears why it is not.
 * What goes wrong is told to the client in MySQL's words before it is thrown.
 */
export async function accept<Grant>(client: Wire, door: Door<Grant>): Promise<Accepted<Grant> | undefined> {
  const opening = new Opening(client, door);
  try {
    return await opening.run();
  } catch (thrown) {
    const error = asAppError(thrown);
    void opening.wire.write(opening.refuse(error));
    opening.wire.end();
    throw error;
  }
}

class Opening<Grant> {
  wire: Wire;
  #reader: PacketReader;
  readonly #door: Door<Grant>;
  readonly #cancelKey: string;
  readonly #salt = newSalt();
  #secure = false;
  /** Of the next packet to the client. */
  #sequence = 0;

  constructor(wire: Wire, door: Door<Grant>) {
    this.wire = wire;
    this.#reader = new PacketReader(wire);
    this.#door = door;
    this.#cancelKey = door.mintCancelKey(KEY_BYTES);
  }

  refuse(error: Parameters<typeof fatalWords>[0]): Buffer {
    return fatalWords(error, this.#sequence);
  }

  async run(): Promise<Accepted<Grant>> {
    const offered = this.#canTls ? OFFERED | CAPABILITY.tls : OFFERED;
    await this.wire.write(
      encodeGreeting({
        version: VERSION,
        threadId: threadIdOf(this.#cancelKey),
        salt: this.#salt,
        capabilities: offered,
        charset: UTF8MB4,
        status: STATUS.autocommit,
        plugin: CACHING_SHA2,
      }),
    );
    const response = decodeResponse(await this.#response());
    if (response.capabilities & CAPABILITY.compress) {
      // It would compress from here on, and its packets would be taken for something else.
      throw new PeerFault('unsupported', 'The client compresses, which nobody offered; connect without compression');
    }
    const { proven } = this.#door;
    if (proven !== undefined) await this.#welcome(response);
    const grant = proven ?? (await this.#prove(response));
    this.#reader.giveBack();
    const { user, database } = response;
    const sequence = this.#sequence;
    return {
      wire: this.wire,
      grant,
      hello: {
        user,
        ...(database === undefined ? {} : { database }),
        options: optionsOf(response, (response.capabilities & SESSION_CAPABILITIES) >>> 0, sequence),
        cancelKey: this.#cancelKey,
        version: '4.1',
      },
      refuse: (error) => fatalWords(error, sequence),
    };
  }

  get #canTls(): boolean {
    return this.#door.tls !== undefined && this.wire.startTls !== undefined;
  }

  /** The client's response, after TLS where it asks for that. */
  async #response(): Promise<Buffer> {
    const first = await this.#hear(HANDSHAKE_BYTES_MAX);
    if (!this.#canTls || !isTlsRequest(first.payload)) return first.payload;
    // A client does not wait: what stands behind its request is the beginning of TLS, and must be nothing else.
    this.#reader.giveBack();
    const { tls } = this.#door;
    if (!tls || !this.wire.startTls) return first.payload;
    this.wire = await this.wire.startTls({ side: 'server', context: tls });
    this.#reader = new PacketReader(this.wire);
    this.#secure = true;
    return (await this.#hear(HANDSHAKE_BYTES_MAX)).payload;
  }

  /** The identity is known. What is said here is what the client waits for after the proof that it sent, or before one that it could not make. */
  async #welcome({ plugin, proof, capabilities }: Response): Promise<void> {
    if (plugin === CACHING_SHA2 && proof.length > 0) {
      this.#say((sequence) => encodeMoreData(sequence, Buffer.from([FAST_AUTH_OK])));
    } else if (plugin !== CACHING_SHA2 && plugin !== CLEAR_TEXT && proof.length === 0 && capabilities & CAPABILITY.pluginAuth) {
      // The salt of the greeting was not for its method: it waits for one that is.
      this.#say((sequence) => encodeSwitch(sequence, NATIVE, this.#salt));
      await this.#hear(PASSWORD_BYTES_MAX);
    }
  }

  async #prove(response: Response): Promise<Grant> {
    if (this.#door.tlsRequired && !this.#secure) {
      throw new Refusal('tls_required', 'This gateway takes no secrets in clear text; connect with TLS (--ssl, ssl-mode=REQUIRED)');
    }
    const { user, database } = response;
    return this.#door.login({ secret: await this.#secret(response), user, ...(database === undefined ? {} : { database }) });
  }

  /** Gets the client to show its secret: only its hash is known here, and no proof can be checked against that. */
  async #secret(response: Response): Promise<string> {
    if (response.plugin === CLEAR_TEXT) return withoutZero(response.proof);
    const proof = response.plugin === CACHING_SHA2 ? response.proof : await this.#switched();
    // A client without a password sends no proof, and nothing more.
    if (proof.length === 0) return '';
    this.#say((sequence) => encodeMoreData(sequence, Buffer.from([FULL_AUTH_NEEDED])));
    const { payload } = await this.#hear(PASSWORD_BYTES_MAX);
    if (this.#secure) return withoutZero(payload);
    if (payload.length !== 1 || payload[0] !== KEY_REQUEST_CACHING) return this.#decrypted(payload);
    const { publicKey } = await passwordKeys();
    this.#say((sequence) => encodeMoreData(sequence, Buffer.from(publicKey)));
    return this.#decrypted((await this.#hear(PASSWORD_BYTES_MAX)).payload);
  }

  async #decrypted(payload: Buffer): Promise<string> {
    // MariaDB's clients that would have taken TLS send it as it is where none is offered. It has been on the way then; only this machine may come in so.
    if (payload.length !== RSA_BITS / 8 && payload.at(-1) === 0) return withoutZero(payload);
    const { privateKey } = await passwordKeys();
    return decryptPassword(payload, this.#salt, privateKey);
  }

  async #switched(): Promise<Buffer> {
    this.#say((sequence) => encodeSwitch(sequence, CACHING_SHA2, this.#salt));
    return (await this.#hear(PASSWORD_BYTES_MAX)).payload;
  }

  #say(packet: (sequence: number) => Buffer): void {
    void this.wire.write(packet(this.#sequence));
    this.#sequence = (this.#sequence + 1) & 0xff;
  }

  async #hear(payload_bytes_max: number): Promise<Packet> {
    const packet = await this.#reader.packet(payload_bytes_max);
    this.#sequence = (packet.sequence + 1) & 0xff;
    return packet;
  }
}

/** The number by which a client knows its session, and asks for its end: the first half of the cancel key. */
export function threadIdOf(cancelKey: string): number {
  return Number.parseInt(cancelKey.slice(0, 8), 16);
}

/** Bytes that are no zero and no dollar sign, as servers make them. */
function newSalt(): Buffer {
  return Buffer.from(randomBytes(SALT_BYTES).map((byte) => (byte % 90) + 0x25));
}

interface PasswordKeys {
  readonly publicKey: string;
  readonly privateKey: string;
}

const RSA_BITS = 2_048;
let keys: Promise<PasswordKeys> | undefined;

/** For clients without TLS: made when the first one asks, and gone with the process. */
function passwordKeys(): Promise<PasswordKeys> {
  keys ??= promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return keys;
}
