import type { Readable } from 'node:stream';
import type { HshEnv } from './env.ts';

export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
}

export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** What a command gets from the process it runs in; a test gives its own. */
export interface Context {
  readonly env: HshEnv;
  readonly stdin: Input;
  /** Answers only: in the wrapped programs it belongs to them. */
  readonly stdout: Output;
  readonly stderr: Output;
  /** Milliseconds since 1970. */
  now(): number;
}

/** One line for the person. */
export function note(context: Context, text: string): void {
  context.stderr.write(`${text}\n`);
}

/** What hsh decided, with `HSH_DEBUG`. Never give it a token or a password. */
export function debug(context: Context, line: string): void {
  if (context.env.debug) context.stderr.write(`[hsh debug] ${line}\n`);
}
