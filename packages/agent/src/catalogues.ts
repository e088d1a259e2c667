import { createHash } from 'node:crypto';
import type { Action, Approval, Outcome, Verdict } from '@hoop/core/action';
import type { Catalogue, CatalogueSource } from '@hoop/core/catalogue';
import { type Clock, systemClock } from '@hoop/core/clock';
import { asAppError } from '@hoop/core/errors';
import type { AuditSink, Shown } from '@hoop/core/gate';
import type { Log } from '@hoop/core/log';

/** For so long what was read counts; longer where reading takes long, so that no target is busy with it for more than a twentieth of the time. */
export const CATALOGUE_FRESH_MS = 10_000;
const FRESH_PER_READING = 20;
const FRESH_MS_MAX = 300_000;
/** What could not be read is asked for again after this; until what was known is so old, it goes on to count. */
const FAILED_MS = 2_000;
const KEPT_MS = 60_000;
/** Targets of which something is kept at a time. */
const TARGETS_MAX = 50;

/** Of which target, and how to read it. */
export interface Subject {
  readonly protocol: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly database: string | undefined;
  /** @throws AppError */
  read(): Promise<Catalogue>;
}

interface Entry {
  readonly place: string;
  catalogue: Catalogue | undefined;
  read_ms: number;
  until_ms: number;
  reading: Promise<Catalogue | undefined> | undefined;
  isTold: boolean;
}

/**
 * What is at the targets of this process, as far as sessions with rules on columns asked for it. One reading for all sessions that want
 * the same, and none where nobody does.
 */
export class Catalogues {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(log: Log, clock: Clock = systemClock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** For one session. Nothing is read before it is asked. */
  of(subject: Subject): CatalogueSource {
    const { protocol, settings, database } = subject;
    const key = createHash('sha256')
      .update(JSON.stringify([protocol, settings, database]))
      .digest('base64');
    return { current: () => this.#current(key, subject) };
  }

  /** Something ran at this place that may have changed what is there. */
  changed(place: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.place !== place) continue;
      entry.until_ms = 0;
      entry.read_ms = Number.NEGATIVE_INFINITY;
      // What is being read now may be from before.
      entry.reading = undefined;
    }
  }

  /** The same sink, which hears of changes. A change inside of a transaction is seen by others at its end. */
  watching(sink: AuditSink, place: () => string | undefined): AuditSink {
    let isOpen = false;
    const settled = (action: Action, outcome: Outcome): void => {
      sink.settled(action, outcome);
      if (this.#entries.size === 0) return;
      const changes = CHANGES.test(action.text);
      const at = changes || (isOpen && ENDS.test(action.text)) ? place() : undefined;
      isOpen = changes || (isOpen && at === undefined);
      if (at !== undefined) this.changed(at);
    };
    return {
      intent: (action: Action, verdict: Verdict) => sink.intent(action, verdict),
      settled,
      decided: (action: Action, approval: Approval) => sink.decided?.(action, approval),
      shown: (action: Action, shown: Shown) => sink.shown?.(action, shown),
    };
  }

  #current(key: string, subject: Subject): Catalogue | undefined | Promise<Catalogue | undefined> {
    const entry = this.#entry(key, subject);
    if (this.#now() < entry.until_ms) return entry.catalogue;
    if (!entry.reading) return this.#read(entry, subject);
    // The session that reads may have ended meanwhile, and with it what it can log in with.
    return entry.reading.then((catalogue) => catalogue ?? entry.reading ?? this.#read(entry, subject));
  }

  #entry(key: string, { protocol, settings }: Subject): Entry {
    const known = this.#entries.get(key);
    if (known) return known;
    const empty = { catalogue: undefined, read_ms: Number.NEGATIVE_INFINITY, until_ms: 0, reading: undefined, isTold: false };
    const entry: Entry = { place: placeOf(protocol, settings), ...empty };
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > TARGETS_MAX && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  #read(entry: Entry, subject: Subject): Promise<Catalogue | undefined> {
    const since_ms = this.#now();
    const reading: Promise<Catalogue | undefined> = subject.read().then(
      (catalogue) => {
        const took_ms = this.#now() - since_ms;
        if (entry.reading !== reading) return catalogue;
        entry.reading = undefined;
        // What is the same stays the same object, and with it all that was found out about it.
        if (entry.catalogue?.digest !== catalogue.digest) entry.catalogue = catalogue;
        entry.read_ms = since_ms;
        entry.until_ms = since_ms + Math.min(FRESH_MS_MAX, Math.max(CATALOGUE_FRESH_MS, FRESH_PER_READING * took_ms));
        entry.isTold = false;
        return entry.catalogue;
      },
      (error) => this.#failed(entry, reading, error),
    );
    entry.reading = reading;
    return reading;
  }

  #failed(entry: Entry, reading: Promise<Catalogue | undefined>, error: unknown): Catalogue | undefined {
    if (entry.reading !== reading) return undefined;
    const now = this.#now();
    entry.reading = undefined;
    entry.until_ms = now + FAILED_MS;
    if (now - entry.read_ms > KEPT_MS) entry.catalogue = undefined;
    if (!entry.isTold) this.#log.warn({ err: asAppError(error), target: entry.place }, 'What is at a target cannot be read');
    entry.isTold = true;
    return entry.catalogue;
  }

  #now(): number {
    return this.#clock.micros() / 1_000;
  }
}

/** What a target is called for those who change it. */
export function placeOf(protocol: string, settings: Readonly<Record<string, string>>): string {
  return `${protocol} ${settings.HOST ?? ''}:${settings.PORT ?? ''}`;
}

/** Where a statement begins. What a procedure changes is seen when the time of what was read is over. */
const CHANGES = /(?:^|[;\n]|\*\/)\s*(?:alter|drop|rename|import|create(?!\s+(?:or\s+replace\s+)?(?:local\s+|global\s+)?temp))\b/i;
const ENDS = /(?:^|[;\n]|\*\/)\s*(?:commit|end|prepare\s+transaction)\b/i;
