import { PeerFault } from '@hoop/core/errors';

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

/** What becomes of a message: it passes as it is, it goes no further, or these frames go in its place. */
export type Step = 'pass' | 'drop' | Buffer;

/** Cuts one direction of the stream into messages and forwards runs of those that pass as one piece. Only whole messages leave. */
export class FrameRun {
  readonly #bytesMax: number;
  readonly #take: (message: Buffer) => Step;
  readonly #send: (bytes: Buffer) => void | Promise<void>;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #needed = 0;

  constructor(bytesMax: number, take: (message: Buffer) => Step, send: (bytes: Buffer) => void | Promise<void>) {
    this.#bytesMax = bytesMax;
    this.#take = take;
    this.#send = send;
  }

  /** Everything that the chunk completes goes on in one write. @throws PeerFault `bad_length`, and what `take` throws */
  feed(chunk: Buffer): void | Promise<void> {
    const whole = this.#join(chunk);
    if (whole === undefined) return undefined;
    const out: Buffer[] = [];
    /** [from, at) passes unchanged. */
    let from = 0;
    let at = 0;
    while (at < whole.length) {
      const end = this.#endOf(whole, at);
      if (end === undefined) break;
      const step = this.#take(whole.subarray(at + FRAME_HEADER_BYTES, end));
      if (step !== 'pass') {
        if (at > from) out.push(whole.subarray(from, at));
        if (step !== 'drop' && step.length > 0) out.push(step);
        from = end;
      }
      at = end;
    }
    if (at > from) out.push(whole.subarray(from, at));
    const [first] = out;
    if (first === undefined) return undefined;
    return this.#send(out.length === 1 ? first : Buffer.concat(out));
  }

  /** With what was held back, once a whole message can be there: joining for every chunk would copy a large one over and over. */
  #join(chunk: Buffer): Buffer | undefined {
    if (this.#heldBytes === 0) return chunk;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#needed) return undefined;
    const whole = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return whole;
  }

  /** Where the message at `at` ends; undefined where it is not complete, and is held. */
  #endOf(whole: Buffer, at: number): number | undefined {
    const left = whole.length - at;
    if (left < FRAME_HEADER_BYTES) return this.#hold(whole.subarray(at), FRAME_HEADER_BYTES);
    const length = whole.readUInt32BE(at);
    if (length === 0 || length > this.#bytesMax)
      throw new PeerFault('bad_length', `A message claims a length of ${length} bytes, which cannot be`, { facts: { length } });
    const end = at + FRAME_HEADER_BYTES + length;
    return end > whole.length ? this.#hold(whole.subarray(at), end - at) : end;
  }

  #hold(rest: Buffer, needed: number): undefined {
    this.#held = [rest];
    this.#heldBytes = rest.length;
    this.#needed = needed;
    return undefined;
  }
}
