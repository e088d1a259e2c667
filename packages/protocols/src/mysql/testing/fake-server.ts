import { constants, createHash, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';

/*
 * A server's side of the login, written from the manual and not from the adapter: it can be made to do what a real one never does.
 */

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

export const PUBLIC_KEY = publicKey;

const hash = (algorithm: string, ...parts: readonly Buffer[]): Buffer => createHash(algorithm).update(Buffer.concat(parts)).digest();
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, at) => byte ^ (b[at % b.length] ?? 0)));

/** What the manual says that the proof must be. */
export function expectedProof(plugin: string, password: string, salt: Buffer): Buffer {
  const secret = Buffer.from(password);
  if (plugin === 'mysql_native_password') {
    return xor(hash('sha1', secret), hash('sha1', salt, hash('sha1', hash('sha1', secret))));
  }
  return xor(hash('sha256', secret), hash('sha256', hash('sha256', hash('sha256', secret)), salt));
}

/** What was encrypted with the public key. */
export function decrypted(bytes: Buffer, salt: Buffer): string {
  const hidden = privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, bytes);
  return xor(hidden, salt).toString('utf8').replace(/\0$/, '');
}

export const FLAG = { tls: 0x800, plugin: 0x80000, usual: 0x1fa68f } as const;

/** One connection of a server that says what a test wants it to, right or wrong. */
export class Speaker {
  #socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  /** Of the next packet. */
  sequence = 0;
  /** Everything that the client has sent, in clear text. */
  heard: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  say(...parts: readonly (Buffer | string)[]): void {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    const head = Buffer.from([body.length & 255, (body.length >>> 8) & 255, body.length >>> 16, this.sequence++ & 255]);
    this.#socket.write(Buffer.concat([head, body]));
  }

  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  greet(salt: Buffer, plugin = 'mysql_native_password', flags: number = FLAG.usual): void {
    const low = Buffer.from([flags & 255, (flags >>> 8) & 255]);
    const high = Buffer.from([(flags >>> 16) & 255, (flags >>> 24) & 255]);
    const head = [Buffer.from([10]), '8.0.99-test\0', Buffer.from([7, 0, 0, 0]), salt.subarray(0, 8), Buffer.from([0]), low];
    this.say(
      ...head,
      Buffer.from([45, 2, 0]),
      high,
      Buffer.from([21]),
      Buffer.alloc(10),
      salt.subarray(8),
      Buffer.from([0]),
      `${plugin}\0`,
    );
  }

  ok(): void {
    this.say(Buffer.from([0, 0, 0, 2, 0, 0, 0]));
  }

  error(code: number, words: string): void {
    this.say(Buffer.from([0xff, code & 255, code >>> 8]), words);
  }

  switchTo(plugin: string, salt: Buffer): void {
    this.say(Buffer.from([0xfe]), `${plugin}\0`, salt, Buffer.from([0]));
  }

  /** The payload of the next packet. */
  async packet(): Promise<Buffer> {
    const head = await this.#take(4);
    this.sequence = (head[3] ?? 0) + 1;
    return this.#take(head.readUIntLE(0, 3));
  }

  /** The client's answer to the greeting. */
  async response(): Promise<{ user: string; proof: Buffer; database: string; plugin: string; flags: number }> {
    const body = await this.packet();
    const flags = body.readUInt32LE(0);
    let at = 32;
    const zeroEnded = (): string => {
      const end = body.indexOf(0, at);
      const found = body.toString('utf8', at, end);
      at = end + 1;
      return found;
    };
    const user = zeroEnded();
    const proof = body.subarray(at + 1, at + 1 + (body[at] ?? 0));
    at += 1 + proof.length;
    const database = flags & 8 ? zeroEnded() : '';
    return { user, proof, database, plugin: zeroEnded(), flags };
  }

  /** Takes the request for TLS, and goes on inside of it. */
  async encrypt(certificate: { readonly cert: string; readonly key: string }): Promise<void> {
    await this.packet();
    this.#socket.removeAllListeners('data');
    this.#socket.pause();
    // A client does not wait: the beginning of TLS may have come with its request.
    this.#socket.unshift(this.#unread);
    this.#unread = Buffer.alloc(0);
    const secure = new tls.TLSSocket(this.#socket, { isServer: true, secureContext: tls.createSecureContext(certificate) });
    secure.on('error', () => undefined);
    this.#socket = secure;
    this.#listen();
  }

  end(): void {
    this.#socket.end();
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.heard = Buffer.concat([this.heard, chunk]);
      this.#unread = Buffer.concat([this.#unread, chunk]);
      this.#wake?.();
    });
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#unread.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = Buffer.from(this.#unread.subarray(0, count));
    this.#unread = this.#unread.subarray(count);
    return taken;
  }
}

/** A server with one behaviour for each connection, in turn; the last one stays. */
export class FakeServer {
  readonly port: number;
  readonly speakers: Speaker[] = [];
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: net.Server, behaviours: readonly ((speaker: Speaker) => unknown)[]) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      const speaker = new Speaker(socket);
      const behave = behaviours[Math.min(this.speakers.length, behaviours.length - 1)];
      this.speakers.push(speaker);
      void (async () => behave?.(speaker))();
    });
  }

  static async start(...behaviours: readonly ((speaker: Speaker) => unknown)[]): Promise<FakeServer> {
    const server = net.createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new FakeServer(server, behaviours);
  }

  get openConnections(): number {
    return [...this.#sockets].filter((socket) => !socket.destroyed).length;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
