import { setTimeout as pause } from 'node:timers/promises';
import { asAppError } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { AgentClient, type AgentClientOptions } from '@hoop/tunnel/agent-client';
import type { LogTap } from '../log-tap.ts';

/** A gateway that said no is asked again after this: a key may be made anew, a name become free. */
const REFUSED_RETRY_MS = 60_000;

/** The agent beside an application: it has all the time in the world, and nothing that it meets is a reason to end. */
export class Companion {
  readonly #options: AgentClientOptions;
  readonly #log: Log;
  readonly #tap: LogTap;
  readonly #stop = new AbortController();
  #client: AgentClient | undefined;

  constructor(options: AgentClientOptions, tap: LogTap) {
    this.#options = options;
    this.#log = options.log;
    this.#tap = tap;
  }

  /** Keeps the link until `stop`. Never rejects. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const client = new AgentClient(this.#options);
      this.#client = client;
      this.#tap.tellTo((entries) => client.report(entries));
      try {
        await client.run();
      } catch (thrown) {
        const error = asAppError(thrown);
        this.#log.error({ code: error.code, retry_ms: REFUSED_RETRY_MS }, error.message);
        await pause(REFUSED_RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#client?.stop();
  }
}
