import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { TERMINAL_FRAMES } from '@hoop/contract/terminal';
import { TargetFault } from '@hoop/core/errors';
import { type CommandPlan, exitOf, type RunningCommand } from './running.ts';

/** Starts a command with a pipe at each end, in a process group of its own. No shell reads its arguments. @throws TargetFault `command_failed`, `command_not_found`, `command_not_executable` */
export async function startInPipes({ argv: [program, ...args], environment, directory }: CommandPlan): Promise<RunningCommand> {
  const child = spawn(program, args, { cwd: directory, env: environment, detached: true, stdio: 'pipe', shell: false });
  const exited = new Promise<ReturnType<typeof exitOf>>((resolve) => {
    child.once('exit', (code, signal) => resolve(exitOf(code, signal)));
  });
  await once(child, 'spawn').catch((cause: NodeJS.ErrnoException) => {
    const code = CODES[cause.code ?? ''] ?? 'command_failed';
    throw new TargetFault(code, `${program} could not be started: ${cause.message}`, { cause });
  });
  // A command that does not read its input to the end is not at fault.
  child.stdin.on('error', () => undefined);
  let drained: Promise<void> | undefined;
  return {
    pid: child.pid ?? 0,
    outputs: [
      { kind: TERMINAL_FRAMES.stdout, stream: child.stdout },
      { kind: TERMINAL_FRAMES.stderr, stream: child.stderr },
    ],
    exited,
    write(bytes) {
      if (child.stdin.destroyed || child.stdin.write(bytes)) return undefined;
      drained ??= new Promise((resolve) => {
        const go = (): void => {
          child.stdin.off('drain', go).off('close', go);
          drained = undefined;
          resolve();
        };
        child.stdin.on('drain', go).on('close', go);
      });
      return drained;
    },
    endInput: () => void child.stdin.end(),
    resize: () => undefined,
    close() {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

/** A program may be there, and what it needs to run may not. */
const CODES: Readonly<Record<string, string>> = { ENOENT: 'command_not_found', EACCES: 'command_not_executable' };
