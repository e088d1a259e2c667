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
  readonly #take: (message: Buffer) => Step | Promise<Step>;
  readonly #send: (bytes: Buffer) => void | Promise<void>;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #needed = 0;

  /** A message of more than `bytesMax` is a fault. */
  constructor(bytesMax: number, take: (message: Buffer) => Step | Promise<Step>, send: (bytes: Buffer) => void | Promise<void>) {
    this.#bytesMax = bytesMax;
    this.#take = take;
    this.#send = send;
  }

  /** @throws PeerFault `bad_length`, and what `take` throws */
  feed(chunk: Buffer): void | Promise<void> {
    if (this.#heldBytes === 0) return this.#run(chunk, 0);
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#needed) return undefined;
    const whole = Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return this.#run(whole, 0);
  }

  /** [from, at) passes unchanged and has not been sent yet. */
  #run(chunk: Buffer, start: number): void | Promise<void> {
    let from = start;
    let at = start;
    let sent = both(undefined, undefined);
    while (at < chunk.length) {
      const left = chunk.length - at;
      const end = left < FRAME_HEADER_BYTES ? 0 : at + FRAME_HEADER_BYTES + frameLength(chunk, at, this.#bytesMax);
      if (end === 0 || end > chunk.length) {
        this.#hold(chunk.subarray(at), end === 0 ? FRAME_HEADER_BYTES : end - at);
        break;
      }
      const step = this.#take(chunk.subarray(at + FRAME_HEADER_BYTES, end));
      if (step instanceof Promise) {
        // Now and not later: what was looked at before is on its way when the other direction speaks up meanwhile.
        if (at > from) sent = both(sent, this.#send(chunk.subarray(from, at)));
        return this.#later(chunk, at, end, step, sent);
      }
      if (step !== 'pass') {
        if (at > from) sent = both(sent, this.#send(chunk.subarray(from, at)));
        if (step !== 'drop' && step.length > 0) sent = both(sent, this.#send(step));
        from = end;
      }
      at = end;
    }
    if (at === from) return sent;
    return both(sent, this.#send(from === 0 && at === chunk.length ? chunk : chunk.subarray(from, at)));
  }

  async #later(chunk: Buffer, at: number, end: number, undecided: Promise<Step>, sent: void | Promise<void>): Promise<void> {
    await sent;
    const step = await undecided;
    if (step === 'pass') await this.#send(chunk.subarray(at, end));
    else if (step !== 'drop') await this.#send(step);
    await this.#run(chunk, end);
  }

  #hold(rest: Buffer, needed: number): void {
    this.#held = [rest];
    this.#heldBytes = rest.length;
    this.#needed = needed;
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
    return at + FRAME_HEADER_BYTES + frameLength(bytes, at, this.#bytesMax);
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

function frameLength(chunk: Buffer, at: number, bytesMax: number): number {
  const length = chunk.readUInt32BE(at);
  if (length === 0 || length > bytesMax)
    throw new PeerFault('bad_length', `A message claims a length of ${length} bytes, which cannot be`, { facts: { length } });
  return length;
}

/** Two writes in order; a promise of either is awaited. */
export function both(first: void | Promise<void>, second: void | Promise<void>): void | Promise<void> {
  if (first === undefined) return second;
  return second === undefined ? first : Promise.all([first, second]).then(() => undefined);
}
