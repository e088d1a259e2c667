import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import pty from '@lydell/node-pty';
import { plainEnv } from '../env.ts';

/** What a client of exec and attach has opened. */
export interface Channels {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Each piece is one size, as JSON. */
  readonly resize: Readable | undefined;
  /** How it ended: the last that the client hears. */
  status(status: object): void;
}

/** Runs a command in a pod's directory, with the client's channels as its own. */
export function runRemotely(command: readonly string[], directory: string, tty: boolean, channels: Channels): void {
  const [file = '', ...args] = command;
  if (tty) runInTerminal(file, args, directory, channels);
  else runPlainly(file, args, directory, channels);
}

function runPlainly(file: string, args: readonly string[], cwd: string, { stdin, stdout, stderr, status }: Channels): void {
  const child = spawn(file, args, { cwd, env: plainEnv() });
  child.stdin.on('error', () => undefined);
  if (stdin) stdin.pipe(child.stdin);
  else child.stdin.end();
  stdin?.once('close', () => child.stdin.end());
  child.stdout.on('data', (piece: Buffer) => stdout?.write(piece));
  child.stderr.on('data', (piece: Buffer) => stderr?.write(piece));
  child.once('error', (error) => status(failure('InternalError', error.message)));
  child.once('close', (code) => status(statusOf(code ?? 137)));
}

function runInTerminal(file: string, args: readonly string[], cwd: string, { stdin, stdout, resize, status }: Channels): void {
  const terminal = pty.spawn(file, [...args], { cwd, env: plainEnv({ TERM: 'xterm' }) });
  terminal.onData((text) => void stdout?.write(Buffer.from(text)));
  stdin?.on('data', (piece: Buffer) => terminal.write(piece.toString()));
  resize?.on('data', (piece: Buffer) => {
    const { Width, Height } = JSON.parse(piece.toString()) as { Width: number; Height: number };
    if (Width > 0 && Height > 0) terminal.resize(Width, Height);
  });
  const hangUp = (): void => terminal.kill();
  stdin?.once('close', hangUp);
  terminal.onExit(({ exitCode }) => {
    stdin?.off('close', hangUp);
    status(statusOf(exitCode));
  });
}

function statusOf(code: number): object {
  if (code === 0) return { metadata: {}, status: 'Success' };
  const causes = [{ reason: 'ExitCode', message: String(code) }];
  return { ...failure('NonZeroExitCode', `command terminated with non-zero exit code: exit status ${code}`), details: { causes } };
}

function failure(reason: string, message: string): object {
  return { metadata: {}, status: 'Failure', reason, message };
}
