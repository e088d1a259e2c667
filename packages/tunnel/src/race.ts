import { DIAL_AGAIN_ANSWERED_MS, DIAL_AGAIN_MS } from './settings.ts';

export interface Race<T> {
  /** Begins an attempt; calls `answered` when somebody is there. Its socket must go when the signal says so. */
  start(signal: AbortSignal, answered: () => void): Promise<T>;
  /** True for an error that no other attempt can be spared. */
  isFinal(error: unknown): boolean;
  readonly timeout_ms: number;
  timedOut(): Error;
}

/**
 * Attempts that overlap: while one has no answer the next one starts, and the first that succeeds wins; the others are ended.
 * @throws what the last attempt threw, at once when none is left, or `timedOut`
 */
export function race<T>({ start, isFinal, timeout_ms, timedOut }: Race<T>): Promise<T> {
  const running = new Set<AbortController>();
  let again: NodeJS.Timeout | undefined;
  let isOver = false;
  return new Promise<T>((resolve, reject) => {
    const deadline = setTimeout(() => {
      isOver = true;
      reject(timedOut());
    }, timeout_ms);
    const begin = (): void => {
      const attempt = new AbortController();
      running.add(attempt);
      const mine = setTimeout(begin, DIAL_AGAIN_MS);
      again = mine;
      const answered = (): void => {
        if (again !== mine) return;
        clearTimeout(mine);
        again = setTimeout(begin, DIAL_AGAIN_ANSWERED_MS);
      };
      start(attempt.signal, answered).then(
        (value) => {
          running.delete(attempt);
          // Two in one turn: the second one is not needed.
          if (isOver) attempt.abort();
          isOver = true;
          clearTimeout(deadline);
          resolve(value);
        },
        (error: unknown) => {
          running.delete(attempt);
          if (running.size > 0 && !isFinal(error)) return;
          clearTimeout(deadline);
          reject(error);
        },
      );
    };
    begin();
  }).finally(() => {
    clearTimeout(again);
    for (const attempt of running) attempt.abort();
  });
}
