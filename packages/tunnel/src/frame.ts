import { FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
import { PeerFault } from '@hoop/core/errors';
import { TUNNEL_FRAME_BYTES_MAX } from '@hoop/core/limits';

/**
 * Frames inside gRPC's message framing, so that gRPC-aware load balancers pass them:
 *
 *   u8 compressed = 0 | u32 length of what follows | u8 kind | payload
 */
export const FRAME_HEADER_BYTES = 6;

/** Receives what a stream carries. A promise holds back whatever comes next on this stream. */
export interface FrameHandler {
  /** Bytes of the protocol. A data frame may come in several pieces: the border of a frame means nothing. */
  data(bytes: Buffer): void | Promise<void>;
  /** A whole frame of any other kind. */
  message(kind: FrameKind, payload: Buffer): void | Promise<void>;
}

/** Writes a frame's header into a buffer of at least `FRAME_HEADER_BYTES`. */
export function writeFrameHeader(target: Buffer, at: number, kind: FrameKind, payload_bytes: number): void {
  const length = payload_bytes + 1;
  target[at] = 0;
  target[at + 1] = length >>> 24;
  target[at + 2] = length >>> 16;
  target[at + 3] = length >>> 8;
  target[at + 4] = length;
  target[at + 5] = kind;
}

/** One frame as bytes. */
export function encodeFrame(kind: FrameKind, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(frame, 0, kind, payload.length);
  payload.copy(frame, FRAME_HEADER_BYTES);
  return frame;
}

const KINDS = new Set<number>(Object.values(FRAME_KINDS));

/** Cuts a stream of chunks into frames. Chunks may be cut anywhere. */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #kind: FrameKind = FRAME_KINDS.data;
  /** Payload bytes of the current frame that have not come yet. */
  #left = 0;
  #parts: Buffer[] = [];

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** @throws PeerFault `bad_frame` on a length or kind that cannot be. */
  push(chunk: Buffer): void | Promise<void> {
    return this.#run(chunk, 0);
  }

  #run(chunk: Buffer, start: number): void | Promise<void> {
    let at = start;
    while (at < chunk.length) {
      if (this.#left === 0) {
        at = this.#readHeader(chunk, at);
        if (this.#headerBytes > 0) return undefined;
        if (this.#left > 0) continue;
      }
      const end = Math.min(chunk.length, at + this.#left);
      const piece = chunk.subarray(at, end);
      this.#left -= end - at;
      at = end;
      const held = this.#deliver(piece);
      if (held) return held.then(() => this.#run(chunk, at));
    }
    return undefined;
  }

  #deliver(piece: Buffer): void | Promise<void> {
    if (this.#kind === FRAME_KINDS.data) return piece.length > 0 ? this.#handler.data(piece) : undefined;
    if (this.#left > 0 || this.#parts.length > 0) this.#parts.push(piece);
    if (this.#left > 0) return undefined;
    const payload = this.#parts.length > 0 ? Buffer.concat(this.#parts) : piece;
    this.#parts = [];
    return this.#handler.message(this.#kind, payload);
  }

  /** Consumes header bytes; `#headerBytes` is 0 again when the header is whole. */
  #readHeader(chunk: Buffer, start: number): number {
    let at = start;
    while (this.#headerBytes < FRAME_HEADER_BYTES && at < chunk.length) {
      this.#header[this.#headerBytes++] = chunk[at++] ?? 0;
    }
    if (this.#headerBytes < FRAME_HEADER_BYTES) return at;
    this.#headerBytes = 0;
    const length = this.#header.readUInt32BE(1);
    const kind = this.#header[5] ?? 0;
    if (this.#header[0] !== 0 || length < 1 || length - 1 > TUNNEL_FRAME_BYTES_MAX || !KINDS.has(kind)) {
      throw new PeerFault('bad_frame', 'The tunnel peer sent a frame that cannot be; check that both sides are of a compatible version');
    }
    this.#kind = kind as FrameKind;
    this.#left = length - 1;
    return at;
  }
}
