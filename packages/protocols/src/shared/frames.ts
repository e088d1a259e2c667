import { PeerFault } from '@hoop/core/errors';
import { type Cuts, Cutter } from './cutter.ts';
import type { Step } from './step.ts';

/** In front of each message of a cleartext stream of ours: its length. */
export const FRAME_HEADER_BYTES = 4;

/** Puts messages into one piece of the stream. */
export function encodeFrames(messages: readonly Buffer[]): Buffer {
  let length = 0;
  for (const message of messages) length += FRAME_HEADER_BYTES + message.length;
  const stream = Buffer.allocUnsafe(length);
  let at = 0;
  for (const message of messages) {
    at = stream.writeUInt32BE(message.length, at);
    stream.set(message, at);
    at += message.length;
  }
  return stream;
}

/** Cuts one direction of the stream into messages and forwards runs of those that pass as one piece. Only whole messages leave. */
export class FrameRun {
  readonly #cutter: Cutter;

  /** A message of more than `bytesMax` is a fault. */
  constructor(bytesMax: number, take: (message: Buffer) => Step | Promise<Step>, send: (bytes: Buffer) => void | Promise<void>) {
    const cuts: Cuts = {
      needs: (chunk, at) => (chunk.length - at < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : frameBytes(chunk, at, bytesMax)),
      total: (_chunk, _at, needed) => needed,
      take: (chunk, at, end) => take(chunk.subarray(at + FRAME_HEADER_BYTES, end)),
    };
    this.#cutter = new Cutter(cuts, send);
  }

  /** @throws PeerFault `bad_length`, and what `take` throws */
  feed(chunk: Buffer): void | Promise<void> {
    return this.#cutter.feed(chunk);
  }
}

/** Reads a stream into whole messages, for its two ends. */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #take: (message: Buffer) => void;
  /** The beginning of a message, behind its length. What is held is bounded by `bytesMax`. */
  #held: Buffer = Buffer.alloc(FRAME_HEADER_BYTES);
  #heldBytes = 0;

  /** A message is only lent to `take`: who keeps it copies it. One of more than `bytesMax` is a fault. */
  constructor(bytesMax: number, take: (message: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#take = take;
  }

  /** @throws PeerFault `bad_length` */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const end = this.#heldBytes === 0 && chunk.length - at >= FRAME_HEADER_BYTES ? this.#endOf(chunk, at) : 0;
      if (end > 0 && end <= chunk.length) {
        this.#take(chunk.subarray(at + FRAME_HEADER_BYTES, end));
        at = end;
        continue;
      }
      at = this.#hold(chunk, at);
      if (this.#heldBytes < FRAME_HEADER_BYTES || this.#heldBytes < this.#endOf(this.#held, 0)) continue;
      const message = this.#held.subarray(FRAME_HEADER_BYTES, this.#heldBytes);
      this.#heldBytes = 0;
      this.#take(message);
    }
  }

  #endOf(bytes: Buffer, at: number): number {
    return at + frameBytes(bytes, at, this.#bytesMax);
  }

  /** Keeps up to the end of the header, or of the message. Returns how far the chunk was taken. */
  #hold(chunk: Buffer, at: number): number {
    const wanted = this.#heldBytes < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : this.#endOf(this.#held, 0);
    if (this.#held.length < wanted) {
      const larger = Buffer.allocUnsafeSlow(wanted);
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    const taken = Math.min(chunk.length - at, wanted - this.#heldBytes);
    this.#held.set(chunk.subarray(at, at + taken), this.#heldBytes);
    this.#heldBytes += taken;
    return at + taken;
  }
}

/** How long a message is, with what stands in front of it. */
function frameBytes(chunk: Buffer, at: number, bytesMax: number): number {
  const length = chunk.readUInt32BE(at);
  if (length === 0 || length > bytesMax)
    throw new PeerFault('bad_length', `A message claims a length of ${length} bytes, which cannot be`, { facts: { length } });
  return FRAME_HEADER_BYTES + length;
}
