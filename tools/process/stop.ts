/** Signals of one Ctrl-C come more than once: from the terminal to the whole group, and again from npm and from our launcher, which pass them on. */
const ECHO_MS = 1_000;

/** Being asked to stop: the first signal asks to drain, one that comes a while later asks to be quick about it. */
export class Stop {
  readonly #controller = new AbortController();
  #since_ms = 0;
  #hurry: () => void = () => undefined;
  /** True once a second signal has come. */
  hurried = false;

  constructor(source: NodeJS.Process) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) source.on(signal, () => this.#on());
  }

  /** Aborts with the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What to do when a person cannot wait. */
  onHurry(hurry: () => void): void {
    this.#hurry = hurry;
  }

  /** Resolves with the first signal. */
  async asked(): Promise<void> {
    if (this.signal.aborted) return;
    await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  #on(): void {
    const now_ms = performance.now();
    if (!this.signal.aborted) {
      this.#since_ms = now_ms;
      this.#controller.abort();
    } else if (now_ms - this.#since_ms > ECHO_MS) {
      this.hurried = true;
      this.#hurry();
    }
  }
}
