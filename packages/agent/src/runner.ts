import type { PolicyMessage, ReviewAnswer } from '@hoop/contract/tunnel';
import { Refusal } from '@hoop/core/errors';
import { DRAIN_LOOK_MS, DRAIN_QUIET_MS, SESSIONS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import type { TargetMemory } from '@hoop/core/protocol';
import { protocolNamed } from '@hoop/protocols/all';
import type { SessionHost, UnconfirmedEvent } from '@hoop/tunnel/link';
import type { FrameStream } from '@hoop/tunnel/stream';
import { Catalogues } from './catalogues.ts';
import { Detection } from './detection.ts';
import { readDetectionEnv, readHome } from './env.ts';
import { EventJournal } from './event-journal.ts';
import type { OwnConnection } from './own-connection.ts';
import { readSecretsEnv } from './secrets/env.ts';
import { TargetSecrets } from './secrets/target-secrets.ts';
import { AgentSession, type SessionDeps } from './session.ts';
import { IntentClock } from './stream-audit.ts';
import { FileMemory, ProcessMemory } from './target-memory.ts';

/** Runs the sessions of one agent process. */
export class SessionRunner implements SessionHost {
  readonly #deps: SessionDeps;
  readonly #all = new Set<AgentSession>();
  readonly #byId = new Map<string, AgentSession>();
  readonly #journal = new EventJournal();
  #drained: (() => void) | undefined;
  #draining = false;

  /** Without `secrets` of its own it shares its process with others, and connections may read only the variables that are listed for them. */
  constructor(
    log: Log,
    secrets: TargetSecrets = new TargetSecrets({ env: readSecretsEnv(), ownProcess: false }),
    own?: OwnConnection,
    memory: TargetMemory = new ProcessMemory(),
    detection: Detection = new Detection(log, readDetectionEnv()),
  ) {
    this.#deps = {
      log,
      secrets,
      own,
      memory,
      detection,
      catalogues: new Catalogues(log),
      intents: new IntentClock(),
      journal: this.#journal,
      protocolNamed,
      onOpen: (id, session) => this.#byId.set(id, session),
      onOver: (id, session) => {
        if (id !== undefined && this.#byId.get(id) === session) this.#byId.delete(id);
        this.#all.delete(session);
        if (this.#all.size === 0) this.#drained?.();
      },
    };
  }

  get live(): number {
    return this.#all.size;
  }

  serve(stream: FrameStream): void {
    const session = new AgentSession(stream, this.#deps);
    this.#all.add(session);
    session.start();
    if (this.#draining) session.end(draining());
    else if (this.#all.size > SESSIONS_MAX)
      session.end(new Refusal('too_many_sessions', 'The agent has as many sessions as it can hold; try again later'));
  }

  cancel(session: string): void {
    this.#byId.get(session)?.cancel();
  }

  changePolicy(sessions: readonly string[], policy: PolicyMessage): void {
    for (const id of sessions) this.#byId.get(id)?.changePolicy(policy);
  }

  refusePolicy(sessions: readonly string[]): void {
    const reason = new Refusal('rules_unknown', 'The rules of this connection are newer than its agent; update the agent');
    for (const id of sessions) this.#byId.get(id)?.end(reason);
  }

  answerReview(session: string, answer: ReviewAnswer): void {
    this.#byId.get(session)?.answerReview(answer);
  }

  linkLost(): void {
    this.#journal.linkLost();
  }

  takeUnconfirmed(): readonly UnconfirmedEvent[] {
    return this.#journal.take();
  }

  /** Ends sessions that run nothing, waits for the others, then ends what is left. No new ones from here on. */
  async drain(timeout_ms: number): Promise<void> {
    this.#draining = true;
    const deadline = performance.now() + timeout_ms;
    for (let left = timeout_ms; left > 0 && this.#all.size > 0; left = deadline - performance.now()) {
      for (const session of [...this.#all]) if (session.isIdle(DRAIN_QUIET_MS)) session.end(draining());
      await this.#untilEmpty(Math.min(left, DRAIN_LOOK_MS));
    }
    for (const session of [...this.#all]) session.end(draining());
    await this.#untilEmpty(LAST_CANCELS_MS_MAX);
    await this.#deps.secrets.close();
  }

  #untilEmpty(timeout_ms: number): Promise<void> {
    if (this.#all.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout_ms);
      this.#drained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function draining(): Refusal {
  return new Refusal('agent_draining', 'The agent is going down; connect again in a moment');
}

/** What a drain ends may still run at its target; to stop it there takes a connection of its own. */
const LAST_CANCELS_MS_MAX = 5_000;

/** The runner of an agent in the gateway's own process, which keeps what it remembers of targets where the gateway keeps its own. */
export function localRunner(log: Log): SessionRunner {
  return new SessionRunner(log, undefined, undefined, new FileMemory(readHome(), log));
}
