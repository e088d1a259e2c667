import { FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
import { type AppError, asAppError, PeerFault } from '@hoop/core/errors';
import { STREAM_BUFFER_BYTES_MAX } from '@hoop/core/limits';
import type { FrameStream, StreamHandler } from './stream.ts';

/** Two ends of a stream inside one process: for `standalone`, and for tests of what runs over a tunnel. */
export function memoryStreams(): [FrameStream, FrameStream] {
  const { here, there } = linkedStreams(() => undefined);
  return [here, there];
}

/** A stream that somebody else can cut: both sides hear that it broke. `onOver`: it is destroyed or broken, and will not be again. */
export function linkedStreams(onOver: () => void): { here: FrameStream; there: FrameStream; cut(error: AppError): void } {
  const here = new MemoryStream(onOver);
  const there = new MemoryStream(() => undefined);
  here.join(there);
  there.join(here);
  const cut = (error: AppError): void => {
    here.breaks(error);
    there.breaks(error);
  };
  return { here, there, cut };
}

interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

class MemoryStream implements FrameStream {
  #other: MemoryStream | undefined;
  #handler: StreamHandler | undefined;
  /** What the other side sent and this side has not taken yet. */
  #inbox: Frame[] = [];
  #inboxBytes = 0;
  #taken: { promise: Promise<void>; resolve(): void } | undefined;
  #scheduled = false;
  #busy = false;
  #otherEnded = false;
  #endTold = false;
  #over = false;
  /** Why it broke, while there was nobody to tell. */
  #fault: AppError | undefined;
  readonly #onOver: () => void;

  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  join(other: MemoryStream): void {
    this.#other = other;
  }

  send(kind: FrameKind, payload: Buffer): void | Promise<void> {
    return this.#over ? undefined : this.#other?.accept({ kind, payload });
  }

  receive(handler: StreamHandler): void {
    this.#handler = handler;
    const fault = this.#fault;
    if (fault) queueMicrotask(() => handler.broken(fault));
    else this.#schedule();
  }

  end(): void {
    this.#other?.otherEnds();
  }

  destroy(error?: AppError): void {
    if (this.#over) return;
    this.#over = true;
    this.#onOver();
    this.#release();
    this.#other?.breaks(error ?? new PeerFault('stream_lost', 'The tunnel stream ended before the session did'));
  }

  accept(frame: Frame): void | Promise<void> {
    if (this.#over) return undefined;
    this.#inbox.push(frame);
    this.#inboxBytes += frame.payload.length;
    this.#schedule();
    if (this.#inboxBytes < STREAM_BUFFER_BYTES_MAX) return undefined;
    this.#taken ??= Promise.withResolvers<void>();
    return this.#taken.promise;
  }

  otherEnds(): void {
    this.#otherEnded = true;
    this.#schedule();
  }

  breaks(error: AppError): void {
    if (this.#over) return;
    this.#over = true;
    this.#onOver();
    this.#release();
    if (this.#handler) queueMicrotask(() => this.#handler?.broken(error));
    else this.#fault = error;
  }

  /** Delivery is a turn of its own, so that a handler never runs inside its peer's `send`. */
  #schedule(): void {
    if (this.#scheduled || this.#busy || !this.#handler) return;
    this.#scheduled = true;
    queueMicrotask(this.#deliver);
  }

  readonly #deliver = (): void => {
    this.#scheduled = false;
    const handler = this.#handler;
    if (!handler) return;
    try {
      while (!this.#over && this.#inbox.length > 0) {
        const frames = this.#inbox;
        this.#inbox = [];
        this.#inboxBytes = 0;
        for (let index = 0; index < frames.length; index++) {
          const held = deliverTo(handler, frames[index]);
          if (held) {
            this.#hold(held, frames.slice(index + 1));
            return;
          }
        }
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#release();
    if (this.#otherEnded && !this.#endTold && !this.#over) {
      this.#endTold = true;
      handler.ended();
    }
  };

  #hold(held: Promise<void>, rest: Frame[]): void {
    this.#busy = true;
    this.#inbox = [...rest, ...this.#inbox];
    this.#inboxBytes = this.#inbox.reduce((sum, frame) => sum + frame.payload.length, 0);
    held.then(
      () => {
        this.#busy = false;
        if (this.#inboxBytes < STREAM_BUFFER_BYTES_MAX) this.#release();
        this.#deliver();
      },
      (error) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    const fault = asAppError(error);
    const handler = this.#handler;
    this.destroy(fault);
    handler?.broken(fault);
  }

  #release(): void {
    this.#taken?.resolve();
    this.#taken = undefined;
  }
}

function deliverTo(handler: StreamHandler, frame: Frame | undefined): void | Promise<void> {
  if (!frame) return undefined;
  return frame.kind === FRAME_KINDS.data ? handler.data(frame.payload) : handler.message(frame.kind, frame.payload);
}
