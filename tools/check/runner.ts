import { type ChildProcess, spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs programs one after the other, with our output as theirs, until it is told to stop. */
export class Runner {
  readonly #signal: AbortSignal;
  #child: ChildProcess | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#child?.kill('SIGTERM'), { once: true });
  }

  /** Resolves with the exit code; 1 for a program that could not be started or was ended by a signal. */
  run(command: string, args: readonly string[], options: RunOptions): Promise<number> {
    this.#signal.throwIfAborted();
    return new Promise((resolve) => {
      const child = spawn(command, args, { ...options, stdio: ['ignore', 'inherit', 'inherit'] });
      this.#child = child;
      child.once('error', (error) => {
        process.stderr.write(`${command} could not be started: ${error.message}\n`);
        resolve(1);
      });
      child.once('close', (code) => resolve(code ?? 1));
    });
  }
}
