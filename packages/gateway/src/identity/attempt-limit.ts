import type { Clock } from '@hoop/core/clock';
import { Refusal } from '@hoop/core/errors';

interface Window {
  readonly since: number;
  count: number;
}

export interface AttemptLimitOptions {
  /** Attempts of one key in a window. */
  readonly attempts_max: number;
  readonly window_ms: number;
  readonly clock: Clock;
  /** Keys that are remembered; past it the oldest is forgotten. */
  readonly keys_max?: number;
}

const KEYS_MAX = 20_000;

/**
 * Counts attempts a key and window. An attempt counts when it begins, so that many at once get no extra tries;
 * one that succeeds is given back.
 */
export class AttemptLimit {
  readonly #options: AttemptLimitOptions;
  readonly #windows = new Map<string, Window>();

  constructor(options: AttemptLimitOptions) {
    this.#options = options;
  }

  /** @throws Refusal `too_many_attempts` with the fact `retry_after_s` */
  begin(key: string): void {
    const { attempts_max, window_ms, clock } = this.#options;
    const now = clock.now();
    let window = this.#windows.get(key);
    if (!window || now - window.since >= window_ms) {
      window = { since: now, count: 0 };
      this.#windows.delete(key);
      this.#windows.set(key, window);
      this.#forgetOldest();
    }
    if (window.count >= attempts_max) {
      const retry_after_s = Math.max(1, Math.ceil((window.since + window_ms - now) / 1000));
      throw new Refusal('too_many_attempts', `Too many attempts. Try again in ${wait(retry_after_s)}`, { facts: { retry_after_s } });
    }
    window.count++;
  }

  /** True when another attempt would be one too many. */
  isSpent(key: string): boolean {
    const { attempts_max, window_ms, clock } = this.#options;
    const window = this.#windows.get(key);
    return window !== undefined && window.count >= attempts_max && clock.now() - window.since < window_ms;
  }

  /** Gives one attempt back. */
  succeeded(key: string): void {
    const window = this.#windows.get(key);
    if (window && --window.count <= 0) this.#windows.delete(key);
  }

  #forgetOldest(): void {
    const oldest = this.#windows.size > (this.#options.keys_max ?? KEYS_MAX) ? this.#windows.keys().next() : undefined;
    if (oldest && !oldest.done) this.#windows.delete(oldest.value);
  }
}

function wait(seconds: number): string {
  if (seconds <= 90) return `${seconds} s`;
  return `${Math.ceil(seconds / 60)} minutes`;
}
