import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/** Field names whose value is never printed, whatever object they are in. The first line of defence is `Secret`. */
const SECRET_FIELDS = ['password', 'pass', 'token', 'secret', 'key', 'authorization', 'cookie', 'credentials'];

export interface LogOptions {
  readonly level: string;
  /** `json` for machines, `human` for a terminal. */
  readonly encoding: 'json' | 'human';
  /** Where lines go; file descriptor 2 unless told otherwise, because stdout belongs to answers. */
  readonly fd?: number;
  /** Takes the lines instead of a file descriptor. It must not throw. */
  readonly to?: { write(line: string): void };
  /** Hears each line as JSON, as it is written: what must not be printed is hidden in it. It must neither throw nor log. */
  readonly tap?: (line: string) => void;
}

/** The root log of a process. Parts take a child with `log.child({ part: 'hub' })`. */
export function createLog(options: LogOptions): Log {
  const destination: { write(line: string): void } = options.to ?? pino.destination({ fd: options.fd ?? 2, sync: true });
  const { tap } = options;
  const redact = { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' };
  const lines = options.encoding === 'json' ? destination : humanLines((line) => destination.write(line));
  return pino({ level: options.level, redact, base: null }, tap ? tapped(lines, tap) : lines);
}

/** A log that says nothing, for tests. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}

function tapped(lines: DestinationStream, tap: (line: string) => void): DestinationStream {
  return {
    write(line: string): void {
      lines.write(line);
      tap(line);
    },
  };
}

const LEVELS: Record<number, string> = { 10: 'TRACE', 20: 'DEBUG', 30: 'INFO ', 40: 'WARN ', 50: 'ERROR', 60: 'FATAL' };

function humanLines(write: (line: string) => void): { write(line: string): void } {
  return {
    write(line: string): void {
      const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: number; msg?: string };
      const facts = Object.entries(rest).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
      const clock = new Date(time).toISOString().slice(11, 23);
      write(`${clock} ${LEVELS[level] ?? level} ${msg ?? ''}${facts.length > 0 ? `  ${facts.join(' ')}` : ''}\n`);
    },
  };
}
