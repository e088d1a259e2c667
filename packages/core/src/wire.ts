import type { Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import tls from 'node:tls';
import { PeerFault, TargetFault } from './errors.ts';
import { TARGET_CONNECT_MS_MAX } from './limits.ts';

/**
 * A two-way byte stream that is pulled: the next chunk comes only when the previous one has been dealt with.
 * Nothing is read ahead beyond the socket's own buffer, so a slow reader holds back whoever writes to it.
 */
export interface Wire {
  /** Who is at the other end, as `address:port`; for audit and logs. */
  readonly peer: string;
  /** The next chunk, or undefined at the end of the stream. Rejects when the stream broke. */
  read(): Promise<Buffer | undefined>;
  /** Puts bytes back in front of what comes next. */
  unread(chunk: Buffer): void;
  /**
   * Hands every chunk to `consume`, one at a time, in order; resolves at the end of the stream.
   * A promise returned by `consume` holds the next chunk back. Rejects when the stream breaks or `consume` fails.
   */
  pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void>;
  /** Queues bytes. A promise means: the other side is slow, await it before the next write. */
  write(bytes: Buffer): void | Promise<void>;
  /** No more writes from here; what was written still goes out. */
  end(): void;
  /** Ends both ways at once. */
  destroy(error?: Error): void;
  /** False once nothing that is written can arrive any more; who writes on and on must look. A peer that only said its last word still listens. */
  readonly open: boolean;
  /** Starts TLS on this very stream; undefined where the stream cannot (it is inside another one). */
  readonly startTls?: (start: TlsStart) => Promise<Wire>;
}

export type TlsStart =
  | { readonly side: 'server'; readonly context: tls.SecureContext; readonly alpn?: readonly string[] }
  | { readonly side: 'client'; readonly options: tls.ConnectionOptions };

/** A wire over a TCP or TLS socket. */
export class SocketWire implements Wire {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #queue: Buffer[] = [];
  #consume: ((chunk: Buffer) => void | Promise<void>) | undefined;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  #waiting: (() => void) | undefined;
  #drained: { promise: Promise<void>; resolve(): void } | undefined;
  #busy = false;
  #ended = false;
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.peer = `${socket.remoteAddress ?? 'local'}:${socket.remotePort ?? 0}`;
    socket.pause();
    socket.setNoDelay(true);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
  }

  get open(): boolean {
    return this.#error === undefined && this.#socket.writable;
  }

  /** The certificate's hash for channel binding, or the negotiated protocol: what only the socket knows. */
  get socket(): Socket {
    return this.#socket;
  }

  async read(): Promise<Buffer | undefined> {
    while (true) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) return chunk;
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        this.#socket.resume();
      });
    }
  }

  unread(chunk: Buffer): void {
    if (chunk.length > 0) this.#queue.unshift(chunk);
  }

  pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#consume = consume;
      this.#deliverQueued();
    });
  }

  write(bytes: Buffer): void | Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(bytes)) return undefined;
    this.#drained ??= newDrained();
    return this.#drained.promise;
  }

  end(): void {
    if (!this.#socket.destroyed) this.#socket.end();
  }

  destroy(error?: Error): void {
    if (error) this.#error ??= error;
    this.#socket.destroy();
  }

  readonly startTls = async (start: TlsStart): Promise<Wire> => {
    const socket = this.#socket;
    for (const chunk of this.#queue.splice(0).reverse()) socket.unshift(chunk);
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError);
    socket.off('close', this.#onClose).off('drain', this.#onDrain);
    // What breaks underneath is told by the TLS socket; nobody else listens here any more.
    socket.on('error', () => undefined);
    const secured = start.side === 'server' ? serverTls(socket, start) : tls.connect({ ...start.options, socket });
    await new Promise<void>((resolve, reject) => {
      const closed = (): void => reject(new PeerFault('tls_closed', 'The connection closed during the TLS handshake'));
      // A client that does not trust us, or that talks something else, is no fault of ours; of a target its caller says more.
      secured.on('error', (cause) => reject(start.side === 'client' ? cause : clientTlsFault(cause)));
      secured.once('close', closed);
      secured.once(start.side === 'server' ? 'secure' : 'secureConnect', () => {
        secured.off('close', closed);
        resolve();
      });
    });
    return new SocketWire(secured);
  };

  readonly #onData = (chunk: Buffer): void => {
    if (this.#consume && !this.#busy && this.#queue.length === 0) {
      this.#deliver(chunk);
      return;
    }
    this.#queue.push(chunk);
    this.#socket.pause();
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake();
    this.#finish();
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
    this.#wake();
    this.#finish();
  };

  readonly #onClose = (): void => {
    this.#ended = true;
    this.#onDrain();
    this.#wake();
    this.#finish();
  };

  readonly #onDrain = (): void => {
    this.#drained?.resolve();
    this.#drained = undefined;
  };

  #wake(): void {
    this.#waiting?.();
    this.#waiting = undefined;
  }

  #deliver(chunk: Buffer): void {
    let held: void | Promise<void>;
    try {
      held = this.#consume?.(chunk);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (held === undefined) return;
    this.#busy = true;
    this.#socket.pause();
    held.then(this.#release, (error: Error) => this.#fail(error));
  }

  readonly #release = (): void => {
    this.#busy = false;
    this.#deliverQueued();
  };

  #deliverQueued(): void {
    while (!this.#busy && !this.#error) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      this.#deliver(chunk);
    }
    if (this.#busy) return;
    if (this.#ended || this.#error) this.#finish();
    else this.#socket.resume();
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#busy = false;
    this.#settle?.reject(this.#error);
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #finish(): void {
    if (this.#busy || !this.#settle) return;
    if (this.#error) this.#settle.reject(this.#error);
    else if (this.#queue.length === 0) this.#settle.resolve();
    else return;
    this.#settle = undefined;
  }
}

function newDrained(): { promise: Promise<void>; resolve(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, resolve };
}

function serverTls(socket: Socket, start: TlsStart & { side: 'server' }): tls.TLSSocket {
  const options = { isServer: true, secureContext: start.context, ALPNProtocols: start.alpn ? [...start.alpn] : undefined };
  return new tls.TLSSocket(socket, options);
}

export interface DialSettings {
  readonly timeout_ms?: number;
  /** The target may say that it sends no more and go on listening. */
  readonly halfOpen?: boolean;
}

/**
 * Dials a TCP address.
 * @throws TargetFault `target_unreachable` with the reason in a few words, never with a stack.
 */
export function dial(host: string, port: number, settings: DialSettings = {}): Promise<SocketWire> {
  const { timeout_ms = TARGET_CONNECT_MS_MAX, halfOpen = false } = settings;
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, noDelay: true, allowHalfOpen: halfOpen });
    const fail = (why: string, cause?: Error): void => {
      socket.destroy();
      reject(new TargetFault('target_unreachable', `The target ${host}:${port} cannot be reached: ${why}`, { cause }));
    };
    const timer = setTimeout(() => fail(`no answer within ${timeout_ms} ms`), timeout_ms);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(DIAL_WORDS[error.code ?? ''] ?? error.message, error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(new SocketWire(socket));
    });
  });
}

const DIAL_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no answer',
  ECONNRESET: 'the connection was reset',
};

function clientTlsFault(cause: Error): PeerFault {
  return new PeerFault('tls_failed', `TLS with the client failed: ${cause.message}`, { cause });
}
