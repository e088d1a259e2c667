import type { Clock } from '@hoop/core/clock';

/** Timers hold at most this; a longer one is set again. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Calls back once at this time, or at once where it is over, however far away that is. Returns what takes it back. */
export function atTime(clock: Clock, at_ms: number | undefined, onOver: () => void): () => void {
  if (at_ms === undefined) return () => undefined;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = at_ms - clock.now();
    if (left <= 0) onOver();
    else timer = setTimeout(arm, Math.min(left, TIMER_MS_MAX));
  };
  arm();
  return () => clearTimeout(timer);
}
