import { FailMessage, FRAME_KINDS } from '@hoop/contract/tunnel';
import { type AppError, fromPlain } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import { parseMessage } from './control.ts';
import type { FrameStream } from './stream.ts';

/** The data frames of a stream as a wire, for code that speaks a protocol and does not care what carries it. */
export class StreamWire implements Wire {
  readonly peer: string;
  readonly #stream: FrameStream;
  readonly #queue: Buffer[] = [];
  #consume: ((chunk: Buffer) => void | Promise<void>) | undefined;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;
  #waiting: (() => void) | undefined;
  #taken: { promise: Promise<void>; resolve(): void } | undefined;
  #ended = false;
  #gone = false;
  #error: Error | undefined;

  constructor(stream: FrameStream, peer: string) {
    this.#stream = stream;
    this.peer = peer;
    stream.receive({
      data: (bytes) => this.#take(bytes),
      message: (kind, payload) => {
        if (kind === FRAME_KINDS.fail) this.#over(fromPlain(parseMessage(FailMessage, payload)));
      },
      ended: () => this.#over(undefined),
      broken: (error: AppError) => {
        this.#gone = true;
        this.#over(error);
      },
    });
  }

  get open(): boolean {
    return !this.#gone;
  }

  async read(): Promise<Buffer | undefined> {
    while (true) {
      const chunk = this.#queue.shift();
      if (chunk) {
        if (this.#queue.length === 0) this.#releaseTaken();
        return chunk;
      }
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  unread(chunk: Buffer): void {
    if (chunk.length > 0) this.#queue.unshift(chunk);
  }

  async pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    for (let chunk = this.#queue.shift(); chunk; chunk = this.#queue.shift()) await consume(chunk);
    this.#releaseTaken();
    if (this.#error) throw this.#error;
    if (this.#ended) return;
    await new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#consume = consume;
    });
  }

  write(bytes: Buffer): void | Promise<void> {
    return this.#stream.send(FRAME_KINDS.data, bytes);
  }

  end(): void {
    this.#stream.end();
  }

  destroy(error?: Error): void {
    this.#error ??= error;
    this.#ended = true;
    this.#gone = true;
    this.#stream.destroy();
    this.#over(error);
  }

  #take(bytes: Buffer): void | Promise<void> {
    if (this.#consume) return this.#consume(bytes);
    this.#queue.push(bytes);
    this.#waiting?.();
    this.#waiting = undefined;
    this.#taken ??= Promise.withResolvers<void>();
    return this.#taken.promise;
  }

  #releaseTaken(): void {
    this.#taken?.resolve();
    this.#taken = undefined;
  }

  #over(error: Error | undefined): void {
    this.#error ??= error;
    this.#ended = true;
    this.#waiting?.();
    this.#waiting = undefined;
    this.#releaseTaken();
    if (this.#error) this.#settle?.reject(this.#error);
    else this.#settle?.resolve();
    this.#settle = undefined;
  }
}
