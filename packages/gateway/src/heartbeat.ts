import { asAppError } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { GATEWAY_BEAT_MS } from '@hoop/store/gateways';
import type { Store } from '@hoop/store/store';

/** Tells the other gateways on the store that this one lives, so that they show who is linked to it. */
export class Heartbeat {
  readonly #store: Store;
  readonly #gatewayId: string;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: Store, gatewayId: string, log: Log) {
    this.#store = store;
    this.#gatewayId = gatewayId;
    this.#log = log;
  }

  /** Clears away what an earlier life left, and begins. @throws TargetFault `store_unavailable` */
  async start(): Promise<void> {
    await this.#store.gateways.forget(this.#gatewayId);
    await this.#store.gateways.beat(this.#gatewayId);
    // Nobody else looks where the store is this process's alone.
    if (this.#store.isShared) this.#arm();
  }

  /** Nobody is linked to this gateway any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await this.#store.gateways.forget(this.#gatewayId);
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat();
    }, GATEWAY_BEAT_MS);
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    try {
      await this.#store.gateways.beat(this.#gatewayId);
    } catch (error) {
      this.#log.warn({ err: asAppError(error) }, 'The other gateways could not be told that this one lives');
    }
    if (!this.#closed) this.#arm();
  }
}
