import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
import { PeerFault, TargetFault } from '@hoop/core/errors';
import { TUNNEL_FRAME_BYTES_MAX } from '@hoop/core/limits';
import { type Carrier, type IncomingStream, refusalOf, type StreamRequest } from './carrier.ts';
import { type MuxPort, MuxStream } from './mux-stream.ts';
import { Pulse } from './pulse.ts';
import { type PulseLimits, STRANGER_BYTES_MAX, STRANGER_STREAMS_MAX, STREAMS_PER_LINK_MAX } from './settings.ts';
import type { FrameStream } from './stream.ts';

/**
 * Many streams on one connection, be it TCP, TLS or a WebSocket.
 *
 *   preface  "HOOP/1\r\n", once, from the side that dialled
 *   frame    u32 payload bytes | u32 stream | u8 kind | payload
 *
 * Streams of the dialling side have odd numbers, those of the other side even ones. Kinds below 16 are the stream's own frames.
 * Credit holds back each stream by itself; all streams share writes: what is sent in one turn of the event loop leaves as one.
 */
export const MUX_PREFACE = Buffer.from('HOOP/1\r\n');
export const MUX_ALPN = 'hoop/1';

const HEADER_BYTES = 9;

const KIND = { open: 16, accept: 17, refuse: 18, end: 19, reset: 20, credit: 21, ping: 22, pong: 23 } as const;

/** Frames up to this size are copied into one buffer with their neighbours; larger ones are written as they are. */
const COPY_BYTES_MAX = 32 * 1024;

/** Small frames that wait for the end of the turn are written at once past this. */
const PENDING_BYTES_MAX = 256 * 1024;

interface Pending {
  readonly id: number;
  readonly kind: number;
  readonly payload: Buffer;
}

export interface MuxOptions {
  readonly socket: Duplex;
  /** Who is at the other end, as `address:port`; a socket knows by itself. */
  readonly peer?: string;
  /** Whether this side dialled. */
  readonly dialled: boolean;
  /** The peer has proven nothing yet, and is held to little until `trust` is called. */
  readonly stranger?: boolean;
  readonly pulse?: PulseLimits | undefined;
  onStream(incoming: IncomingStream): void;
}

export class MuxCarrier implements Carrier, MuxPort {
  readonly peer: string;
  readonly canOpen = true;
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #onStream: (incoming: IncomingStream) => void;
  readonly #streams = new Map<number, MuxStream>();
  readonly #opening = new Map<number, { resolve(stream: FrameStream): void; reject(error: Error): void }>();
  #nextId: number;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #flushing = false;
  #drained: { promise: Promise<void>; resolve(): void } | undefined;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  /** Bytes of the preface that the other side has not sent yet. */
  #prefaceLeft: number;
  #left = 0;
  #kind = 0;
  #stream = 0;
  #parts: Buffer[] = [];
  readonly #pulse: Pulse;
  #received = 0;
  #isStranger: boolean;
  /** Streams that the peer opened while it was a stranger. */
  #strangerStreams = 0;

