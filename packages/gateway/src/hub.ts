import type { AgentHello, PolicyMessage } from '@hoop/contract/tunnel';
import { TargetFault } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import type { AgentLink } from '@hoop/tunnel/link';
import type { FrameStream } from '@hoop/tunnel/stream';

interface Attached {
  readonly link: AgentLink;
  /** Sessions that run on it. */
  load: number;
  /** When it was chosen last, as a number that grows: among equals the one that has waited longest is next. */
  turn: number;
}

/** A stream to an agent, and the link that it runs on. */
export interface AgentStream {
  readonly stream: FrameStream;
  readonly link: AgentLink;
  /** To be called when the session is over. */
  release(): void;
}

/** An agent's first link of its kind came, or the last one went. */
export interface LinkChange {
  readonly agentId: string;
  /** The connection that the link declared and serves alone; empty where it serves all of its agent's. */
  readonly connection: string;
  /** Whether there is a link of this kind now. */
  readonly online: boolean;
  /** Whether the agent has a link of any kind. */
  readonly agentOnline: boolean;
  readonly hello: AgentHello;
}

export interface HubOptions {
  readonly log: Log;
  onChange(change: LinkChange): void;
}

/** How long agents may take to hang up when the gateway goes down. */
const DISCONNECT_MS_MAX = 2_000;

/** The agents that are linked to this gateway now. Several processes may run with one key: new sessions go to the least loaded. */
export class AgentHub {
  readonly #options: HubOptions;
  readonly #attached = new Map<string, Attached[]>();
  #empty: (() => void) | undefined;
  #turns = 0;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  attach(link: AgentLink): void {
    const links = this.#attached.get(link.agentId) ?? [];
    links.push({ link, load: 0, turn: 0 });
    this.#attached.set(link.agentId, links);
    this.#options.log.info({ agent: link.name, hostname: link.hello.hostname, links: links.length }, 'Agent connected');
    if (links.filter((each) => isAlike(each.link, link)).length === 1) this.#tell(link, true);
    void link.closed.then(() => this.#detach(link));
  }

  /** Whether somebody can serve this agent's connections, or the one of this name. */
  isOnline(agentId: string, connection?: string): boolean {
    return connection === undefined ? this.#attached.has(agentId) : this.#serving(agentId, connection).length > 0;
  }

  describe(agentId: string): AgentHello | undefined {
    return this.#attached.get(agentId)?.[0]?.link.hello;
  }

  online(): readonly string[] {
    return [...this.#attached.keys()];
  }

  /**
   * Ends every link of an agent, and with them every session on them. With `keyId` only those that came with this key:
   * an agent that was made anew has another one.
   */
  disconnect(agentId: string, reason: string, keyId?: string): void {
    for (const { link } of [...(this.#attached.get(agentId) ?? [])]) {
      if (keyId === undefined || link.keyId === undefined || link.keyId === keyId) link.close(reason);
    }
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

  /** A stream to one of the processes that serve this connection; one that does not answer is passed over. @throws TargetFault `agent_offline`, `agent_timeout` */
  async open(agentId: string, connection: string): Promise<AgentStream> {
    let failure: unknown = new TargetFault(
      'agent_offline',
      'The agent of this connection is offline; start it, or ask an administrator to',
    );
    const inTurn = [...this.#serving(agentId, connection)].sort((one, other) => one.load - other.load || one.turn - other.turn);
    for (const chosen of inTurn) {
      try {
        return await this.#openOn(chosen);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async #openOn(chosen: Attached): Promise<AgentStream> {
    chosen.load++;
    chosen.turn = ++this.#turns;
    try {
      const stream = await chosen.link.openStream();
      return { stream, link: chosen.link, release: () => void chosen.load-- };
    } catch (error) {
      chosen.load--;
      throw error;
    }
  }

  /** A process that declared a connection serves nothing else, and that connection is served by nobody else while it is there. */
  #serving(agentId: string, connection: string): readonly Attached[] {
    const links = this.#attached.get(agentId) ?? [];
    const declaring = links.filter(({ link }) => declaredBy(link) === connection);
    return declaring.length > 0 ? declaring : links.filter(({ link }) => declaredBy(link) === '');
  }

  #tell(link: AgentLink, online: boolean): void {
    const { agentId, hello } = link;
    this.#options.onChange({ agentId, connection: declaredBy(link), online, agentOnline: this.isOnline(agentId), hello });
  }

  #detach(link: AgentLink): void {
    const left = (this.#attached.get(link.agentId) ?? []).filter((each) => each.link !== link);
    this.#options.log.info({ agent: link.name, links: left.length }, 'Agent disconnected');
    if (left.length > 0) this.#attached.set(link.agentId, left);
    else this.#attached.delete(link.agentId);
    if (!left.some((each) => isAlike(each.link, link))) this.#tell(link, false);
    if (this.#attached.size === 0) this.#empty?.();
  }
}

/** The connection that a process brought along; empty for one that serves all of its agent's. */
function declaredBy({ hello }: AgentLink): string {
  return hello.declares?.name ?? '';
}

function isAlike(one: AgentLink, other: AgentLink): boolean {
  return declaredBy(one) === declaredBy(other);
}

/** Tells the agents of open sessions that rules changed, one message a link. */
export function changePolicy(sessions: Iterable<{ readonly id: string; readonly link: AgentLink }>, policy: PolicyMessage): void {
  const byLink = new Map<AgentLink, string[]>();
  for (const { id, link } of sessions) byLink.set(link, [...(byLink.get(link) ?? []), id]);
  for (const [link, ids] of byLink) link.changePolicy(ids, policy);
}
