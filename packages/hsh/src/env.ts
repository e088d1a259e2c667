import { homedir } from 'node:os';
import { join } from 'node:path';

/** What hsh takes from the environment, read once. */
export interface HshEnv {
  /** Where its files live: `HSH_HOME`, or `~/.hsh`. */
  readonly home: string;
  /** `HSH_DEBUG` is 1, true, yes or on, in any case. */
  readonly debug: boolean;
  /** `NO_COLOR` is set, or the terminal is a dumb one. */
  readonly noColour: boolean;
}

/** Reads the environment of a process. An empty value counts as not set. */
export function readEnv(source: NodeJS.ProcessEnv = process.env): HshEnv {
  return {
    home: source.HSH_HOME?.trim() || join(homedir(), '.hsh'),
    debug: ['1', 'true', 'yes', 'on'].includes((source.HSH_DEBUG ?? '').trim().toLowerCase()),
    noColour: Boolean(source.NO_COLOR) || source.TERM === 'dumb',
  };
}
