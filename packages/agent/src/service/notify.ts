import { execFile } from 'node:child_process';

/** How the status begins while there is a link: `hoop agent status` reads it. */
export const LINKED = 'Linked to ';

export interface NotifyOptions {
  /** `NOTIFY_SOCKET`; nobody listens when undefined. */
  readonly socket: string | undefined;
  /** `WATCHDOG_USEC`, in milliseconds; no watchdog when undefined. */
  readonly watchdog_ms: number | undefined;
  readonly path: string;
}

/** Ready without a link: whoever waits for the start of this service must not wait for a gateway that is away. */
const READY_MS_MAX = 20_000;
const NOTICE_MS_MAX = 5_000;

/**
 * Tells systemd how the agent is doing (sd_notify(3)). Node.js has no datagram sockets of the local kind, so `systemd-notify` speaks:
 * a few milliseconds for each change of the link, and three times within a watchdog's time.
 * A notice that cannot be delivered is no reason to fail.
 */
export class ServiceNotifier {
  readonly #options: NotifyOptions;
  #last = Promise.resolve();
  #ready = false;
  #late: NodeJS.Timeout | undefined;
  #ping: NodeJS.Timeout | undefined;
  #status = '';

  constructor(options: NotifyOptions) {
    this.#options = options;
    if (options.socket === undefined) return;
    this.#late = setTimeout(() => this.#becomeReady(), READY_MS_MAX);
    this.#late.unref();
    this.#watch();
  }

  /** There is a link. `gateway` is its address. */
  linked(gateway: string, agent: string): void {
    this.#say(`${LINKED}${gateway} as ${agent}`);
    this.#becomeReady();
  }

  /** There is none, and why. */
  unlinked(reason: string): void {
    this.#say(reason);
  }

  /** The agent is about to end. Resolves when systemd has been told. */
  async stopping(reason: string): Promise<void> {
    clearTimeout(this.#late);
    clearTimeout(this.#ping);
    this.#send('STOPPING=1', `STATUS=${oneLine(reason)}`);
    await this.#last;
  }

  #say(status: string): void {
    const line = oneLine(status);
    if (line === this.#status) return;
    this.#status = line;
    this.#send(`STATUS=${line}`);
  }

  #becomeReady(): void {
    clearTimeout(this.#late);
    if (this.#ready) return;
    this.#ready = true;
    this.#send('READY=1');
  }

  /** An event loop that stands still tells nothing, and that is the point. */
  #watch(): void {
    const { watchdog_ms } = this.#options;
    if (watchdog_ms === undefined) return;
    this.#ping = setTimeout(() => {
      this.#send('WATCHDOG=1');
      this.#watch();
    }, watchdog_ms / 3);
    this.#ping.unref();
  }

  /** One after the other, so that the last word is the last. */
  #send(...assignments: readonly string[]): void {
    const { socket, path } = this.#options;
    if (socket === undefined) return;
    const env = { PATH: `${path}:/usr/bin:/bin`, NOTIFY_SOCKET: socket };
    this.#last = this.#last.then(
      () =>
        new Promise((resolve) => {
          execFile('systemd-notify', assignments, { env, timeout: NOTICE_MS_MAX }, () => resolve());
        }),
    );
  }
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 500);
}
