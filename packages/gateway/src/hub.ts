import type { AgentHello, PolicyMessage } from '@hoop/contract/tunnel';
import { TargetFault } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import type { AgentLink } from '@hoop/tunnel/link';
import type { FrameStream } from '@hoop/tunnel/stream';

interface Attached {
  readonly link: AgentLink;
  /** Sessions that run on it. */
  load: number;
}

/** A stream to an agent, and the link that it runs on. */
export interface AgentStream {
  readonly stream: FrameStream;
  readonly link: AgentLink;
  /** To be called when the session is over. */
  release(): void;
}

export interface HubOptions {
  readonly log: Log;
  /** An agent's first link came, or its last one went. */
  onChange(agentId: string, online: boolean, hello: AgentHello): void;
}

/** How long agents may take to hang up when the gateway goes down. */
const DISCONNECT_MS_MAX = 2_000;

/** The agents that are linked to this gateway now. Several processes may run with one key: new sessions go to the least loaded. */
export class AgentHub {
  readonly #options: HubOptions;
  readonly #attached = new Map<string, Attached[]>();
  #empty: (() => void) | undefined;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  attach(link: AgentLink): void {
    const links = this.#attached.get(link.agentId) ?? [];
    links.push({ link, load: 0 });
    this.#attached.set(link.agentId, links);
    this.#options.log.info({ agent: link.name, hostname: link.hello.hostname, links: links.length }, 'Agent connected');
    if (links.length === 1) this.#options.onChange(link.agentId, true, link.hello);
    void link.closed.then(() => this.#detach(link));
  }

  isOnline(agentId: string): boolean {
    return this.#attached.has(agentId);
  }

  describe(agentId: string): AgentHello | undefined {
    return this.#attached.get(agentId)?.[0]?.link.hello;
  }

  online(): readonly string[] {
    return [...this.#attached.keys()];
  }

  /** Ends every link of an agent, and with them every session on them. */
  disconnect(agentId: string, reason: string): void {
    for (const { link } of [...(this.#attached.get(agentId) ?? [])]) link.close(reason);
  }

  /** Resolves when the last link is gone, or after `timeout_ms`. */
  async disconnectAll(reason: string, timeout_ms = DISCONNECT_MS_MAX): Promise<void> {
    for (const agentId of this.online()) this.disconnect(agentId, reason);
    if (this.#attached.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout_ms);
      this.#empty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** A stream to one of the agent's processes. @throws TargetFault `agent_offline`, `agent_timeout` */
  async open(agentId: string): Promise<AgentStream> {
    const links = this.#attached.get(agentId) ?? [];
    const chosen = links.reduce<Attached | undefined>((least, each) => (!least || each.load < least.load ? each : least), undefined);
    if (!chosen) throw new TargetFault('agent_offline', 'The agent of this connection is offline; start it, or ask an administrator to');
    chosen.load++;
    try {
      const stream = await chosen.link.openStream();
      return { stream, link: chosen.link, release: () => void chosen.load-- };
    } catch (error) {
      chosen.load--;
      throw error;
    }
  }

  #detach(link: AgentLink): void {
    const left = (this.#attached.get(link.agentId) ?? []).filter((each) => each.link !== link);
    this.#options.log.info({ agent: link.name, links: left.length }, 'Agent disconnected');
    if (left.length > 0) this.#attached.set(link.agentId, left);
    else {
      this.#attached.delete(link.agentId);
      this.#options.onChange(link.agentId, false, link.hello);
      if (this.#attached.size === 0) this.#empty?.();
    }
  }
}

/** Tells the agents of open sessions that rules changed, one message a link. */
export function changePolicy(sessions: Iterable<{ readonly id: string; readonly link: AgentLink }>, policy: PolicyMessage): void {
  const byLink = new Map<AgentLink, string[]>();
  for (const { id, link } of sessions) byLink.set(link, [...(byLink.get(link) ?? []), id]);
  for (const [link, ids] of byLink) link.changePolicy(ids, policy);
}
