import type { AgentHello } from '@hoop/contract/tunnel';
import type { Log } from '@hoop/core/log';
import type { Aggregates } from '@hoop/store/store';

/** Writes down when agents come and go, one after the other: an agent that comes back at once must not end as offline. */
export class AgentSightings {
  readonly #agents: Aggregates['agents'];
  readonly #gatewayId: string;
  readonly #log: Log;
  #last: Promise<void> = Promise.resolve();

  constructor(agents: Aggregates['agents'], gatewayId: string, log: Log) {
    this.#agents = agents;
    this.#gatewayId = gatewayId;
    this.#log = log;
  }

  note(agentId: string, online: boolean, hello: AgentHello): void {
    const status = online ? 'CONNECTED' : 'DISCONNECTED';
    const sighting = { status, gatewayId: this.#gatewayId, metadata: metadataOf(hello) } as const;
    this.#last = this.#last
      .then(() => this.#agents.seen(agentId, sighting))
      .catch((error: unknown) => this.#log.warn({ err: error, agent: agentId }, 'That an agent came or went could not be stored'));
  }

  /** Resolves when everything so far is written. */
  settled(): Promise<void> {
    return this.#last;
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
