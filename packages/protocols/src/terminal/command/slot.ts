/** Hands chunks from writers to one reader, one at a time: a writer waits until its chunk was taken. */
export class Slot {
  readonly #waiting: { readonly chunk: Buffer; taken(): void }[] = [];
  #reader: ((chunk: Buffer | undefined) => void) | undefined;
  #closed = false;

  /** Resolves when the chunk was taken, or will never be. */
  put(chunk: Buffer): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      reader(chunk);
      return Promise.resolve();
    }
    return new Promise((taken) => this.#waiting.push({ chunk, taken }));
  }

  /** The next chunk; undefined when it is closed and empty. */
  take(): Promise<Buffer | undefined> {
    const next = this.#waiting.shift();
    if (next) {
      next.taken();
      return Promise.resolve(next.chunk);
    }
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  /** True while a writer waits: then it is the reader who is slow. */
  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Nothing more comes; what waits is still taken, unless `drop`. */
  close(drop = false): void {
    this.#closed = true;
    if (drop) for (const { taken } of this.#waiting.splice(0)) taken();
    this.#reader?.(undefined);
    this.#reader = undefined;
  }
}
