import type { Input } from '../output/terminal.ts';
import type { EscapeAction, EscapeFilter } from './escapes.ts';

/**
 * What is kept for a command that does not read just now. While there is room the keyboard is read on,
 * so that a session that hangs can still be left; beyond it whoever pastes has to wait.
 */
const QUEUE_BYTES_MAX = 1024 * 1024;

export interface KeyboardOptions {
  readonly stdin: Input;
  /** Undefined: everything is for the command. */
  readonly escapes: EscapeFilter | undefined;
  /** A promise means: await it before the next. */
  send(bytes: Buffer): void | Promise<void>;
  escaped(action: EscapeAction): void;
  /** The terminal is gone. */
  ended(): void;
}

/** Reads a terminal that is in raw mode, and sends every byte on in its order. */
export class Keyboard {
  readonly #options: KeyboardOptions;
  #queue: Buffer[] = [];
  #bytes = 0;
  #sending = false;
  #stopped = false;

  constructor(options: KeyboardOptions) {
    this.#options = options;
  }

  start(): void {
    const { stdin } = this.#options;
    stdin.on('data', this.#onData);
    stdin.on('end', this.#onEnd);
    stdin.on('error', this.#onEnd);
  }

  /** Lets go of stdin, so that the process can end. */
  stop(): void {
    this.#stopped = true;
    const { stdin } = this.#options;
    stdin.off('data', this.#onData);
    stdin.off('end', this.#onEnd);
    stdin.pause();
  }

  readonly #onEnd = (): void => {
    if (!this.#stopped) this.#options.ended();
  };

  readonly #onData = (chunk: Buffer): void => {
    const { escapes, stdin, escaped } = this.#options;
    const { bytes, action } = escapes === undefined ? { bytes: chunk, action: undefined } : escapes.push(chunk);
    if (bytes.length > 0) {
      this.#queue.push(bytes);
      this.#bytes += bytes.length;
      if (this.#bytes >= QUEUE_BYTES_MAX) stdin.pause();
      if (!this.#sending) void this.#drain();
    }
    if (action) escaped(action);
  };

  async #drain(): Promise<void> {
    this.#sending = true;
    while (this.#queue.length > 0 && !this.#stopped) {
      const bytes = this.#queue.length === 1 ? this.#queue[0] : Buffer.concat(this.#queue);
      this.#queue = [];
      if (!bytes) break;
      try {
        await this.#options.send(bytes);
      } catch {
        // The session is over; whoever waits for its end says so.
        break;
      }
      this.#bytes -= bytes.length;
      if (!this.#stopped && this.#options.stdin.isPaused()) this.#options.stdin.resume();
    }
    this.#sending = false;
  }
}
