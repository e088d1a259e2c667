import { FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
import { type AppError, asAppError, PeerFault } from '@hoop/core/errors';
import { TUNNEL_FRAME_BYTES_MAX } from '@hoop/core/limits';
import { STREAM_WINDOW_BYTES } from './settings.ts';
import type { FrameStream, StreamHandler } from './stream.ts';

/** Credit goes back in pieces of this size: a frame for each chunk would cost more than the chunk. */
const CREDIT_BYTES = STREAM_WINDOW_BYTES / 2;

/** What a stream needs of its connection. */
export interface MuxPort {
  /** Queues a frame; a promise means that the connection itself is slow. */
  write(id: number, kind: number, payload: Buffer): void | Promise<void>;
  end(id: number): void;
  reset(id: number): void;
  credit(id: number, bytes: number): void;
  forget(id: number): void;
}

interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

/** One stream of a `MuxCarrier`, with credit of its own in each direction. */
export class MuxStream implements FrameStream {
  readonly id: number;
  readonly #port: MuxPort;
  #handler: StreamHandler | undefined;
  /** What came while the handler was busy, or before there was one; the sender's credit bounds it. */
  #inbox: Frame[] = [];
  #inboxBytes = 0;
  #busy = false;
  /** Bytes that were dealt with and not given back as credit yet. */
  #consumed = 0;
  #credit = STREAM_WINDOW_BYTES;
  #credited: { promise: Promise<void>; resolve(): void } | undefined;
  /** Nothing may come on a stream that was not accepted: a peer that is not known yet cannot make us keep anything. */
  #accepted = false;
  #ended = false;
  #peerEnded = false;
  #endTold = false;
  #over = false;
  /** Why it broke, while there was nobody to tell. */
  #fault: AppError | undefined;

  constructor(id: number, port: MuxPort) {
    this.id = id;
    this.#port = port;
  }

  /** Both sides have agreed on the stream. */
  accept(): void {
    this.#accepted = true;
  }

  send(kind: FrameKind, payload: Buffer): void | Promise<void> {
    if (this.#over || this.#ended) return undefined;
    this.#credit -= payload.length;
    const held = this.#port.write(this.id, kind, payload);
    if (this.#credit > 0) return held;
    this.#credited ??= Promise.withResolvers<void>();
    return this.#credited.promise;
  }

  receive(handler: StreamHandler): void {
    this.#handler = handler;
    const fault = this.#fault;
    if (fault) queueMicrotask(() => handler.broken(fault));
    else this.#drain();
  }

  end(): void {
    if (this.#ended || this.#over) return;
    this.#ended = true;
    this.#port.end(this.id);
    this.#closeIfDone();
  }

  destroy(_error?: AppError): void {
    if (this.#over) return;
    this.#port.reset(this.id);
    this.#close();
  }

  /** The connection brought a frame, or a piece of a data frame. @throws PeerFault when the peer ignores its credit */
  deliver(kind: FrameKind, payload: Buffer): void {
    if (this.#over) return;
    if (!this.#accepted) throw new PeerFault('bad_frame', 'The tunnel peer sends on a stream that was not accepted');
    if (this.#handler && !this.#busy && this.#inbox.length === 0) {
      this.#hand(kind, payload);
      return;
    }
    this.#inbox.push({ kind, payload });
    this.#inboxBytes += payload.length;
    if (this.#inboxBytes > STREAM_WINDOW_BYTES + TUNNEL_FRAME_BYTES_MAX)
      throw new PeerFault('credit_ignored', 'The tunnel peer sends more than it was given credit for');
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > 0) this.#release();
  }

  peerEnds(): void {
    this.#peerEnded = true;
    this.#drain();
  }

  /** The peer reset the stream, or the connection is gone. */
  breaks(error: AppError): void {
    if (this.#over) return;
    this.#close();
    if (this.#handler) this.#handler.broken(error);
    else this.#fault = error;
  }

  #hand(kind: FrameKind, payload: Buffer): void {
    const handler = this.#handler;
    if (!handler) return;
    try {
      const held = kind === FRAME_KINDS.data ? handler.data(payload) : handler.message(kind, payload);
      if (!held) {
        this.#consume(payload.length);
        return;
      }
      this.#busy = true;
      held.then(
        () => {
          this.#busy = false;
          this.#consume(payload.length);
          this.#drain();
        },
        (error) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  #drain(): void {
    while (this.#handler && !this.#busy && !this.#over) {
      const frame = this.#inbox.shift();
      if (!frame) break;
      this.#inboxBytes -= frame.payload.length;
      this.#hand(frame.kind, frame.payload);
    }
    if (!this.#peerEnded || this.#endTold || this.#busy || this.#over || this.#inbox.length > 0 || !this.#handler) return;
    this.#endTold = true;
    this.#handler.ended();
    this.#closeIfDone();
  }

  #consume(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < CREDIT_BYTES || this.#over) return;
    this.#port.credit(this.id, this.#consumed);
    this.#consumed = 0;
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#port.reset(this.id);
    this.#close();
    this.#handler?.broken(asAppError(error));
  }

  #closeIfDone(): void {
    if (this.#ended && this.#endTold) this.#close();
  }

  #close(): void {
    this.#over = true;
    this.#inbox = [];
    this.#release();
    this.#port.forget(this.id);
  }

  #release(): void {
    this.#credited?.resolve();
    this.#credited = undefined;
  }
}
