import { randomUUID } from 'node:crypto';
import { type AgentHello, type PolicyMessage, type ReviewAnswer, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { asAppError, TargetFault } from '@hoop/core/errors';
import type { Carrier } from './carrier.ts';
import { sendControl } from './control.ts';
import type { AgentIdentity, AgentLink } from './link.ts';
import type { FrameStream } from './stream.ts';

/** Streams that agents were asked to open, by the id that they must bring. */
export type DialBacks = Map<string, { readonly carrier: Carrier; take(stream: FrameStream): void }>;

/** How long an agent has to take or open a stream. */
const OPEN_MS_MAX = 10_000;

/** An agent in another process. */
export class CarriedAgentLink implements AgentLink {
  readonly agentId: string;
  readonly name: string;
  readonly keyId: string | undefined;
  readonly hello: AgentHello;
  readonly closed: Promise<void>;
  readonly #carrier: Carrier;
  readonly #control: FrameStream;
  readonly #dialBacks: DialBacks;

  constructor(parts: AgentIdentity & { hello: AgentHello; carrier: Carrier; control: FrameStream; dialBacks: DialBacks }) {
    this.agentId = parts.agentId;
    this.name = parts.name;
    this.keyId = parts.keyId;
    this.hello = parts.hello;
    this.closed = parts.carrier.closed;
    this.#carrier = parts.carrier;
    this.#control = parts.control;
    this.#dialBacks = parts.dialBacks;
  }

  openStream(): Promise<FrameStream> {
    const opening = this.#carrier.canOpen ? this.#carrier.open({ path: TUNNEL_PATHS.session, headers: {} }) : this.#dialBack();
    return new Promise((resolve, reject) => {
      const late = (): void =>
        reject(new TargetFault('agent_timeout', `Agent ${this.name} did not answer in time; check its machine's load and its log`));
      const timer = setTimeout(late, OPEN_MS_MAX);
      opening.then(
        (stream) => {
          clearTimeout(timer);
          resolve(stream);
        },
        (error) => {
          clearTimeout(timer);
          reject(new TargetFault('agent_offline', `Agent ${this.name} went offline`, { cause: asAppError(error) }));
        },
      );
    });
  }

  cancel(session: string): void {
    sendControl(this.#control, { type: 'cancel', session });
  }

  changePolicy(sessions: readonly string[], policy: PolicyMessage): void {
    sendControl(this.#control, { type: 'policy', sessions, policy });
  }

  answerReview(session: string, answer: ReviewAnswer): void {
    sendControl(this.#control, { type: 'review', session, answer });
  }

  close(reason: string, code?: string): void {
    sendControl(this.#control, { type: 'goodbye', reason, ...(code === undefined ? {} : { code }) });
    this.#control.end();
    // The goodbye leaves in this turn's write; the link must not outlive it by more than that.
    setImmediate(() => this.#carrier.close());
  }

  #dialBack(): Promise<FrameStream> {
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#dialBacks.delete(id), OPEN_MS_MAX);
      this.#dialBacks.set(id, {
        carrier: this.#carrier,
        take: (stream) => {
          clearTimeout(timer);
          resolve(stream);
        },
      });
      void this.#carrier.closed.then(() => {
        this.#dialBacks.delete(id);
        reject(new TargetFault('agent_offline', `Agent ${this.name} went offline`));
      });
      sendControl(this.#control, { type: 'dial', stream: id });
    });
  }
}
