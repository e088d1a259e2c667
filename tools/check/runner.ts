import { type ChildProcess, spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the program, and all that it started, when this many milliseconds have passed without a sign of life. */
  readonly silence?: { readonly ms_max: number; lastSign_ms(): number };
  /** Gets what the program prints, when it has ended; without it the program prints where we do. */
  readonly output?: (text: string) => void;
}

/** Runs programs until it is told to stop. */
export class Runner {
  readonly #signal: AbortSignal;
  readonly #children = new Set<ChildProcess>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#children.forEach(killGroup), { once: true });
  }

  /** Resolves with the exit code; 1 for a program that could not be started or was ended by a signal. */
  async run(command: string, args: readonly string[], { silence, output, ...options }: RunOptions): Promise<number> {
    this.#signal.throwIfAborted();
    const print = output ? 'pipe' : 'inherit';
    // A process group of its own, so that what it started can be ended with it.
    const child = spawn(command, args, { ...options, stdio: ['ignore', print, print], detached: true });
    this.#children.add(child);
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
    const stopWatch = silence ? watch(silence, () => killGroup(child)) : () => undefined;
    try {
      return await new Promise((resolve) => {
        child.once('error', (error) => {
          process.stderr.write(`${command} could not be started: ${error.message}\n`);
          resolve(1);
        });
        child.once('close', (code) => resolve(code ?? 1));
      });
    } finally {
      stopWatch();
      // What it left running goes with it.
      killGroup(child);
      this.#children.delete(child);
      output?.(Buffer.concat(chunks).toString('utf8'));
    }
  }
}

function watch(silence: { readonly ms_max: number; lastSign_ms(): number }, end: () => void): () => void {
  const since_ms = Date.now();
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const left_ms = Math.max(since_ms, silence.lastSign_ms()) + silence.ms_max - Date.now();
    if (left_ms <= 0) end();
    else timer = setTimeout(look, left_ms);
  };
  look();
  return () => clearTimeout(timer);
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
