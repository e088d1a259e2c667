import { asAppError, TargetFault } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import type { Teller } from '../output/events.ts';
import type { DialGateway, GatewayLink } from '../tunnel-port.ts';

/** How long a local client waits for a link that is being dialled again. */
const OPEN_MS_MAX = 15_000;

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MS_MAX = 30_000;

export interface KeeperOptions {
  readonly dial: DialGateway;
  readonly teller: Teller;
  readonly stop: AbortSignal;
  /** Waits for so many milliseconds, or until the signal aborts. */
  pause(duration_ms: number, signal: AbortSignal): Promise<void>;
  /** 0 to 1, spreads clients that lost the same gateway at the same moment. */
  random(): number;
}

/** One link to the gateway for all local clients, dialled again whenever it is lost. */
export class LinkKeeper {
  readonly #options: KeeperOptions;
  #link: Promise<GatewayLink>;
  #current: GatewayLink | undefined;
  readonly #closing = new AbortController();
  /** Ends the dialling: the command is being stopped, or the keeper was closed. */
  readonly #over: AbortSignal;

  private constructor(options: KeeperOptions, link: GatewayLink) {
    this.#options = options;
    this.#over = AbortSignal.any([options.stop, this.#closing.signal]);
    this.#link = this.#hold(link);
  }

  /** Dials for the first time. @throws what `dial` throws: a wrong address is not retried. */
  static async start(options: KeeperOptions): Promise<LinkKeeper> {
    return new LinkKeeper(options, await options.dial());
  }

  /** A stream to a connection; waits for the link while it is being dialled again. */
  async open(connection: string): Promise<Wire> {
    const link = await within(this.#link, OPEN_MS_MAX);
    return link.open(connection);
  }

  close(): void {
    this.#closing.abort();
    this.#current?.close();
  }

  #hold(link: GatewayLink): Promise<GatewayLink> {
    this.#current = link;
    void link.closed.then(() => {
      if (this.#over.aborted) return;
      this.#link = this.#redial();
      // Nobody may be waiting for it when it fails.
      this.#link.catch(() => undefined);
    });
    return Promise.resolve(link);
  }

  async #redial(): Promise<GatewayLink> {
    const { dial, teller, pause, random } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const wait_ms = Math.min(BACKOFF_FIRST_MS * 2 ** attempt, BACKOFF_MS_MAX) * (0.75 + random() / 2);
      const message = `The link to the gateway is lost; dialling again in ${(wait_ms / 1_000).toFixed(1)} s`;
      teller.tell({ status: 'disconnected', message, data: { attempt: attempt + 1 } });
      await pause(wait_ms, this.#over);
      if (this.#over.aborted) throw new TargetFault('gateway_lost', 'The link to the gateway was closed');
      try {
        const link = await dial();
        if (this.#over.aborted) {
          link.close();
          continue;
        }
        teller.tell({ status: 'connected', message: 'The link to the gateway is back' });
        return this.#hold(link);
      } catch (error) {
        const fault = asAppError(error);
        // A gateway that is away comes back; anything else needs a person, who is told and may mend it meanwhile.
        if (fault.code !== 'gateway_unreachable') teller.tell({ status: 'error', message: fault.message });
      }
    }
  }
}

async function within<T>(work: Promise<T>, timeout_ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new TargetFault('gateway_unreachable', 'The gateway cannot be reached now; it is dialled again');
    timer = setTimeout(() => reject(error), timeout_ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
