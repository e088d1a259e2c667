import type { TLSSocket } from 'node:tls';
import { asAppError, PeerFault, Refusal } from '@hoop/core/errors';
import type { Accepted, Door } from '@hoop/core/protocol';
import { SocketWire, type Wire } from '@hoop/core/wire';
import { badLength, code, encodeMessage, int32, MessageReader } from './frame.ts';
import { PASSWORD_BYTES_MAX, STARTUP_BYTES_MAX } from './limits.ts';
import { Fields } from './messages/fields.ts';
import { CANCEL_REQUEST, decodeStartup, encodeNegotiateVersion, GSSENC_REQUEST, SSL_REQUEST, type Startup } from './messages/startup.ts';
import { fatalWords } from './words.ts';

const TLS_HANDSHAKE = 0x16;
const ALPN = 'postgresql';

/** The newest minor version of protocol 3 that is spoken to clients. */
const MINOR_MAX = 2;

/** Minor version 1 was never used by anybody. */
const CANCEL_KEY_BYTES_3_0 = 8;
const CANCEL_KEY_BYTES_3_2 = 36;

/**
 * Strips the client's side: TLS in all its ways in, the start-up packet, the login.
 * What goes wrong is told to the client in PostgreSQL's words before it is thrown.
 */
export async function accept<Grant>(client: Wire, door: Door<Grant>): Promise<Accepted<Grant> | undefined> {
  const opening = new Opening(client, door);
  try {
    const startup = await opening.startup();
    if (!startup) return undefined;
    return await opening.login(startup);
  } catch (thrown) {
    const error = asAppError(thrown);
    // Bytes that are not this protocol's get no answer: who speaks it not cannot read one either.
    if (error.code !== 'not_postgres') void opening.wire.write(fatalWords(error));
    opening.wire.end();
    throw error;
  }
}

class Opening<Grant> {
  wire: Wire;
  #reader: MessageReader;
  readonly #door: Door<Grant>;
  #secure = false;

  constructor(wire: Wire, door: Door<Grant>) {
    this.wire = wire;
    this.#reader = new MessageReader(wire);
    this.#door = door;
  }

  /** The start-up packet, after whatever negotiation comes before it. Undefined: a cancel request, which is dealt with. */
  async startup(): Promise<Startup | undefined> {
    await this.#directTls();
    for (let negotiations = 0; negotiations < 3; negotiations++) {
      const head = await this.#reader.bytes(8);
      const length = head.readInt32BE(0);
      const request = head.readInt32BE(4);
      if (length < 8 || length > STARTUP_BYTES_MAX) throw notPostgres(length);
      if (request === CANCEL_REQUEST) return this.#cancel(length);
      if (request === SSL_REQUEST || request === GSSENC_REQUEST) {
        if (length !== 8) throw badLength(length);
        await this.#negotiate(request);
        continue;
      }
      if (request >>> 16 !== 3) {
        const version = `${request >>> 16}.${request & 0xffff}`;
        throw new PeerFault('unsupported', `Protocol version ${version} is not spoken here; use 3.0 to 3.${MINOR_MAX}`);
      }
      return decodeStartup(request, await this.#reader.bytes(length - 8));
    }
    throw new PeerFault('bad_message', 'The client asks for encryption again and again');
  }

  async login(startup: Startup): Promise<Accepted<Grant>> {
    const { parameters } = startup;
    const user = parameters.get('user') ?? '';
    if (user === '') throw new PeerFault('bad_message', 'No PostgreSQL user name specified in startup packet');
    refuseReplication(parameters.get('replication'));
    this.#negotiateVersion(startup);
    const database = parameters.get('database');
    const grant = this.#door.proven ?? (await this.#prove(user, database));
    const minor = Math.min(startup.minor, MINOR_MAX);
    this.#reader.giveBack();
    return {
      wire: this.wire,
      grant,
      hello: {
        user,
        // A client without a database of its own asks for the one named like the user.
        ...(database === undefined || database === user ? {} : { database }),
        options: Object.fromEntries([...parameters].filter(([name]) => !OWN_PARAMETERS.has(name) && !name.startsWith('_pq_.'))),
        cancelKey: this.#door.mintCancelKey(minor >= 2 ? CANCEL_KEY_BYTES_3_2 : CANCEL_KEY_BYTES_3_0),
        version: `3.${minor}`,
      },
      refuse: fatalWords,
    };
  }

  /** TLS without a request before it (sslnegotiation=direct): only with the protocol's ALPN, as the server has it. */
  async #directTls(): Promise<void> {
    const first = await this.wire.read();
    if (!first) throw notPostgres(0);
    this.wire.unread(first);
    if (first[0] !== TLS_HANDSHAKE) return;
    if (!this.#door.tls || !this.wire.startTls) throw notPostgres(0);
    await this.#startTls();
    const socket = this.wire instanceof SocketWire ? (this.wire.socket as TLSSocket) : undefined;
    if (socket?.alpnProtocol !== ALPN)
      throw new PeerFault('not_postgres', 'A direct TLS connection must negotiate the postgresql protocol');
  }

  async #negotiate(request: number): Promise<void> {
    const tls = request === SSL_REQUEST && !this.#secure && this.#door.tls && this.wire.startTls;
    if (!tls) {
      await this.wire.write(Buffer.from('N'));
      return;
    }
    // Bytes behind the request were sent before encryption began: whoever sits between could have put them there (CVE-2021-23214).
    if (this.#reader.pending > 0) throw new PeerFault('bad_message', 'Received unencrypted data after the request for TLS');
    await this.wire.write(Buffer.from('S'));
    await this.#startTls();
  }

  async #startTls(): Promise<void> {
    const { tls } = this.#door;
    if (!tls || !this.wire.startTls) return;
    this.wire = await this.wire.startTls({ side: 'server', context: tls, alpn: [ALPN] });
    this.#reader = new MessageReader(this.wire);
    this.#secure = true;
  }

