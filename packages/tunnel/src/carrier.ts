import { Refusal } from '@hoop/core/errors';
import type { FrameStream } from './stream.ts';

/** What a stream is opened with: a path, and headers with lower-case names. */
export interface StreamRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A stream that the peer wants to open. Exactly one of the two is called. */
export interface IncomingStream extends StreamRequest {
  /** @throws PeerFault `stream_lost` when the peer does not want it any more */
  accept(): FrameStream;
  /** @param code what programs may match on; without one the status says it all */
  refuse(status: RefusalStatus, message: string, code?: string): void;
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
  /** The peer has proven who it is: from here on it may have what a link may have. */
  trust(): void;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
}

const CODE = /^[a-z][a-z0-9_]{0,63}$/;

/** A peer's no, as the error that it is here. A peer that tells no code is one of before there were codes. */
export function refusalOf(status: number, message: string, code: unknown): Refusal {
  const usual = status === STATUS_UNAUTHENTICATED ? 'unauthenticated' : 'refused';
  return new Refusal(typeof code === 'string' && CODE.test(code) ? code : usual, message);
}
