import { LOG_LEVELS, type ServerLog } from '@hoop/contract/routes/server-logs';
import type { LogEntry } from '@hoop/contract/tunnel';

type Level = (typeof LOG_LEVELS)[number];

/** Entries that are kept, and their text; the oldest go first. */
const ENTRIES_MAX = 5_000;
const TEXT_LENGTH_MAX = 8 * 1024 * 1024;

/** Of one entry; the rest is in the agent's own log. */
const MESSAGE_LENGTH_MAX = 2_000;
const FACTS_LENGTH_MAX = 8_000;

/** An entry of the gateway itself, as the filter calls it. */
export const GATEWAY = 'gateway';

export interface LogQuery {
  /** Name of an agent, or `gateway`. */
  readonly agent?: string | undefined;
  /** This level and graver ones. */
  readonly level?: Level | undefined;
  /** Since this moment, ms since 1970. */
  readonly since?: number | undefined;
  readonly limit: number;
}

interface Kept {
  readonly agent: string;
  readonly at_ms: number;
  readonly level: Level;
  readonly message: string;
  readonly facts: string;
}

/** The last log entries of this gateway and of the agents that are linked to it, in memory: for a look, not for keeping. */
export class ServerLogs {
  #entries: Kept[] = [];
  #length = 0;

  /** What an agent logged lately. Whatever it says, nothing that looks like a key is kept. */
  addOfAgent(agent: string, entries: readonly LogEntry[]): void {
    for (const { at_ms, level, message, facts } of entries) this.#add({ agent, at_ms: momentOf(at_ms), level, message, facts });
  }

  /** A line of the gateway's own log, which hides secrets before it gets here. For `LogOptions.tap`. */
  readonly take = (line: string): void => {
    const { level, time, msg = '', err, ...facts } = JSON.parse(line) as { level: number; time: number; msg?: string; err?: object };
    const named = LEVEL_OF[level];
    if (named === undefined) return;
    // Stacks are of use beside the code only.
    const { stack: _, ...error } = (err ?? {}) as { stack?: string };
    this.#add({ agent: '', at_ms: time, level: named, message: msg, facts: JSON.stringify(err ? { ...facts, err: error } : facts) });
  };

  /** The newest ones that match, the oldest first. */
  list({ agent, level = 'debug', since = 0, limit }: LogQuery): ServerLog[] {
    const wanted = agent === GATEWAY ? '' : agent;
    const matches = this.#entries.filter(
      (each) => (wanted === undefined || each.agent === wanted) && gravity(each.level) >= gravity(level) && each.at_ms >= since,
    );
    // Agents report a little later than they log.
    const newest = matches.sort((one, other) => one.at_ms - other.at_ms).slice(-limit);
    return newest.map(({ at_ms, ...entry }) => ({ time: new Date(at_ms).toISOString(), ...entry }));
  }

  #add(entry: Kept): void {
    const message = cleaned(entry.message, MESSAGE_LENGTH_MAX);
    const facts = entry.facts.length > FACTS_LENGTH_MAX ? '{}' : cleaned(entry.facts, FACTS_LENGTH_MAX);
    const kept = { ...entry, message, facts };
    this.#entries.push(kept);
    this.#length += lengthOf(kept);
    // A whole tenth at once, because taking one from the front of a long list copies the rest.
    while (this.#entries.length > ENTRIES_MAX || this.#length > TEXT_LENGTH_MAX) this.#forget(Math.ceil(this.#entries.length / 10));
  }

  #forget(count: number): void {
    for (const gone of this.#entries.slice(0, count)) this.#length -= lengthOf(gone);
    this.#entries = this.#entries.slice(count);
  }
}

const LEVEL_OF: Readonly<Record<number, Level>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

function gravity(level: Level): number {
  return LOG_LEVELS.indexOf(level);
}

function lengthOf({ message, facts }: Kept): number {
  return message.length + facts.length;
}

/** Keys of agents and secrets of credentials, whose form is known. */
const SECRETS = /\b(xagt|[a-z]{2,16})-[A-Za-z0-9_-]{43}\b/g;

function cleaned(text: string, length: number): string {
  return text.slice(0, length).replaceAll(SECRETS, '[secret]');
}

/** An agent's clock may be anything; a date that cannot be written must not break the list. */
function momentOf(ms: number): number {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : 0;
}
