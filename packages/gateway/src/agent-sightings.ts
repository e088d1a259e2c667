import type { AgentHello } from '@hoop/contract/tunnel';
import type { Log } from '@hoop/core/log';
import type { Aggregates } from '@hoop/store/store';
import type { LinkChange } from './hub.ts';

export interface SightingsDeps {
  readonly store: Pick<Aggregates, 'agents' | 'gateways'>;
  readonly gatewayId: string;
  readonly log: Log;
}

/** Writes down when agents come and go, one after the other: an agent that comes back at once must not end as offline. */
export class AgentSightings {
  readonly #deps: SightingsDeps;
  #last: Promise<void> = Promise.resolve();

  constructor(deps: SightingsDeps) {
    this.#deps = deps;
  }

  note(change: LinkChange): void {
    const { log } = this.#deps;
    this.#last = this.#last
      .then(() => this.#write(change))
      .catch((error: unknown) => log.warn({ err: error, agent: change.agentId }, 'That an agent came or went could not be stored'));
  }

  /** Resolves when everything so far is written. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #write({ agentId, connection, online, agentOnline, hello }: LinkChange): Promise<void> {
    const { store, gatewayId } = this.#deps;
    const link = { gatewayId, agentId, connection };
    await (online ? store.gateways.linked(link) : store.gateways.unlinked(link));
    await store.agents.seen(agentId, { status: agentOnline ? 'CONNECTED' : 'DISCONNECTED', gatewayId, metadata: metadataOf(hello) });
  }
}

function metadataOf(hello: AgentHello): Record<string, string> {
  return {
    version: hello.product,
    hostname: hello.hostname,
    platform: hello.platform,
    kernel_version: hello.kernel,
    machine_id: hello.machine,
  };
}
