import { Refusal } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';

/** A wire that breaks when nothing was read and nothing was written for a while. */
export class IdleWire implements Wire {
  readonly #wire: Wire;
  readonly #timer: NodeJS.Timeout;

  constructor(wire: Wire, idle_ms: number) {
    this.#wire = wire;
    this.#timer = setTimeout(() => {
      const seconds = Math.round(idle_ms / 1000);
      this.#wire.destroy(
        new Refusal('session_idle', `Nothing was sent for ${seconds} seconds, which is as long as this connection allows`),
      );
    }, idle_ms);
  }

  get peer(): string {
    return this.#wire.peer;
  }

  get open(): boolean {
    return this.#wire.open;
  }

  async read(): Promise<Buffer | undefined> {
    const chunk = await this.#wire.read();
    this.#timer.refresh();
    return chunk;
  }

  unread(chunk: Buffer): void {
    this.#wire.unread(chunk);
  }

  async pump(consume: (chunk: Buffer) => void | Promise<void>): Promise<void> {
    try {
      await this.#wire.pump((chunk) => {
        this.#timer.refresh();
        return consume(chunk);
      });
    } catch (error) {
      clearTimeout(this.#timer);
      throw error;
    }
  }

  write(bytes: Buffer): void | Promise<void> {
    this.#timer.refresh();
    return this.#wire.write(bytes);
  }

  end(): void {
    this.#wire.end();
  }

  destroy(error?: Error): void {
    clearTimeout(this.#timer);
    this.#wire.destroy(error);
  }
}
