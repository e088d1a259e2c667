import { Duplex } from 'node:stream';
import { join } from '@hoop/core/bytes';
import type { Wire } from '@hoop/core/wire';

/**
 * A wire for Node's own servers and clients, which want a stream. What it reads, it reads only when it is asked to.
 * Emits `gone` when the other side has left, also where nobody has read yet what it said before.
 */
export class WireDuplex extends Duplex {
  readonly #wire: Wire;
  #resume: (() => void) | undefined;

  constructor(wire: Wire) {
    super({ allowHalfOpen: true });
    this.#wire = wire;
    wire
      .pump((chunk) => {
        if (this.push(chunk)) return undefined;
        return new Promise((resolve) => {
          this.#resume = resolve;
        });
      })
      .then(
        () => void this.push(null),
        (error: Error) => void this.destroy(error),
      )
      .finally(() => this.emit('gone'));
  }

  /** For servers that log it. */
  get remoteAddress(): string {
    return this.#wire.peer;
  }

  override _read(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#say(chunk, callback);
  }

  /** What was written while it was corked, as a head and the body behind it, or waited: one write. */
  override _writev(chunks: { readonly chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#say(join(chunks.map(({ chunk }) => chunk)), callback);
  }

  #say(bytes: Buffer, callback: (error?: Error | null) => void): void {
    // Node's writers end with nothing, which would be a system call all the same.
    const held = bytes.length === 0 ? undefined : this.#wire.write(bytes);
    if (held === undefined) callback();
    else held.then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#wire.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#resume?.();
    this.#wire.destroy();
    callback(error);
  }
}
