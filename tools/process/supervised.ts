import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { commandLine } from './alive.ts';

/** Time from being asked to stop to being killed; more than what a gateway's drain may take. */
const STOP_MS_MAX = 40_000;

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whom it runs as, where that is not ourselves. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  readonly cwd?: string;
  /** Its output goes here. */
  readonly log: string;
  /** Its pid stands here while it runs, so that the next start can end one that was left over. */
  readonly pidFile: string;
}

/** A program in the background, in a process group of its own: Ctrl-C does not reach it, only `stop` does. */
export class Supervised {
  readonly #program: Program;
  #child: ChildProcess | undefined;

  constructor(program: Program) {
    this.#program = program;
  }

  get running(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  start(): void {
    const { command, args, env, cwd, account, log, pidFile } = this.#program;
    const output = openSync(log, 'a', 0o600);
    const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output], env, ...(cwd && { cwd }), ...account });
    closeSync(output);
    if (child.pid === undefined) {
      child.once('error', () => undefined);
      throw new Error(`${command} could not be started`);
    }
    writeFileSync(pidFile, String(child.pid), { mode: 0o600 });
    this.#child = child;
  }

  /** Resolves when the program has ended, with how. */
  async ended(): Promise<string> {
    const child = this.#child;
    if (!child) return 'not started';
    if (this.running) await new Promise<void>((resolve) => child.once('exit', () => resolve()));
    return child.signalCode ?? `exit code ${child.exitCode}`;
  }

  /** Asks it to stop and waits; a program that does not is killed. */
  async stop(): Promise<void> {
    if (this.running) {
      this.#child?.kill('SIGTERM');
      const late = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MS_MAX);
      await this.ended();
      clearTimeout(late);
    }
    rmSync(this.#program.pidFile, { force: true });
  }

  /** Ends it now, for the person who does not want to wait. */
  hurry(): void {
    if (this.running) this.#child?.kill('SIGKILL');
  }
}

/** Ends what an earlier run, killed before it could do so, left running. `mark` must stand in its command line. */
export async function endLeftover(pidFile: string, mark: string): Promise<void> {
  const pid = Number(readIfThere(pidFile));
  const lives = (): boolean => commandLine(pid).includes(mark);
  const until = Date.now() + STOP_MS_MAX;
  if (lives()) process.kill(pid, 'SIGTERM');
  while (lives()) {
    if (Date.now() > until) process.kill(pid, 'SIGKILL');
    await pause(50);
  }
  rmSync(pidFile, { force: true });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
