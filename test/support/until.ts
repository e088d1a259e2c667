import { setTimeout as pause } from 'node:timers/promises';

const PATIENCE_MS = 15_000;

/**
 * Waits for a condition; resolves with what it gave.
 * @throws Error that says what did not come true, with the last thing that was seen
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  patience_ms = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + patience_ms;
  while (true) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`Waited ${patience_ms} ms in vain for: ${what}`);
    await pause(5);
  }
}

/** A promise that must come within a time. */
export async function within<T>(what: string, promise: Promise<T>, patience_ms = PATIENCE_MS): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Waited ${patience_ms} ms in vain for: ${what}`)), patience_ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
