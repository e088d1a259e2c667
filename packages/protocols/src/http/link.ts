import { PeerFault } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import { FrameRun } from '../shared/frames.ts';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import { decodeMessage, type Message } from './message.ts';

export interface LinkOwner {
  take(message: Message): void;
  /** The other side is gone, or says no more. */
  over(error: Error | undefined): void;
}

/** No more than this is joined. */
const JOINED_BYTES_MAX = 16 * 1024;

/**
 * One end of a session's stream as a wire for whoever pipes it, and messages for whoever owns it.
 * It needs no queue limit of its own: bodies are held by their credits, and exchanges are counted.
 */
export class MessageLink implements Wire {
  readonly peer: string;
  readonly #owner: LinkOwner;
  readonly #incoming: FrameRun;
  #queue: Buffer[] = [];
  #consume: ((chunk: Buffer) => void | Promise<void>) | undefined;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  #scheduled = false;
  #busy = false;
  #ended = false;
  #error: Error | undefined;
  #over = false;

  constructor(peer: string, owner: LinkOwner) {
    this.peer = peer;
    this.#owner = owner;
    this.#incoming = new FrameRun(
      MESSAGE_BYTES_MAX,
      (message) => {
        owner.take(decodeMessage(message));
        return 'drop';
      },
      () => undefined,
    );
  }

  /** The owner's side: queues whole frames; those of one turn leave as one chunk. */
  send(frames: Buffer): void {
    if (this.#over) return;
    this.#queue.push(frames);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#deliver);
  }

  /** The owner's side: nothing more will be sent. */
  finish(): void {
    this.#ended = true;
    this.#deliver();
  }

  get open(): boolean {
    return !this.#over;
  }

  /** Nobody reads this wire in pieces: it is piped from its first byte. */
  read(): Promise<Buffer | undefined> {
    return Promise.reject(new PeerFault('not_readable', 'This stream is piped'));
  }

  unread(chunk: Buffer): void {
    if (chunk.length > 0) this.#queue.unshift(chunk);
  }

  pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#consume = consume;
      this.#settle = { resolve, reject };
      this.#deliver();
    });
  }

  write(bytes: Buffer): void {
    if (this.#over) return;
    try {
      void this.#incoming.feed(bytes);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** The other side has said everything; what was sent from here is still taken. */
  end(): void {
    if (!this.#over) this.#owner.over(undefined);
  }

  destroy(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#queue = [];
    this.#owner.over(error ?? new PeerFault('session_over', 'The session is over'));
    if (error) this.#settle?.reject(error);
    else this.#settle?.resolve();
    this.#settle = undefined;
  }

  readonly #deliver = (): void => {
    this.#scheduled = false;
    if (!this.#consume || this.#busy) return;
    const chunk = this.#nextChunk();
    if (chunk === undefined) {
      if (this.#ended || this.#error) this.#close();
      return;
    }
    this.#busy = true;
    const done = (): void => {
      this.#busy = false;
      this.#deliver();
    };
    try {
      const held = this.#consume(chunk);
      if (held === undefined) done();
      else held.then(done, (error: Error) => this.destroy(error));
    } catch (error) {
      this.destroy(error as Error);
    }
  };

  /** Small frames go together, and large ones as they are: joining costs a copy, and so does a write. */
  #nextChunk(): Buffer | undefined {
    let count = 0;
    let bytes = 0;
    for (const { length } of this.#queue) {
      if (count > 0 && bytes + length > JOINED_BYTES_MAX) break;
      count++;
      bytes += length;
    }
    const taken = this.#queue.splice(0, count);
    return taken.length > 1 ? Buffer.concat(taken) : taken[0];
  }

  #close(): void {
    this.#settle?.resolve();
    this.#settle = undefined;
  }
}
