import net from 'node:net';
import tls from 'node:tls';
import { within } from '../../support/until.ts';

/*
 * A client of our own making, for what no driver does: wrong bytes, odd orders, single bytes. It shares no code with the
 * adapter, so that a mistake of the one is not the mistake of the other.
 */

export function int32(value: number): Buffer {
  return Buffer.from([(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}

export function int16(value: number): Buffer {
  return Buffer.from([(value >>> 8) & 255, value & 255]);
}

export function text(value: string): Buffer {
  return Buffer.concat([Buffer.from(value), Buffer.from([0])]);
}

export function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

export const query = (sql: string): Buffer => message('Q', text(sql));
export const parse = (name: string, sql: string): Buffer => message('P', text(name), text(sql), int16(0));
export const execute = (portal = '', rows = 0): Buffer => message('E', text(portal), int32(rows));
export const describe = (what: 'S' | 'P', name = ''): Buffer => message('D', Buffer.from(what), text(name));
export const close = (what: 'S' | 'P', name = ''): Buffer => message('C', Buffer.from(what), text(name));
export const sync = message('S');
export const flush = message('H');
export const terminate = message('X');
export const copyData = (data: string | Buffer): Buffer => message('d', Buffer.from(data));
export const copyDone = message('c');
export const copyFail = (why: string): Buffer => message('f', text(why));

/** Bind with parameters and results in text. */
export function bind(portal = '', statement = '', parameters: readonly string[] = []): Buffer {
  const values = parameters.flatMap((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]);
  return message('B', text(portal), text(statement), int16(0), int16(parameters.length), ...values, int16(0));
}

/** FunctionCall with binary arguments, asking for a binary result. */
export function functionCall(oid: number, args: readonly Buffer[]): Buffer {
  const values = args.flatMap((value) => [int32(value.length), value]);
  return message('F', int32(oid), int16(1), int16(1), int16(args.length), ...values, int16(1));
}

/** Unnamed parse, bind, execute: one statement in the extended protocol, without its Sync. */
export const extended = (sql: string): Buffer => Buffer.concat([parse('', sql), bind(), execute()]);

export function startup(parameters: Readonly<Record<string, string>>, version = 3 << 16): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [text(name), text(value)]);
  const body = Buffer.concat([int32(version), ...pairs, Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
}

export const SSL_REQUEST = Buffer.concat([int32(8), int32(80877103)]);
export const GSS_REQUEST = Buffer.concat([int32(8), int32(80877104)]);
export const cancelRequest = (key: Buffer): Buffer => Buffer.concat([int32(8 + key.length), int32(80877102), key]);

/** One message of the server. */
export interface Reply {
  readonly type: string;
  readonly body: Buffer;
  readonly bytes: Buffer;
}

/** The words of an error or a notice: `SEVERITY SQLSTATE: message`. */
export function wordsOf({ body }: Reply): string {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field.charAt(0), field.slice(1)]),
  );
  return `${fields.get('V') ?? fields.get('S')} ${fields.get('C')}: ${fields.get('M')}`;
}

/** The cells of a DataRow as text. */
export function cellsOf({ body }: Reply): (string | null)[] {
  const cells: (string | null)[] = [];
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at);
    at += 4;
    cells.push(length < 0 ? null : body.toString('utf8', at, at + length));
    at += Math.max(length, 0);
  }
  return cells;
}

export type Encryption = 'none' | 'requested' | 'direct';

export interface WireOptions {
  readonly host: string;
  readonly port: number;
  readonly encryption?: Encryption;
  /** With direct encryption: what to offer; the protocol's own name unless told otherwise. */
  readonly alpn?: readonly string[];
}

export interface LoginOptions {
  readonly user: string;
  readonly password: string;
  readonly database?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly version?: number;
}

/** A connection, message by message. */
export class WireClient {
  socket: net.Socket;
  /** Everything that came since the last `takeBytes`. */
  #received: Buffer[] = [];
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #over = false;
  #wake: (() => void) | undefined;
  /** Process id and secret, as BackendKeyData has them. */
  cancelKey: Buffer = Buffer.alloc(0);

  private constructor(socket: net.Socket) {
    this.socket = socket;
    this.#listen();
  }

