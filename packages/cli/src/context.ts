import type { CliEnv } from './env.ts';
import type { Terminal } from './output/terminal.ts';

/** What a command gets from the process it runs in; a test gives its own. */
export interface Context {
  readonly env: CliEnv;
  readonly terminal: Terminal;
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Aborts on the first SIGINT or SIGTERM with an `Exit` as its reason; a second one ends the process at once.
   * Before the first call the signals keep their usual meaning. With `hangUp` SIGHUP counts too: for who has a terminal
   * to put in order; everybody else should live on under `nohup`.
   */
  stopSignal(options?: { readonly hangUp?: boolean }): AbortSignal;
}
