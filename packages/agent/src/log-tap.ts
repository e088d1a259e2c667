import type { LogEntry } from '@hoop/contract/tunnel';

/** Entries from before there is somebody to tell them to: an agent says little before it dials. */
const EARLY_ENTRIES_MAX = 500;

const INFO = 30;
const LEVELS: Readonly<Record<number, LogEntry['level']>> = { 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

/** Hears what the agent logs, from `info` on, and tells it on. Lines are the log's own, in which what must not be printed is hidden already. */
export class LogTap {
  #early: LogEntry[] = [];
  #sink: ((entries: readonly LogEntry[]) => void) | undefined;

  /** For `LogOptions.tap`. */
  readonly take = (line: string): void => {
    const entry = entryOf(line);
    if (!entry) return;
    if (this.#sink) this.#sink([entry]);
    else if (this.#early.push(entry) > EARLY_ENTRIES_MAX) this.#early.shift();
  };

  /** From here on entries go there, those from before first. It must not log. */
  tellTo(sink: (entries: readonly LogEntry[]) => void): void {
    this.#sink = sink;
    if (this.#early.length > 0) sink(this.#early);
    this.#early = [];
  }
}

/** Undefined below `info`. Stacks stay here: they are long, and of use beside the code only. */
function entryOf(line: string): LogEntry | undefined {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as {
    level: number;
    time: number;
    msg?: string;
    err?: Record<string, unknown>;
  };
  if (level < INFO) return undefined;
  const { stack: _, ...error } = err ?? {};
  const facts = err ? { ...rest, err: error } : rest;
  return { at_ms: time, level: LEVELS[level] ?? 'info', message: msg ?? '', facts: JSON.stringify(facts) };
}