  static async connect({ host, port, encryption = 'none', alpn = ['postgresql'] }: WireOptions): Promise<WireClient> {
    const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const client = new WireClient(socket);
    if (encryption === 'requested') {
      client.send(SSL_REQUEST);
      const answer = (await client.bytes(1)).toString();
      if (answer !== 'S') {
        socket.destroy();
        throw new Error(`The server answers ${answer} to the request for TLS`);
      }
    }
    if (encryption !== 'none') await client.startTls(alpn);
    return client;
  }

  async startTls(alpn: readonly string[]): Promise<void> {
    this.socket.removeAllListeners();
    const secure = tls.connect({ socket: this.socket, rejectUnauthorized: false, ALPNProtocols: [...alpn] });
    await new Promise((resolve, reject) =>
      secure
        .once('secureConnect', resolve)
        .once('error', reject)
        .once('close', () => reject(new Error('closed'))),
    );
    secure.removeAllListeners('error');
    this.socket = secure;
    this.#listen();
  }

  #listen(): void {
    const wake = (): void => this.#wake?.();
    this.socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#unread.push(chunk);
      this.#unreadBytes += chunk.length;
      wake();
    });
    const over = (): void => {
      this.#over = true;
      wake();
    };
    this.socket.on('end', over);
    this.socket.on('close', over);
    this.socket.on('error', over);
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Exactly so many bytes. @throws Error when the connection ends before */
  async bytes(count: number): Promise<Buffer> {
    while (this.#unreadBytes < count) {
      if (this.#over) throw new Error(`The server closed the connection (${this.#unreadBytes} of ${count} bytes came)`);
      await this.#more();
    }
    const [first] = this.#unread;
    const whole = first && first.length >= count ? first : Buffer.concat(this.#unread);
    this.#unread = whole === first ? this.#unread.slice(1) : [];
    if (whole.length > count) this.#unread.unshift(whole.subarray(count));
    this.#unreadBytes -= count;
    return whole.subarray(0, count);
  }

  async reply(): Promise<Reply> {
    const head = Buffer.from(await this.bytes(5));
    const body = Buffer.from(await this.bytes(head.readInt32BE(1) - 4));
    return { type: head.toString('latin1', 0, 1), body, bytes: Buffer.concat([head, body]) };
  }

  /** The messages up to and with the first of this type. */
  async until(type: string): Promise<Reply[]> {
    const replies: Reply[] = [];
    const collect = async (): Promise<Reply[]> => {
      while (replies.at(-1)?.type !== type) replies.push(await this.reply());
      return replies;
    };
    try {
      return await within(`a message ${type}`, collect());
    } catch (cause) {
      const { message: why } = cause as Error;
      throw new Error(`${why}, after ${replies.map((one) => (one.type === 'E' ? wordsOf(one) : one.type)).join(' ')}`, { cause });
    }
  }

  /** One statement in the simple protocol, to its end. */
  ask(sql: string): Promise<Reply[]> {
    this.send(query(sql));
    return this.until('Z');
  }

  /** Everything up to the end of the connection. */
  async rest(): Promise<Reply[]> {
    const replies: Reply[] = [];
    while (true) {
      while (this.#unreadBytes === 0 && !this.#over) await within('the server closes the connection', this.#more());
      if (this.#unreadBytes === 0) return replies;
      replies.push(await this.reply());
    }
  }

  /** Every byte since the last call. */
  takeBytes(): Buffer {
    return Buffer.concat(this.#received.splice(0));
  }

  /** Start-up and login with a cleartext password or none. @throws Error with the server's words */
  async login({ user, password, database, parameters = {}, version }: LoginOptions): Promise<Reply[]> {
    this.send(startup({ user, ...(database === undefined ? {} : { database }), ...parameters }, version));
    const replies: Reply[] = [];
    while (true) {
      const reply = await within('an answer to the login', this.reply());
      replies.push(reply);
      if (reply.type === 'R' && reply.body.readInt32BE(0) === 3) this.send(message('p', text(password)));
      if (reply.type === 'K') this.cancelKey = reply.body;
      if (reply.type === 'E') throw new Error(wordsOf(reply));
      if (reply.type === 'Z') return replies;
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Gone without a word: a reset, where the socket is not inside TLS. */
  vanish(): void {
    if (this.socket instanceof tls.TLSSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
