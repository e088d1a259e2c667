import type { FrameStream } from './stream.ts';

/** What a stream is opened with: a path, and headers with lower-case names. */
export interface StreamRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A stream that the peer wants to open. Exactly one of the two is called. */
export interface IncomingStream extends StreamRequest {
  accept(): FrameStream;
  refuse(status: RefusalStatus, message: string): void;
}

/** As gRPC numbers them. */
export type RefusalStatus = typeof STATUS_NOT_FOUND | typeof STATUS_UNIMPLEMENTED | typeof STATUS_INTERNAL | typeof STATUS_UNAUTHENTICATED;
export const STATUS_NOT_FOUND = 5;
export const STATUS_UNIMPLEMENTED = 12;
export const STATUS_INTERNAL = 13;
export const STATUS_UNAUTHENTICATED = 16;

/** One connection between two processes that carries many streams, whatever its wire format. */
export interface Carrier {
  /** Who is at the other end, as `address:port`. */
  readonly peer: string;
  /** False where only the side that dialled can open streams (HTTP/2). */
  readonly canOpen: boolean;
  /**
   * Opens a stream; resolves when the peer has taken it.
   * @throws Refusal with the peer's words, TargetFault `gateway_lost` when the connection broke
   */
  open(request: StreamRequest): Promise<FrameStream>;
  close(): void;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
}
