import { setTimeout as pause } from 'node:timers/promises';
import { GONE_POLL_MS, KILL_WAIT_MS, TERMINATE_GRACE_MS } from '../limits.ts';
import { foregroundGroup, processesOf, sendSignal } from './processes.ts';

/** Leaders of what runs now: killed with the agent's process, however it ends as long as it ends by itself. */
const RUNNING = new Set<number>();
let watching = false;

/** Everything that a command started. It is ended as one. */
export class ProcessGroup {
  readonly #leader: number;
  readonly #session: string;
  readonly #isTerminal: boolean;
  #ending: Promise<void> | undefined;

  constructor(leader: number, session: string, isTerminal: boolean) {
    this.#leader = leader;
    this.#session = session;
    this.#isTerminal = isTerminal;
    RUNNING.add(leader);
    if (!watching) process.once('exit', killAll);
    watching = true;
  }

  /** To the whole group; in a terminal to the group that is in its foreground, as a key would. */
  async signal(name: NodeJS.Signals): Promise<void> {
    const foreground = this.#isTerminal ? await foregroundGroup(this.#leader) : undefined;
    sendSignal(-(foreground ?? this.#leader), name);
  }

  /** Asks everything to end, and kills what is left after `TERMINATE_GRACE_MS`. Resolves when nothing is left. */
  end(): Promise<void> {
    this.#ending ??= this.#end().finally(() => RUNNING.delete(this.#leader));
    return this.#ending;
  }

  async #end(): Promise<void> {
    // An interactive shell takes no notice of TERM, and tells its jobs of HUP. What is stopped must go on to hear either.
    const polite: NodeJS.Signals[] = this.#isTerminal ? ['SIGHUP', 'SIGTERM', 'SIGCONT'] : ['SIGTERM', 'SIGCONT'];
    if (await this.#goneAfter(polite, TERMINATE_GRACE_MS)) return;
    await this.#goneAfter(['SIGKILL'], KILL_WAIT_MS);
  }

  async #goneAfter(signals: readonly NodeJS.Signals[], patience_ms: number): Promise<boolean> {
    const deadline = performance.now() + patience_ms;
    const told = new Set<number>();
    while (true) {
      const left = await processesOf(this.#leader, this.#session);
      if (left.length === 0) return true;
      if (performance.now() > deadline) return false;
      for (const pid of left.filter((each) => !told.has(each))) {
        for (const signal of signals) sendSignal(pid, signal);
        told.add(pid);
      }
      await pause(GONE_POLL_MS);
    }
  }
}

function killAll(): void {
  for (const leader of RUNNING) sendSignal(-leader, 'SIGKILL');
}
