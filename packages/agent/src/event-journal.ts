import type { UnconfirmedEvent } from '@hoop/tunnel/link';

/**
 * How long an event is kept after it was sent. The gateway has it on its disk within milliseconds; this is the time after which
 * nobody can doubt it, however slow its machine is.
 */
const KEEP_MS = 2_000;

/** Older ones go first when there are more. */
const KEEP_BYTES_MAX = 32 * 1024 * 1024;

interface Kept extends UnconfirmedEvent {
  readonly at_ms: number;
}

/** The audit events that were sent lately: a second place where they are until the gateway must have them on its disk. */
export class EventJournal {
  #kept: Kept[] = [];
  /** Those before it are dropped; the array is cut now and then. */
  #head = 0;
  #bytes = 0;
  /** Since when there is no link; nothing grows old meanwhile. */
  #lostAt_ms: number | undefined;

  add(session: string, event: Buffer): void {
    const at_ms = Date.now();
    this.#kept.push({ session, event, at_ms });
    this.#bytes += event.length;
    this.#drop((this.#lostAt_ms ?? at_ms) - KEEP_MS);
  }

  linkLost(): void {
    this.#lostAt_ms ??= Date.now();
  }

  /** What may not have reached the gateway's disk before the link was lost. Nothing after a start or a clean look. */
  take(): readonly UnconfirmedEvent[] {
    if (this.#lostAt_ms === undefined) return [];
    this.#drop(this.#lostAt_ms - KEEP_MS);
    const taken = this.#kept.slice(this.#head);
    this.#kept = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#lostAt_ms = undefined;
    return taken;
  }

  #drop(before_ms: number): void {
    for (let first = this.#kept[this.#head]; first; first = this.#kept[this.#head]) {
      if (first.at_ms >= before_ms && this.#bytes <= KEEP_BYTES_MAX) break;
      this.#bytes -= first.event.length;
      this.#head++;
    }
    if (this.#head < CUT_AT) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#head = 0;
  }
}

const CUT_AT = 4_096;
