import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { TargetFault } from '@hoop/core/errors';
import { isStopped, isTerminals } from './process-state.ts';

/** What a shell ends with when a command is not there, or cannot be run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** What a terminal sends to everybody in front of it: the command has it already, when it comes from there. */
const TERMINAL_SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGWINCH'] as const;

/** What somebody sends to this process, and means the command. */
const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT'] as const;

/** The command could not be started; `exitCode` is what a shell would have ended with. */
export class CommandFault extends TargetFault {
  readonly exitCode: number;

  constructor(program: string, cause: NodeJS.ErrnoException) {
    super('command_not_started', `${program} cannot be run: ${REASONS[cause.code ?? ''] ?? cause.message}`, { cause });
    this.exitCode = cause.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE;
  }
}

const REASONS: Readonly<Record<string, string>> = { ENOENT: 'there is no such program', EACCES: 'it is not executable' };

/**
 * Runs a command as if it had been started in place of this process: with its terminal or pipes, every signal, and its exit code, which
 * is 128 + the number of the signal that ended it. Nothing is read from the terminal here, and nothing is written.
 * @throws CommandFault when it could not be started
 */
export async function runForeground(
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const [program, ...args] = command;
  const off: (() => void)[] = [];
  const on = (signal: NodeJS.Signals, act: () => void): void => {
    process.on(signal, act);
    off.push(() => process.off(signal, act));
  };
  try {
    // Before the command is there, and as its own process may have them: from here on they mean the command.
    let pass = (_signal: NodeJS.Signals): void => undefined;
    for (const signal of TERMINAL_SIGNALS) on(signal, () => isTerminals() || pass(signal));
    for (const signal of SIGNALS) on(signal, () => pass(signal));
    // A command that stops itself (Ctrl-Z in an editor) gives the terminal back to the shell, which waits for this process.
    let stopWith = (): void => undefined;
    on('SIGCHLD', () => stopWith());
    const child = spawn(program, args, { stdio: 'inherit', env: { ...environment } });
    pass = (signal) => void child.kill(signal);
    stopWith = () => {
      if (child.pid !== undefined && isStopped(child.pid)) process.kill(process.pid, 'SIGSTOP');
    };
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => reject(new CommandFault(command[0], cause)));
      child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
    });
  } finally {
    for (const undo of off) undo();
  }
}
