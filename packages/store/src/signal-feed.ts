import type { Clock } from '@hoop/core/clock';
import { asAppError } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { type Listener, listen } from './dialect/listening.ts';
import { SIGNAL_CHANNEL, type Signal, type Signals } from './signals.ts';

export type SignalHandler = (signal: Signal) => void | Promise<void>;

export interface SignalFeedOptions {
  /** Reads outside of any transaction. */
  readonly signals: Signals;
  /** Of the server that other gateways write to as well; undefined where this process is alone. */
  readonly postgresUri: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the table is read although nobody called, where others write to it: a notification can get lost with its connection. */
const POLL_MS = 2_000;

/**
 * Numbers are given before transactions commit, so a lower one may appear after a higher one. For this long
 * after a number was seen, lower ones are still looked for: no statement of ours lives longer.
 */
const COMMIT_MS_MAX = 60_000;

const PRUNE_EVERY_MS = 3_600_000;

/** Hears every signal once, from the moment that it is opened, whatever happens to connections in between. */
export class SignalFeed {
  readonly #options: SignalFeedOptions;
  /** When numbers above the floor were seen. */
  readonly #seen = new Map<number, number>();
  /** Everything up to here was seen. */
  #floor = 0;
  #handler: SignalHandler | undefined;
  #listener: Listener | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #prunedAt: number;
  #failing = false;

  constructor(options: SignalFeedOptions) {
    this.#options = options;
    this.#prunedAt = options.clock.now();
  }

  /** Signals from here on go to `handler`, one after the other. What it throws is logged. */
  async open(handler: SignalHandler): Promise<void> {
    this.#floor = await this.#options.signals.newest();
    this.#handler = handler;
    const { postgresUri: uri, log } = this.#options;
    if (uri === undefined) return;
    this.#listener = listen({ uri, channel: SIGNAL_CHANNEL, log, onNotice: () => this.wake() });
    this.#arm();
  }

  /** There may be something new. */
  wake(): void {
    if (!this.#handler || this.#closed) return;
    this.#again = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
  }

  /** Resolves when what is being handled is handled. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#listener?.close();
    await this.#reading;
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      this.wake();
      this.#arm();
    }, POLL_MS);
    this.#timer.unref();
  }

  async #readAll(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#read();
        await this.#prune();
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) this.#options.log.warn({ err: asAppError(error) }, 'Signals of other gateways cannot be read; trying again');
        this.#failing = true;
      }
    }
  }

  async #read(): Promise<void> {
    this.#settle();
    let cursor = this.#floor;
    while (!this.#closed) {
      const rows = await this.#options.signals.after(cursor);
      if (rows.length === 0) return;
      for (const { seq, signal } of rows) {
        cursor = seq;
        if (this.#seen.has(seq)) continue;
        this.#seen.set(seq, performance.now());
        await this.#handle(signal);
      }
    }
  }

  async #handle(signal: Signal): Promise<void> {
    try {
      await this.#handler?.(signal);
    } catch (error) {
      this.#options.log.error({ err: asAppError(error), signal: signal.kind }, 'A signal could not be acted on');
    }
  }

  /** Lifts the floor over numbers below which nothing can appear any more. */
  #settle(): void {
    const settled = performance.now() - COMMIT_MS_MAX;
    for (const [seq, at] of this.#seen) if (at < settled) this.#floor = Math.max(this.#floor, seq);
    for (const seq of this.#seen.keys()) if (seq <= this.#floor) this.#seen.delete(seq);
  }

  async #prune(): Promise<void> {
    const now = this.#options.clock.now();
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = now;
    await this.#options.signals.prune();
  }
}
