import { EventEmitter } from 'node:events';
import { join } from '@hoop/core/bytes';
import { PeerFault } from '@hoop/core/errors';
import { SocketWire, type Wire } from '@hoop/core/wire';
import { encodeFrames, FrameReader } from '../shared/frames.ts';
import { both } from '../shared/step.ts';
import { type LibraryProtocol, sendMessage } from './library.ts';
import { FRAME_BYTES_MAX, RENEWAL_BYTES_MAX, WINDOW_ADJUST_MS } from './limits.ts';
import { CONNECTION_LAYER, KEXINIT, MESSAGE, NOTHINGS } from './messages.ts';
import { WindowAdjusts } from './window-adjusts.ts';

/**
 * One SSH connection as a wire of clear text: the library does what is below the connection layer on the bytes of `wire`,
 * and what is read and written here are frames of that layer. Pulled like every wire: a chunk is decrypted when the frames of
 * the one before have been taken, and when what we had to say has gone out.
 */
export class Transport implements Wire {
  readonly socket: LibrarySocket;
  readonly #wire: Wire;
  readonly #writer: FrameReader;
  #protocol: LibraryProtocol | undefined;
  /** The login is over: messages of the connection layer are ours from here on. */
  #isOpen = false;
  #messages: Buffer[] = [];
  readonly #adjusts = new WindowAdjusts();
  #adjustTimer: NodeJS.Timeout | undefined;
  readonly #queue: Buffer[] = [];
  #consume: ((chunk: Buffer) => void | Promise<void>) | undefined;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  #waiting: (() => void) | undefined;
  #room: { promise: Promise<void>; resolve(): void } | undefined;
  #busy = false;
  #ended = false;
  #saidGoodbye = false;
  #hasLeft = false;
  #bytesTaken = 0;
  /** Of what was written while keys are renewed. */
  #keptBytes = 0;
  #renewal: PromiseWithResolvers<void> | undefined;
  #error: Error | undefined;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#writer = new FrameReader(FRAME_BYTES_MAX, (message) => this.#send(message));
    this.socket = new LibrarySocket(wire, {
      start: () => void this.#read(),
      end: () => this.#libraryEnds(),
    });
    this.early.promise.catch(() => undefined);
  }

  /** Rejects when the connection is over before the other side has said what it speaks. */
  readonly early = Promise.withResolvers<never>();

  /** Takes the library's side of this connection; to be called before keys are agreed upon. */
  attach(protocol: LibraryProtocol): void {
    this.#protocol = protocol;
    const login = protocol._onPayload;
    protocol._onPayload = (message) => {
      const type = message[0] ?? 0;
      if (this.#isOpen && type >= CONNECTION_LAYER) {
        this.#messages.push(message);
        return undefined;
      }
      const taken = login(message);
      if (type === KEXINIT) passOverNothings(protocol);
      return taken;
    };
  }

  /** From now on messages of the connection layer go over this wire. */
  begin(): void {
    this.#isOpen = true;
  }

  get peer(): string {
    return this.#wire.peer;
  }

  /** What has come and gone over the wire. */
  get bytesMoved(): number {
    return this.#bytesTaken + this.socket.bytesWritten;
  }

  get open(): boolean {
    return this.#error === undefined && !this.#saidGoodbye && (this.#hasLeft || this.#wire.open);
  }

  async read(): Promise<Buffer | undefined> {
    while (true) {
      const chunk = this.#queue.shift();
      if (this.#queue.length === 0) this.#release();
      if (chunk !== undefined) return chunk;
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
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

  /** @throws PeerFault when these are no frames */
  write(bytes: Buffer): void | Promise<void> {
    if (!this.open || !this.#protocol) return undefined;
    this.#writer.push(bytes);
    return this.#renewalHolds(bytes.length) ?? this.socket.slow;
  }

  /** While keys are renewed the library keeps what is to be sent, for as long as the other side likes. */
  #renewalHolds(count: number): Promise<void> | undefined {
    if (this.#protocol?._kexinit === undefined) return undefined;
    this.#keptBytes += count;
    if (this.#keptBytes <= RENEWAL_BYTES_MAX) return undefined;
    this.#renewal ??= Promise.withResolvers<void>();
    return this.#renewal.promise;
  }

  #renewed(): void {
    this.#keptBytes = 0;
    this.#renewal?.resolve();
    this.#renewal = undefined;
  }

  end(): void {
    if (this.open && this.#isOpen) this.#sayGoodbye(GOODBYE);
    this.#renewed();
    this.socket.close();
    // Who said goodbye is gone for the library already, which then closes nothing more.
    this.#wire.end();
  }

  destroy(error?: Error): void {
    if (error) this.#fail(error);
    void this.socket.flush();
    this.#wire.destroy(error);
    this.#over();
  }

  /** The connection cannot go on: whoever reads hears why. What becomes of it after the other side's goodbye is no failure. */
  fail(error: Error): void {
    if (!this.#hasLeft) this.#fail(error);
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#over();
  }

  /** After its own errors, and when the other side said goodbye. */
  #libraryEnds(): void {
    if (this.#isOpen) {
      // Who said goodbye has left; what still comes for it is nobody's fault.
      this.#hasLeft = true;
      this.#over();
    } else if (this.#protocol) this.socket.close();
    else this.early.reject(new PeerFault('not_ssh', 'The client does not speak SSH 2.0'));
  }

  #send(message: Buffer): void {
    if (!this.#protocol || this.#saidGoodbye) return;
    if (message[0] === MESSAGE.disconnect) this.#sayGoodbye(message);
    else sendMessage(this.#protocol, message);
  }

  #sayGoodbye(message: Buffer): void {
    this.#saidGoodbye = true;
    // While keys are renewed too: nothing comes after it.
    if (this.#protocol) sendMessage(this.#protocol, message, true);
  }

  async #read(): Promise<void> {
    try {
      await this.#wire.pump((chunk) => this.#take(chunk));
      this.socket.closed();
    } catch (error) {
      this.socket.broken(error as Error);
      if (!this.#hasLeft) this.#error ??= error as Error;
    }
    this.early.reject(this.#error ?? new PeerFault('closed_early', 'The client left before it had said what it speaks'));
    this.#over();
  }

  #take(chunk: Buffer): void | Promise<void> {
    if (this.#ended) return undefined;
    this.#bytesTaken += chunk.length;
    this.socket.emit('data', chunk);
    const isRenewing = this.#protocol?._kexinit !== undefined;
    if (!isRenewing && this.#keptBytes > 0) this.#renewed();
    const messages = this.#messages;
    const said = this.socket.flush();
    if (messages.length === 0) return said;
    this.#messages = [];
    const now = this.#adjusts.gather(messages);
    if (this.#adjusts.size > 0) this.#adjustTimer ??= setTimeout(this.#giveAdjusts, WINDOW_ADJUST_MS);
    if (now.length === 0) return said;
    const held = this.#deliver(encodeFrames(now));
    // What ends the renewal must be read, whoever holds back what came in front of it; and nothing else comes before that.
    return isRenewing ? said : both(said, held);
  }

  readonly #giveAdjusts = (): void => {
    this.#adjustTimer = undefined;
    const messages = this.#adjusts.release();
    if (messages.length > 0 && !this.#ended) void this.#deliver(encodeFrames(messages));
  };

  /** A promise holds back the next chunk. */
  #deliver(frames: Buffer): void | Promise<void> {
    if (this.#consume && !this.#busy && this.#queue.length === 0) {
      this.#hand(frames);
      if (!this.#busy) return undefined;
    } else {
      this.#queue.push(frames);
      this.#waiting?.();
      this.#waiting = undefined;
    }
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  #hand(frames: Buffer): void {
    let held: void | Promise<void>;
    try {
      held = this.#consume?.(frames);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (held === undefined) return;
    this.#busy = true;
    held.then(
      () => {
        this.#busy = false;
        this.#deliverQueued();
      },
      (error: Error) => {
        this.#busy = false;
        this.#fail(error);
      },
    );
  }

  #deliverQueued(): void {
    while (!this.#busy && !this.#error) {
      const frames = this.#queue.shift();
      if (frames === undefined) break;
      this.#hand(frames);
    }
    if (this.#busy) return;
    this.#release();
    this.#finish();
  }

  #release(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #over(): void {
    this.#ended = true;
    clearTimeout(this.#adjustTimer);
    this.#renewed();
    this.#waiting?.();
    this.#waiting = undefined;
    if (this.#error) this.#release();
    this.#finish();
  }

  #finish(): void {
    if (!this.#ended || this.#busy || !this.#settle) return;
    if (this.#error) this.#settle.reject(this.#error);
    else if (this.#queue.length === 0) this.#settle.resolve();
    else return;
    this.#settle = undefined;
  }
}

/**
 * Messages without a meaning may come while keys are renewed. The library takes them for a breach of the strict key exchange then too, which
 * forbids them before the first keys only. (OpenSSH's PROTOCOL, section 1.10)
 */
function passOverNothings({ _decipher: decipher }: LibraryProtocol): void {
  const renew = decipher._onPayload;
  decipher._onPayload = (message) => (NOTHINGS.has(message[0] ?? 0) ? undefined : renew(message));
}

/** By application, without words: the session is over as it should be. */
const GOODBYE = Buffer.from([MESSAGE.disconnect, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Stands in for the socket that the library expects. What it writes in one turn of the event loop leaves in one system call. */
export class LibrarySocket extends EventEmitter {
  writable = true;
  bytesWritten = 0;
  readonly readable = true;
  /** The library looks here to see whether the other side has ended. */
  readonly _readableState = { ended: false };
  readonly #wire: Wire;
  readonly #owner: { start(): void; end(): void };
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isFlushing = false;
  #slow: Promise<void> | undefined;
  #isStarted = false;

  constructor(wire: Wire, owner: { start(): void; end(): void }) {
    super();
    this.#wire = wire;
    this.#owner = owner;
  }

  write(bytes: Buffer): boolean {
    this.bytesWritten += bytes.length;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > PENDING_BYTES_MAX) void this.flush();
    else if (!this.#isFlushing) {
      this.#isFlushing = true;
      setImmediate(this.#flushSoon);
    }
    return true;
  }

  readonly #flushSoon = (): void => {
    this.#isFlushing = false;
    void this.flush();
  };

  /** Whether the other side takes what was sent: a promise until it does. */
  get slow(): Promise<void> | undefined {
    return this.#slow;
  }

  /** Sends what is pending; a promise means that the other side is slow. */
  flush(): void | Promise<void> {
    if (this.#pending.length === 0) return this.#slow;
    const pieces = joinSmall(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    const held = this.#writeAll(pieces);
    if (held) {
      this.#slow = held.finally(() => {
        this.#slow = undefined;
      });
    }
    return this.#slow;
  }

  /** In one system call, and without a copy where a socket can take pieces. */
  #writeAll(pieces: readonly Buffer[]): void | Promise<void> {
    if (!(this.#wire instanceof SocketWire)) return this.#wire.write(join(pieces));
    const { socket } = this.#wire;
    socket.cork();
    let held = both(undefined, undefined);
    for (const piece of pieces) held = this.#wire.write(piece);
    socket.uncork();
    return held;
  }

  /** The library ends it. */
  end(): void {
    if (this.writable) this.#owner.end();
  }

  /** No more is written. */
  close(): void {
    if (!this.writable) return;
    void this.flush();
    this.writable = false;
    this.#wire.end();
  }

  /** Reading begins. */
  resume(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#owner.start();
  }

  pause(): void {
    // The library pauses once, before it is ready; reading has not begun then.
  }

  closed(): void {
    if (this._readableState.ended) return;
    this._readableState.ended = true;
    this.emit('end');
    this.writable = false;
    this.emit('close');
  }

  broken(error: Error): void {
    if (this._readableState.ended) return;
    this._readableState.ended = true;
    this.writable = false;
    this.emit('error', error);
    this.emit('close');
  }
}

/** Packets that wait for the end of the turn leave at once past this. */
const PENDING_BYTES_MAX = 128 * 1024;

/** A write of a piece costs more than copying this much. */
const SMALL_BYTES_MAX = 4 * 1024;

/** Neighbours that are small become one piece: a large packet has its length in front of it and its tag behind. */
function joinSmall(pieces: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  let small: Buffer[] = [];
  for (const piece of pieces) {
    if (piece.length <= SMALL_BYTES_MAX) {
      small.push(piece);
      continue;
    }
    if (small.length > 0) joined.push(join(small));
    small = [];
    joined.push(piece);
  }
  if (small.length > 0) joined.push(join(small));
  return joined;
}

/** What the library says when it meets bytes that are not SSH, in our words. */
export function transportFault(error: Error): Error {
  if (error instanceof PeerFault || 'syscall' in error) return error;
  if (/identification|header/i.test(error.message)) return new PeerFault('not_ssh', 'The client does not speak SSH 2.0', { cause: error });
  if (/packet length/i.test(error.message))
    return new PeerFault('bad_length', 'An SSH packet has a length that cannot be', { cause: error });
  return new PeerFault('bad_message', `SSH failed: ${error.message}`, { cause: error });
}
