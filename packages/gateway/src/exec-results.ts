import type { ExecResult } from './ports.ts';

/** Results that nobody was there to take are kept this long, and so many bytes of them. */
const KEPT_MS = 15 * 60_000;
const KEPT_BYTES_MAX = 128 * 1024 * 1024;

interface Kept {
  readonly result: ExecResult;
  readonly timer: NodeJS.Timeout;
}

/** What scripts gave whose request was answered before they were done: they waited for people, or ran for long. In memory, of this gateway. */
export class ExecResults {
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Set<string>();
  #bytes = 0;

  /** Somebody may come for it. What it fails with is lost: the session's records tell. */
  expect(sessionId: string, running: Promise<ExecResult>): void {
    this.#running.add(sessionId);
    running
      .then(
        (result) => this.#keep(result),
        () => undefined,
      )
      .finally(() => this.#running.delete(sessionId));
  }

  isRunning(sessionId: string): boolean {
    return this.#running.has(sessionId);
  }

  /** The oldest go first when there is no room. */
  #keep(result: ExecResult): void {
    this.#drop(result.sessionId);
    const timer = setTimeout(() => this.#drop(result.sessionId), KEPT_MS);
    timer.unref();
    this.#kept.set(result.sessionId, { result, timer });
    this.#bytes += result.output.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= KEPT_BYTES_MAX) return;
      this.#drop(oldest);
    }
  }

  get(sessionId: string): ExecResult | undefined {
    return this.#kept.get(sessionId)?.result;
  }

  #drop(sessionId: string): void {
    const kept = this.#kept.get(sessionId);
    if (!kept) return;
    clearTimeout(kept.timer);
    this.#kept.delete(sessionId);
    this.#bytes -= kept.result.output.length;
  }
}
