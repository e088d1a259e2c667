import { asAppError } from './errors.ts';
import type { Log } from './log.ts';

/** Something that is opened once and closed once. */
export interface Closer {
  readonly name: string;
  close(): void | Promise<void>;
}

/**
 * Closes what was opened, last opened first. One that fails is logged and does not keep the others open.
 * Each gets at most `timeout_ms`.
 */
export class CloseStack implements AsyncDisposable {
  readonly #log: Log;
  readonly #closers: Closer[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  push(name: string, close: () => void | Promise<void>): void {
    this.#closers.push({ name, close });
  }

  async close(timeout_ms = 10_000): Promise<void> {
    for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
      try {
        await within(Promise.resolve(closer.close()), timeout_ms, closer.name);
      } catch (error) {
        this.#log.error({ err: error, part: closer.name }, 'Closing failed');
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function within<T>(work: Promise<T>, timeout_ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not close within ${timeout_ms} ms`)), timeout_ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Resolves with the first SIGTERM or SIGINT. A second one ends the process at once with 128 + its number,
 * for the person who does not want to wait for the drain.
 */
export function stopSignal(process: NodeJS.Process): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    const on = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
      stopping = true;
      resolve(signal);
    };
    process.on('SIGTERM', on);
    process.on('SIGINT', on);
  });
}

/**
 * Keeps the process, and everybody's sessions with it, when a promise fails that nobody waits for: that is a fault of ours in one session or
 * task, and is told to the log. An exception outside of a promise still ends the process, since nobody knows what it left half done.
 */
export function outliveRejections(process: NodeJS.Process, log: Log): void {
  process.on('unhandledRejection', (reason) => {
    log.error({ err: asAppError(reason) }, 'A fault of the product itself ended one of its tasks; the others go on. Please report it');
  });
}
