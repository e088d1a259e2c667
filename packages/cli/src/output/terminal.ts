import type { Readable } from 'node:stream';

/** Standard input, and what only a terminal can do. */
export interface Input extends Readable {
  readonly isTTY?: boolean;
  /** The file descriptor of a real terminal. */
  readonly fd?: number;
  setRawMode?(on: boolean): unknown;
}

export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** False: it is slow, and `drain` tells when it takes more. */
  write(text: string | Uint8Array): unknown;
  once?(event: 'drain', listener: () => void): unknown;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/**
 * The three streams of the process, the only place where the command line writes.
 * Answers go to stdout; notes, prompts, progress and errors to stderr, so that output can always be piped.
 */
export interface Terminal {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Styles for each stream: plain where it is not a terminal, or where colours are not wanted. */
  readonly outStyle: Style;
  readonly errStyle: Style;
}

export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

export interface TerminalStreams {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** A terminal over streams. `noColour` wins over everything (https://no-color.org). */
export function terminalOf(streams: TerminalStreams, noColour: boolean): Terminal {
  return {
    ...streams,
    outStyle: style(streams.stdout.isTTY === true && !noColour),
    errStyle: style(streams.stderr.isTTY === true && !noColour),
  };
}

/** Bytes as they are. A promise means that whoever reads them is slow: await it before the next. */
export function show(output: Output, bytes: Uint8Array): void | Promise<void> {
  if (output.write(bytes) !== false || output.once === undefined) return undefined;
  return new Promise((resolve) => output.once?.('drain', resolve));
}

/** One line of an answer. */
export function print(terminal: Terminal, text: string): void {
  terminal.stdout.write(`${text}\n`);
}

/** One line for the person: what happened, what to do next. */
export function note(terminal: Terminal, text: string): void {
  terminal.stderr.write(`${text}\n`);
}

/** A value as JSON, indented for people and still for machines. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function style(enabled: boolean): Style {
  const paint = (open: number, close: number): Paint => (enabled ? (text) => `\x1b[${open}m${text}\x1b[${close}m` : (text) => text);
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}
