import { Worker } from 'node:worker_threads';
import { WORD_COUNT, WORDS } from './sync-state.ts';

export interface SyncThreadOptions {
  /** The disk did not take a sync: nothing after `durable` may be believed. */
  onFailure(error: Error): void;
}

/** The log's side of its sync thread. */
export class SyncThread {
  readonly #words = new Int32Array(new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT));
  readonly #worker: Worker;
  readonly #gone: Promise<void>;
  #durable = 0;
  #waiting: { readonly record: number; resolve(): void; reject(error: Error): void }[] = [];
  #failed: Error | undefined;

  constructor(options: SyncThreadOptions) {
    const built = new URL('./sync-worker.js', import.meta.url);
    const program = import.meta.url.endsWith('.ts') ? new URL('./sync-worker.ts', import.meta.url) : built;
    this.#worker = new Worker(program, { workerData: this.#words.buffer, name: 'audit-sync' });
    this.#worker.on('message', this.#onSynced);
    // After the listener, which would hold the process again: a log that could not be opened must not keep it from ending.
    this.#worker.unref();
    this.#worker.on('error', (error) => {
      this.#failed = error;
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
      options.onFailure(error);
    });
    this.#gone = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }

  /** Number of the newest record that is on the disk. */
  get durable(): number {
    this.#durable += (Atomics.load(this.#words, WORDS.synced) - this.#durable) | 0;
    return this.#durable;
  }

  /** What is written from now on goes to this file; the one before is synced and closed. */
  use(file: number): void {
    Atomics.store(this.#words, WORDS.file, file);
  }

  /** Records up to this number are in the kernel. */
  wrote(record: number): void {
    Atomics.store(this.#words, WORDS.written, record | 0);
    this.#ring(WORDS.bell);
  }

  /** Resolves when the record, which must have been written, is on the disk. */
  wait(record: number): Promise<void> {
    if (this.#failed) return Promise.reject(this.#failed);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      this.#ask();
    });
  }

  /** Syncs what was written and ends the thread. */
  async close(): Promise<void> {
    Atomics.store(this.#words, WORDS.stop, 1);
    for (const word of [WORDS.urgent, WORDS.bell]) this.#ring(word);
    this.#worker.ref();
    await this.#gone;
  }

  readonly #onSynced = (): void => {
    const { durable } = this;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      if (each.record <= durable) each.resolve();
      else this.#waiting.push(each);
    }
    if (this.#waiting.length > 0) this.#ask();
    else this.#worker.unref();
  };

  /** Who waits keeps the process alive, and is told after the next sync. */
  #ask(): void {
    this.#worker.ref();
    Atomics.store(this.#words, WORDS.waiting, 1);
    this.#ring(WORDS.urgent);
    // The sync that was under way may have ended before the wish was written.
    const { durable } = this;
    if (this.#waiting.every((each) => each.record <= durable)) queueMicrotask(this.#onSynced);
  }

  /** The thread looks at the word before it sleeps on it, so one that is awake needs no waking. */
  #ring(word: number): void {
    Atomics.add(this.#words, word, 1);
    if (Atomics.load(this.#words, WORDS.asleep) === word) Atomics.notify(this.#words, word);
  }
}
