import { storeFault } from './faults.ts';

/** Statements that may wait for the one writer. Past it the store is not slow but stuck. */
export const TURN_WAITERS_MAX = 20_000;

interface Waiter {
  readonly go: () => void;
  readonly timer: NodeJS.Timeout;
}

/** One holder at a time, first come first served, with a deadline: a forgotten holder must not hang the process silently. */
export class Turn {
  readonly #waiters: Set<Waiter> = new Set();
  readonly #wait_ms: number;
  #held = false;

  constructor(wait_ms: number) {
    this.#wait_ms = wait_ms;
  }

  /** @throws TargetFault `store_busy` when the turn does not come in time. */
  take(): Promise<void> {
    if (!this.#held) {
      this.#held = true;
      return Promise.resolve();
    }
    if (this.#waiters.size >= TURN_WAITERS_MAX) return Promise.reject(storeFault('busy', new Error('Too many statements wait')));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(storeFault('busy', new Error(`No turn within ${this.#wait_ms} ms`)));
      }, this.#wait_ms);
      const waiter: Waiter = { go: resolve, timer };
      this.#waiters.add(waiter);
    });
  }

  give(): void {
    const [next] = this.#waiters;
    if (!next) {
      this.#held = false;
      return;
    }
    this.#waiters.delete(next);
    clearTimeout(next.timer);
    next.go();
  }
}
