import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import type { FrameKind } from '@hoop/contract/tunnel';
import { type AppError, asAppError, PeerFault } from '@hoop/core/errors';
import { FRAME_HEADER_BYTES, FrameReader, writeFrameHeader } from './frame.ts';
import type { FrameStream, StreamHandler } from './stream.ts';

/** Frames up to this size are copied into one buffer with their neighbours; larger ones are written as they are. */
const COPY_BYTES_MAX = 16 * 1024;

/** A frame stream over one HTTP/2 stream, whichever side opened it. */
export class H2FrameStream implements FrameStream {
  readonly #h2: ClientHttp2Stream | ServerHttp2Stream;
  #small: { kind: FrameKind; payload: Buffer }[] = [];
  #smallBytes = 0;
  #flushing = false;
  #drained: { promise: Promise<void>; resolve(): void } | undefined;
  #over = false;
  #peerEnded = false;
  #broken = false;
  /** Why it broke, while there was nobody to tell. */
  #fault: AppError | undefined;
  #handler: StreamHandler | undefined;

  constructor(h2: ClientHttp2Stream | ServerHttp2Stream) {
    this.#h2 = h2;
    h2.pause();
    h2.on('drain', this.#onDrain);
    h2.on('error', (error) => this.#break(error));
    h2.on('aborted', () => this.#break(lost()));
    h2.on('close', () => {
      this.#onDrain();
      if (!this.#peerEnded || h2.rstCode !== constants.NGHTTP2_NO_ERROR) this.#break(lost());
      this.#over = true;
    });
  }

  send(kind: FrameKind, payload: Buffer): void | Promise<void> {
    if (this.#over) return undefined;
    if (payload.length > COPY_BYTES_MAX) {
      this.#flush();
      if (this.#h2.destroyed || this.#h2.writableEnded) return undefined;
      const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
      writeFrameHeader(header, 0, kind, payload.length);
      this.#h2.cork();
      this.#h2.write(header);
      const more = this.#h2.write(payload);
      this.#h2.uncork();
      return more ? undefined : this.#waitDrain();
    }
    this.#small.push({ kind, payload });
    this.#smallBytes += FRAME_HEADER_BYTES + payload.length;
    if (!this.#flushing) {
      this.#flushing = true;
      queueMicrotask(this.#flushSoon);
    }
    if (this.#smallBytes < COPY_BYTES_MAX && !this.#h2.writableNeedDrain) return undefined;
    this.#flush();
    return this.#h2.writableNeedDrain ? this.#waitDrain() : undefined;
  }

  receive(handler: StreamHandler): void {
    this.#handler = handler;
    const fault = this.#fault;
    if (fault) {
      queueMicrotask(() => handler.broken(fault));
      return;
    }
    const reader = new FrameReader(handler);
    const fail = (error: unknown): void => this.#break(error);
    let busy = false;
    let told = false;
    const ended = (): void => {
      if (!this.#peerEnded || busy || told || this.#broken) return;
      told = true;
      handler.ended();
    };
    const release = (): void => {
      busy = false;
      if (this.#peerEnded) ended();
      else if (!this.#over) this.#h2.resume();
    };
    this.#h2.on('data', (chunk: Buffer) => {
      try {
        const held = reader.push(chunk);
        if (!held) return;
        busy = true;
        this.#h2.pause();
        held.then(release, fail);
      } catch (error) {
        fail(error);
      }
    });
    // Node ends a stream in front of resetting it, and ends a paused one whose last chunk is still being dealt with.
    this.#h2.on('end', () => {
      this.#peerEnded = true;
      setImmediate(() => {
        if (this.#h2.rstCode === constants.NGHTTP2_NO_ERROR) ended();
      });
    });
    this.#h2.resume();
  }

  end(): void {
    this.#flush();
    if (!this.#h2.writableEnded && !this.#h2.destroyed) this.#h2.end();
  }

  destroy(error?: AppError): void {
    if (this.#h2.destroyed) return;
    this.#flush();
    this.#over = true;
    this.#broken = true;
    this.#h2.close(error ? constants.NGHTTP2_INTERNAL_ERROR : constants.NGHTTP2_CANCEL);
  }

  readonly #flushSoon = (): void => {
    this.#flushing = false;
    this.#flush();
  };

  /** Writes what waits as one buffer: a write a frame would cost a TLS record and a system call each. */
  #flush(): void {
    const frames = this.#small;
    if (frames.length === 0) return;
    const bytes = Buffer.allocUnsafe(this.#smallBytes);
    let at = 0;
    for (const { kind, payload } of frames) {
      writeFrameHeader(bytes, at, kind, payload.length);
      bytes.set(payload, at + FRAME_HEADER_BYTES);
      at += FRAME_HEADER_BYTES + payload.length;
    }
    this.#small = [];
    this.#smallBytes = 0;
    if (!this.#h2.destroyed && !this.#h2.writableEnded) this.#h2.write(bytes);
  }

  #waitDrain(): Promise<void> | undefined {
    if (this.#h2.destroyed) return undefined;
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  readonly #onDrain = (): void => {
    this.#drained?.resolve();
    this.#drained = undefined;
  };

  #break(error: unknown): void {
    if (this.#over || this.#broken) return;
    this.#over = true;
    this.#broken = true;
    this.#onDrain();
    const fault = error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_HTTP2') ? lost(error) : asAppError(error);
    if (!this.#h2.destroyed) this.#h2.close(constants.NGHTTP2_CANCEL);
    if (this.#handler) this.#handler.broken(fault);
    else this.#fault = fault;
  }
}

function lost(cause?: unknown): PeerFault {
  return new PeerFault('stream_lost', 'The tunnel stream ended before the session did', { cause });
}
