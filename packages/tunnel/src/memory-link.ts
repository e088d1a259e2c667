import type { AgentHello, PolicyMessage, ReviewAnswer } from '@hoop/contract/tunnel';
import { PeerFault, TargetFault } from '@hoop/core/errors';
import type { AgentLink, SessionHost } from './link.ts';
import { linkedStreams } from './memory.ts';
import type { FrameStream } from './stream.ts';

/** An agent in the gateway's own process, as `hoop start standalone` runs it. */
export class MemoryAgentLink implements AgentLink {
  readonly agentId: string;
  readonly name: string;
  readonly hello: AgentHello;
  readonly closed: Promise<void>;
  readonly #host: SessionHost;
  #gone: () => void = () => undefined;
  /** Those that are open; they end with the link, as they would with a connection. */
  readonly #streams = new Set<ReturnType<typeof linkedStreams>>();
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
    const stream = linkedStreams(() => this.#streams.delete(stream));
    this.#streams.add(stream);
    this.#host.serve(stream.there);
    return stream.here;
  }

  cancel(session: string): void {
    this.#host.cancel(session);
  }

  changePolicy(sessions: readonly string[], policy: PolicyMessage): void {
    this.#host.changePolicy(sessions, policy);
  }

  answerReview(session: string, answer: ReviewAnswer): void {
    this.#host.answerReview?.(session, answer);
  }

  close(reason: string): void {
    this.#over = true;
    for (const stream of [...this.#streams])
      stream.cut(new PeerFault('stream_lost', `The link of agent ${this.name} was ended: ${reason}`));
    this.#gone();
  }
}
