import type { FrameKind } from '@hoop/contract/tunnel';
import type { AppError } from '@hoop/core/errors';
import type { FrameHandler } from './frame.ts';

/** What a stream's owner hears. */
export interface StreamHandler extends FrameHandler {
  /** The peer will send no more; what it sent before has been delivered. */
  ended(): void;
  /** The stream is over at once, in both directions; nothing more comes. Called at most once, and not after a clean end of both sides. */
  broken(error: AppError): void;
}

/** One ordered, flow-controlled, two-way stream of frames: one client connection. */
export interface FrameStream {
  /**
   * Queues one frame; frames that are sent in one turn leave in one write.
   * A promise means: the peer is slow, await it before the next.
   */
  send(kind: FrameKind, payload: Buffer): void | Promise<void>;
  /** Starts delivery. Called once. Who comes when the stream has broken already hears that. */
  receive(handler: StreamHandler): void;
  /** No more frames from here. */
  end(): void;
  /** Ends both ways at once; the peer hears `broken`. */
  destroy(error?: AppError): void;
}