  async #cancel(length: number): Promise<undefined> {
    if (length < 16 || length > 8 + 4 + 256) throw notPostgres(length);
    const key = await this.#reader.bytes(length - 8);
    this.#door.cancel(key.toString('hex'));
    this.wire.end();
    return undefined;
  }

  #negotiateVersion(startup: Startup): void {
    const unknown = [...startup.parameters.keys()].filter((name) => name.startsWith('_pq_.'));
    if (startup.minor > MINOR_MAX || unknown.length > 0) {
      void this.wire.write(encodeNegotiateVersion(Math.min(startup.minor, MINOR_MAX), unknown));
    }
  }

  async #prove(user: string, database: string | undefined): Promise<Grant> {
    if (this.#door.tlsRequired && !this.#secure) {
      throw new Refusal('tls_required', 'This gateway takes no secrets in clear text; connect with sslmode=require');
    }
    const about = { user, ...(database === undefined ? {} : { database }) };
    if (user.startsWith(SECRET_PREFIX)) return this.#door.login({ secret: user, ...about });
    await this.wire.write(encodeMessage('R', int32(AUTH_CLEARTEXT_PASSWORD)));
    const message = await this.#reader.message(PASSWORD_BYTES_MAX);
    if (message.type !== code('p')) throw new PeerFault('bad_message', 'Expected a password');
    const fields = new Fields(message.body);
    const secret = fields.cstring();
    fields.end();
    return this.#door.login({ secret, ...about });
  }
}

/** Secrets of this protocol begin with it: a client that can only be given a user name puts the secret there. */
const SECRET_PREFIX = 'pg-';
const AUTH_CLEARTEXT_PASSWORD = 3;
const OWN_PARAMETERS = new Set(['user', 'database', 'replication']);

function refuseReplication(value: string | undefined): void {
  if (value === undefined || ['', 'off', 'false', 'no', '0'].includes(value.toLowerCase())) return;
  throw new Refusal(
    'unsupported',
    'Replication connections are not allowed through the gateway; connect without the replication parameter',
  );
}

function notPostgres(length: number): PeerFault {
  return new PeerFault('not_postgres', 'The client does not speak the PostgreSQL protocol', { facts: { length } });
}
