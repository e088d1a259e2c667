import { type ChildProcess, spawn } from 'node:child_process';
import { plainEnv } from './env.ts';

export interface ProgramResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly cwd?: string;
  /** Another user to run as, for programs that refuse to run as root. */
  readonly uid?: number;
  readonly gid?: number;
}

/** A program of somebody else's, with what it says. */
export class Program {
  readonly child: ChildProcess;
  readonly done: Promise<ProgramResult>;
  stdout = '';
  stderr = '';

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    const { cwd, uid, gid } = options;
    const child = spawn(command, args, { env: plainEnv(options.env), cwd, uid, gid, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    // A program may leave before it has read everything.
    child.stdin.on('error', () => undefined);
    if (options.input !== undefined) child.stdin.end(options.input);
    this.done = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, signal) => resolve({ exitCode, signal, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  say(text: string): void {
    this.child.stdin?.write(text);
  }

  endInput(): void {
    this.child.stdin?.end();
  }
}

/** Runs a program to its end. */
export function runProgram(command: string, args: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  return new Program(command, args, { input: '', ...options }).done;
}
