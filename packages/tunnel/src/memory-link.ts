import type { AgentHello, PolicyMessage } from '@hoop/contract/tunnel';
import { TargetFault } from '@hoop/core/errors';
import type { AgentLink, SessionHost } from './link.ts';
import { memoryStreams } from './memory.ts';
import type { FrameStream } from './stream.ts';

/** An agent in the gateway's own process, as `hoop start standalone` runs it. */
export class MemoryAgentLink implements AgentLink {
  readonly agentId: string;
  readonly name: string;
  readonly hello: AgentHello;
  readonly closed: Promise<void>;
  readonly #host: SessionHost;
  #gone: () => void = () => undefined;
  #over = false;

  constructor(agentId: string, name: string, hello: AgentHello, host: SessionHost) {
    this.agentId = agentId;
    this.name = name;
    this.hello = hello;
    this.#host = host;
    this.closed = new Promise((resolve) => {
      this.#gone = resolve;
    });
  }

  async openStream(): Promise<FrameStream> {
    if (this.#over) throw new TargetFault('agent_offline', `Agent ${this.name} went offline`);
    const [here, there] = memoryStreams();
    this.#host.serve(there);
    return here;
  }

  cancel(session: string): void {
    this.#host.cancel(session);
  }

  changePolicy(sessions: readonly string[], policy: PolicyMessage): void {
    this.#host.changePolicy(sessions, policy);
  }

  close(): void {
    this.#over = true;
    this.#gone();
  }
}
