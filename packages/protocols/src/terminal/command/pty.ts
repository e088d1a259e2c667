import fs from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import tty from 'node:tty';
import { TERMINAL_FRAMES } from '@hoop/contract/terminal';
import { asAppError, Misconfigured, TargetFault } from '@hoop/core/errors';
import { TERMINAL_RETRY_MS, TERMINAL_WRITE_BYTES } from '../limits.ts';
import { type CommandPlan, exitOf, type RunningCommand } from './running.ts';

/**
 * The compiled part of the package. Its own JavaScript is not used: it drops output when a slow reader holds it back while the
 * command ends, and blocks the whole process when a command does not read its input.
 */
interface NativePty {
  fork(
    file: string,
    args: readonly string[],
    environment: readonly string[],
    directory: string,
    columns: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helperPath: string,
    onExit: (code: number, signal: number) => void,
  ): { readonly fd: number; readonly pid: number };
  resize(fd: number, columns: number, rows: number): void;
}

let native: { readonly pty: NativePty; readonly helper: string } | undefined;

/** Loaded when it is first needed. @throws Misconfigured `no_terminal` where the package has nothing for this platform */
function loadNative(): { readonly pty: NativePty; readonly helper: string } {
  if (native) return native;
  try {
    const require = createRequire(import.meta.url);
    const packaged = createRequire(require.resolve('@lydell/node-pty'));
    const binaries = `@lydell/node-pty-${process.platform}-${process.arch}`;
    const helper = process.platform === 'darwin' ? packaged.resolve(`${binaries}/spawn-helper`) : '';
    native = { pty: packaged(`${binaries}/pty.node`) as NativePty, helper };
    return native;
  } catch (cause) {
    throw new Misconfigured('no_terminal', `The agent has no terminals on ${process.platform}-${process.arch}; use hoop exec`, { cause });
  }
}

/** Starts a command in a terminal of this size. @throws TargetFault `command_failed`, Misconfigured `no_terminal` */
export function startInTerminal(plan: CommandPlan, columns: number, rows: number): RunningCommand {
  const { pty, helper } = loadNative();
  const [program, ...args] = plan.argv;
  const environment = Object.entries(plan.environment).map(([name, value]) => `${name}=${value}`);
  const exited = Promise.withResolvers<ReturnType<typeof exitOf>>();
  const onExit = (code: number, signal: number): void => exited.resolve(exitOf(code, signal));
  const forked = fork(() => pty.fork(program, args, environment, plan.directory, columns, rows, -1, -1, true, helper, onExit), program);
  const stream = new tty.ReadStream(forked.fd);
  const input = new TerminalInput(forked.fd);
  // Reading from a terminal whose last program has ended is an error (EIO) on some systems; it is the end.
  stream.on('error', () => undefined);
  stream.once('close', () => input.close());
  return {
    pid: forked.pid,
    outputs: [{ kind: TERMINAL_FRAMES.stdout, stream }],
    exited: exited.promise,
    write: (bytes) => input.write(bytes),
    endInput: () => undefined,
    resize: (wide, high) => {
      if (input.open) pty.resize(forked.fd, wide, high);
    },
    close() {
      input.close();
      stream.destroy();
    },
  };
}

function fork<T>(start: () => T, program: string): T {
  try {
    return start();
  } catch (cause) {
    throw new TargetFault('command_failed', `${program} could not be started: ${asAppError(cause).message}`, { cause });
  }
}

/** Writes to a terminal as fast as it takes: a full one says so at once, and not when it has room again. */
class TerminalInput {
  readonly #fd: number;
  #tail: Promise<void> | undefined;
  open = true;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void | Promise<void> {
    const written = this.#tail ? 0 : this.#writeSome(bytes);
    if (written >= bytes.length) return undefined;
    const rest = bytes.subarray(written);
    const tail = (this.#tail ?? Promise.resolve()).then(() => this.#writeAll(rest));
    this.#tail = tail;
    return tail.then(() => {
      if (this.#tail === tail) this.#tail = undefined;
    });
  }

  close(): void {
    this.open = false;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && this.open; ) {
      const written = this.#writeSome(bytes.subarray(at));
      at += written;
      if (at < bytes.length) await pause(TERMINAL_RETRY_MS);
    }
  }

  /** How much it took; all of it where there is nobody any more. The descriptor does not block. */
  #writeSome(bytes: Uint8Array): number {
    let at = 0;
    try {
      while (at < bytes.length && this.open) {
        const length = Math.min(TERMINAL_WRITE_BYTES, bytes.length - at);
        const written = fs.writeSync(this.#fd, bytes, at, length);
        at += written;
        if (written < length) return at;
      }
      return bytes.length;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? at : bytes.length;
    }
  }
}
