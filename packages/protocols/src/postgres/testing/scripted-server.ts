import { once } from 'node:events';
import net, { type Socket } from 'node:net';

/** A server that says what a test wants it to, right or wrong. One behaviour for each connection, in turn; the last one stays. */
export class ScriptedServer {
  readonly port: number;
  /** What clients have sent, a connection an entry. */
  readonly heard: Buffer[] = [];
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: net.Server, behaviours: readonly ((server: Speaker) => unknown)[]) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    let connections = 0;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      const index = connections++;
      this.heard[index] = Buffer.alloc(0);
      const speaker = new Speaker(socket);
      socket.on('data', (chunk: Buffer) => {
        this.heard[index] = Buffer.concat([this.heard[index] ?? Buffer.alloc(0), chunk]);
        speaker.hear(chunk);
      });
      void (async () => behaviours[Math.min(index, behaviours.length - 1)]?.(speaker))();
    });
  }

  static async start(...behaviours: readonly ((server: Speaker) => unknown)[]): Promise<ScriptedServer> {
    const server = net.createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new ScriptedServer(server, behaviours);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get openConnections(): number {
    return [...this.#sockets].filter((socket) => !socket.destroyed).length;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The server's side of one connection. */
export class Speaker {
  readonly socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  hear(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    this.#wake?.();
  }

  say(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** A packet without a type: its body behind the length. */
  async startup(): Promise<Buffer> {
    const head = await this.#take(4);
    return this.#take(head.readInt32BE(0) - 4);
  }

  /** The body of the next message with a type. */
  async message(): Promise<Buffer> {
    const head = await this.#take(5);
    return this.#take(head.readInt32BE(1) - 4);
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#unread.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(count);
    return taken;
  }
}
