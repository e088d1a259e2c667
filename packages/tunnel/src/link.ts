import type { AgentHello, PolicyMessage, ReviewAnswer } from '@hoop/contract/tunnel';
import type { FrameStream } from './stream.ts';

/** Whose key an agent came with. */
export interface AgentIdentity {
  readonly agentId: string;
  readonly name: string;
  /** Which key of that agent; links are cut by it when the key is deleted. Undefined where none was needed. */
  readonly keyId?: string | undefined;
}

/** One running agent process, as the gateway sees it, whatever carries it. */
export interface AgentLink extends AgentIdentity {
  readonly hello: AgentHello;
  /** A new stream to the agent. @throws TargetFault `agent_timeout`, `agent_offline` */
  openStream(): Promise<FrameStream>;
  /** Asks the agent to cancel what this session runs now. */
  cancel(session: string): void;
  /** Tells the agent that the rules of these sessions changed. */
  changePolicy(sessions: readonly string[], policy: PolicyMessage): void;
  /** Tells the agent what became of an action that this session holds. */
  answerReview(session: string, answer: ReviewAnswer): void;
  /** Ends the link and every stream on it. With a code the agent need not come back: it would hear the same. */
  close(reason: string, code?: string): void;
  /** Resolves when the link is gone, whoever ended it. */
  readonly closed: Promise<void>;
}

/** The agent's half: what a link asks of whoever runs sessions. */
export interface SessionHost {
  serve(stream: FrameStream): void;
  cancel(session: string): void;
  changePolicy(sessions: readonly string[], policy: PolicyMessage): void;
  /** The rules of these sessions changed to some that are not known here: they cannot go on. */
  refusePolicy?(sessions: readonly string[]): void;
  /** Absent where nothing is ever held. */
  answerReview?(session: string, answer: ReviewAnswer): void;
  /** The link is gone, and every stream on it. */
  linkLost(): void;
  /** Events that may have been lost with the last link, in the order in which they were sent; they are told once. */
  takeUnconfirmed(): readonly UnconfirmedEvent[];
}

/** An event frame of a session, kept by the agent until the gateway must have it on its disk. */
export interface UnconfirmedEvent {
  readonly session: string;
  readonly event: Buffer;
}
