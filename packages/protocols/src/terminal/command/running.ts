import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import type { ExitMessage, TerminalFrameKind } from '@hoop/contract/terminal';

/** What is needed to start a command. */
export interface CommandPlan {
  /** The program's path, then its arguments as they are. */
  readonly argv: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
}

/** A command that runs, in a pipe or in a terminal. */
export interface RunningCommand {
  readonly pid: number;
  readonly outputs: readonly { readonly kind: TerminalFrameKind; readonly stream: Readable }[];
  readonly exited: Promise<ExitMessage>;
  /** A promise means: it reads slowly. */
  write(bytes: Uint8Array): void | Promise<void>;
  endInput(): void;
  resize(columns: number, rows: number): void;
  /** Lets go of its input and output. */
  close(): void;
}

/** How a process ended, as a shell tells it. */
export function exitOf(code: number | null, signal: string | number | null | undefined): ExitMessage {
  if (!signal) return { code: code ?? 1 };
  const known = Object.entries(constants.signals);
  const [name = String(signal), number = 0] = known.find(([each, value]) => each === signal || value === signal) ?? [];
  return { code: 128 + number, signal: name.replace(/^SIG/, '') };
}
