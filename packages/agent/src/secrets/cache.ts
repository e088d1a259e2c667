import type { Clock } from '@hoop/core/clock';
import { type SecretDocument, unavailable } from './document.ts';
import { SECRET_CACHE_ENTRIES_MAX, SECRET_FETCHES_MAX, SECRET_TRUSTED_MS } from './limits.ts';

interface Entry {
  readonly document: SecretDocument;
  readonly since_ms: number;
  readonly until_ms: number;
}

/**
 * Documents that were fetched lately. Sessions that want the same one at the same time share one request.
 * A document is not used past its time, whatever has become of its store; and a failure is not remembered.
 */
export class SecretCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Map<string, Promise<SecretDocument>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many documents are held. */
  get size(): number {
    return this.#entries.size;
  }

  /** @throws what `fetch` throws, and `secret_unavailable` when too many are being fetched */
  get(key: string, fetch: () => Promise<SecretDocument>): Promise<SecretDocument> {
    const entry = this.#entries.get(key);
    if (entry && this.#now() < entry.until_ms) return Promise.resolve(entry.document);
    this.#entries.delete(key);
    const running = this.#running.get(key);
    if (running) return running;
    if (this.#running.size >= SECRET_FETCHES_MAX) {
      return Promise.reject(unavailable('the agent waits for too many secrets already; try again in a moment'));
    }
    const asked_ms = this.#now();
    const fetched = fetch()
      .then((document) => {
        this.#keep(key, { document, since_ms: asked_ms, until_ms: asked_ms + document.ttl_ms });
        return document;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, fetched);
    return fetched;
  }

  /** Something that was in it did not work: the next one asks the store again. What was just fetched stays. */
  doubt(key: string): void {
    const entry = this.#entries.get(key);
    if (entry && this.#now() - entry.since_ms >= SECRET_TRUSTED_MS) this.#entries.delete(key);
  }

  #keep(key: string, entry: Entry): void {
    const now = this.#now();
    for (const [other, { until_ms }] of this.#entries) if (until_ms <= now) this.#entries.delete(other);
    if (entry.until_ms <= now) return;
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= SECRET_CACHE_ENTRIES_MAX) return;
      this.#entries.delete(oldest);
    }
  }

  /** Not the time of day: that one can be set back. */
  #now(): number {
    return this.#clock.micros() / 1_000;
  }
}
