import type { TlsStart, Wire } from '@hoop/core/wire';

/**
 * A target's wire that may break once its client has said goodbye: a server that is told COM_QUIT closes at once and takes no more,
 * and the end of TLS that is still on its way to it makes that a reset.
 */
export class LeavingWire implements Wire {
  readonly peer: string;
  readonly startTls?: (start: TlsStart) => Promise<Wire>;
  readonly #wire: Wire;
  readonly #hasLeft: () => boolean;

  constructor(wire: Wire, hasLeft: () => boolean) {
    this.#wire = wire;
    this.peer = wire.peer;
    this.#hasLeft = hasLeft;
  }

  get open(): boolean {
    return this.#wire.open;
  }

  read(): Promise<Buffer | undefined> {
    return this.#wire.read();
  }

  unread(chunk: Buffer): void {
    this.#wire.unread(chunk);
  }

  async pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    try {
      await this.#wire.pump(consume);
    } catch (error) {
      if (!this.#hasLeft()) throw error;
    }
  }

  write(bytes: Buffer): void | Promise<void> {
    return this.#wire.write(bytes);
  }

  end(): void {
    this.#wire.end();
  }

  destroy(error?: Error): void {
    this.#wire.destroy(error);
  }
}