  constructor(options: MuxOptions) {
    const { socket } = options;
    this.#socket = socket;
    this.#onStream = options.onStream;
    this.#nextId = options.dialled ? 1 : 2;
    this.#prefaceLeft = options.dialled ? 0 : MUX_PREFACE.length;
    this.peer = options.peer ?? addressOf(socket as Partial<Socket>);
    this.#isStranger = options.stranger ?? false;
    if (options.dialled) socket.write(MUX_PREFACE);
    socket.on('data', this.#onData);
    // Whoever looked at the first bytes paused it.
    socket.resume();
    socket.on('drain', this.#onDrain);
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.destroy());
    const hooks = {
      received: () => this.#received,
      ping: () => void this.write(0, KIND.ping, NOTHING),
      dead: () => void socket.destroy(),
    };
    this.#pulse = new Pulse(hooks, options.pulse);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#pulse.stop();
        this.#onClose();
        resolve();
      });
    });
  }

  trust(): void {
    this.#isStranger = false;
  }

  open(request: StreamRequest): Promise<FrameStream> {
    if (this.#socket.destroyed || this.#streams.size >= STREAMS_PER_LINK_MAX) {
      return Promise.reject(
        this.#socket.destroyed ? lost() : new TargetFault('too_many_streams', 'The tunnel carries as many streams as it can'),
      );
    }
    const id = this.#nextId;
    this.#nextId += 2;
    return new Promise((resolve, reject) => {
      this.#opening.set(id, { resolve, reject });
      this.#streams.set(id, new MuxStream(id, this));
      void this.write(id, KIND.open, Buffer.from(JSON.stringify(request)));
    });
  }

  close(): void {
    this.#flush();
    this.#socket.end(() => this.#socket.destroy());
    // Whoever does not read does not keep us waiting.
    setTimeout(() => this.#socket.destroy(), CLOSE_MS_MAX).unref();
  }

  write(id: number, kind: number, payload: Buffer): void | Promise<void> {
    if (payload.length > COPY_BYTES_MAX) {
      this.#flush();
      const header = Buffer.allocUnsafe(HEADER_BYTES);
      writeHeader(header, 0, id, kind, payload.length);
      this.#socket.cork();
      this.#socket.write(header);
      const more = this.#socket.write(payload);
      this.#socket.uncork();
      this.#pulse.sent();
      return more ? undefined : this.#waitDrain();
    }
    this.#pending.push({ id, kind, payload });
    this.#pendingBytes += HEADER_BYTES + payload.length;
    if (this.#pendingBytes > PENDING_BYTES_MAX) this.#flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(this.#flushSoon);
    }
    return this.#socket.writableNeedDrain ? this.#waitDrain() : undefined;
  }

  end(id: number): void {
    void this.write(id, KIND.end, NOTHING);
  }

  reset(id: number): void {
    void this.write(id, KIND.reset, NOTHING);
  }

  credit(id: number, bytes: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(bytes);
    void this.write(id, KIND.credit, payload);
  }

  forget(id: number): void {
    this.#streams.delete(id);
  }

  readonly #flushSoon = (): void => {
    this.#flushing = false;
    this.#flush();
  };

  /** One buffer, one TLS record, one system call for all that was sent in this turn. */
  #flush(): void {
    const frames = this.#pending;
    if (frames.length === 0) return;
    const bytes = Buffer.allocUnsafe(this.#pendingBytes);
    let at = 0;
    for (const { id, kind, payload } of frames) {
      writeHeader(bytes, at, id, kind, payload.length);
      bytes.set(payload, at + HEADER_BYTES);
      at += HEADER_BYTES + payload.length;
    }
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#socket.destroyed) return;
    this.#socket.write(bytes);
    this.#pulse.sent();
  }

  #waitDrain(): Promise<void> | undefined {
    if (this.#socket.destroyed) return undefined;
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  readonly #onDrain = (): void => {
    this.#drained?.resolve();
    this.#drained = undefined;
  };

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#received += chunk.length;
      if (this.#isStranger && this.#received > STRANGER_BYTES_MAX) throw tooMuch();
      let at = this.#prefaceLeft > 0 ? this.#readPreface(chunk) : 0;
      while (at < chunk.length) {
        if (this.#left === 0) {
          at = this.#readHeader(chunk, at);
          continue;
        }
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        this.#take(chunk.subarray(at, end));
        at = end;
      }
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  };

  #readPreface(chunk: Buffer): number {
    const from = MUX_PREFACE.length - this.#prefaceLeft;
    const taken = Math.min(this.#prefaceLeft, chunk.length);
    if (!MUX_PREFACE.subarray(from, from + taken).equals(chunk.subarray(0, taken))) throw badFrame();
    this.#prefaceLeft -= taken;
    return taken;
  }

  /** @throws PeerFault `bad_frame` */
  #readHeader(chunk: Buffer, start: number): number {
    const header = this.#header;
    let at = start;
    while (this.#headerBytes < HEADER_BYTES && at < chunk.length) header[this.#headerBytes++] = chunk[at++] ?? 0;
    if (this.#headerBytes < HEADER_BYTES) return at;
    this.#headerBytes = 0;
    this.#left = header.readUInt32BE(0);
    this.#stream = header.readUInt32BE(4);
    this.#kind = header[8] ?? 0;
    if (this.#left > TUNNEL_FRAME_BYTES_MAX) throw badFrame();
    if (this.#left === 0) this.#frame(NOTHING);
    return at;
  }

  /** A piece of the current frame: data goes on at once, anything else when it is whole. */
  #take(piece: Buffer): void {
    if (this.#kind === FRAME_KINDS.data) {
      this.#streams.get(this.#stream)?.deliver(FRAME_KINDS.data, piece);
      return;
    }
    if (this.#left === 0 && this.#parts.length === 0) {
      this.#frame(piece);
      return;
    }
    this.#parts.push(piece);
    if (this.#left > 0) return;
    const payload = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#frame(payload);
  }

  #frame(payload: Buffer): void {
    const stream = this.#streams.get(this.#stream);
    switch (this.#kind) {
      case KIND.open:
        this.#onOpen(this.#stream, payload);
        return;
      case KIND.accept:
        this.#onAccept(this.#stream, stream);
        return;
      case KIND.refuse:
        this.#refused(this.#stream, payload);
        return;
      case KIND.end:
        stream?.peerEnds();
        return;
      case KIND.reset:
        this.#opened(this.#stream)?.reject(lost());
        stream?.breaks(new PeerFault('stream_lost', 'The tunnel stream ended before the session did'));
        return;
      case KIND.credit:
        if (payload.length !== 4) throw badFrame();
        stream?.addCredit(payload.readUInt32BE(0));
        return;
      case KIND.ping:
        void this.write(0, KIND.pong, NOTHING);
        return;
      case KIND.pong:
        return;
      default:
        if (this.#kind > FRAME_KIND_MAX) throw badFrame();
        stream?.deliver(this.#kind as FrameKind, payload);
    }
  }

  #onOpen(id: number, payload: Buffer): void {
    const ours = id % 2 === this.#nextId % 2;
    if (this.#isStranger && ++this.#strangerStreams > STRANGER_STREAMS_MAX) throw tooMuch();
    if (ours || id === 0 || this.#streams.has(id) || this.#streams.size >= STREAMS_PER_LINK_MAX) throw badFrame();
    const { path, headers } = JSON.parse(payload.toString('utf8')) as StreamRequest;
    const stream = new MuxStream(id, this);
    this.#streams.set(id, stream);
    this.#onStream({
      path: String(path),
      headers: headers ?? {},
      accept: () => {
        stream.accept();
        void this.write(id, KIND.accept, NOTHING);
        return stream;
      },
      refuse: (status, message, code) => {
        this.#streams.delete(id);
        void this.write(id, KIND.refuse, Buffer.from(JSON.stringify({ status, message, code })));
      },
    });
  }

  #onAccept(id: number, stream: MuxStream | undefined): void {
    const waiting = this.#opened(id);
    if (!waiting || !stream) return;
    stream.accept();
    waiting.resolve(stream);
  }

  #refused(id: number, payload: Buffer): void {
    const { status, message, code } = JSON.parse(payload.toString('utf8')) as { status: number; message: string; code?: unknown };
    const waiting = this.#opened(id);
    // One that was taken already is not over by it: whoever has it would not hear of its end.
    if (!waiting) return;
    this.#streams.delete(id);
    waiting.reject(refusalOf(status, String(message), code));
  }

  #opened(id: number): { resolve(stream: FrameStream): void; reject(error: Error): void } | undefined {
    const waiting = this.#opening.get(id);
    this.#opening.delete(id);
    return waiting;
  }

  #onClose(): void {
    this.#onDrain();
    for (const waiting of this.#opening.values()) waiting.reject(lost());
    this.#opening.clear();
    for (const stream of [...this.#streams.values()])
      stream.breaks(new PeerFault('stream_lost', 'The tunnel broke before the session ended'));
  }
}

const NOTHING = Buffer.alloc(0);
const CLOSE_MS_MAX = 1_000;
const FRAME_KIND_MAX = 15;

function writeHeader(target: Buffer, at: number, id: number, kind: number, bytes: number): void {
  target[at] = bytes >>> 24;
  target[at + 1] = bytes >>> 16;
  target[at + 2] = bytes >>> 8;
  target[at + 3] = bytes;
  target[at + 4] = id >>> 24;
  target[at + 5] = id >>> 16;
  target[at + 6] = id >>> 8;
  target[at + 7] = id;
  target[at + 8] = kind;
}

function badFrame(): PeerFault {
  return new PeerFault('bad_frame', 'The tunnel peer sent a frame that cannot be; check that both sides are of a compatible version');
}

function tooMuch(): PeerFault {
  return new PeerFault('stranger', 'The tunnel peer wants more than anybody may who has not proven who it is');
}

function addressOf({ remoteAddress, remotePort }: Partial<Socket>): string {
  return `${remoteAddress ?? 'unknown'}:${remotePort ?? 0}`;
}

function lost(): TargetFault {
  return new TargetFault('gateway_lost', 'The link to the gateway broke; it is dialled again');
}
