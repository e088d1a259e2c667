import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { saveStored } from '../config.ts';
import type { Context } from '../context.ts';
import { readEnv } from '../env.ts';
import { Exit } from '../failure.ts';
import { type Input, type Output, terminalOf } from '../output/terminal.ts';
import { run } from '../run.ts';
import type { FakeGateway } from './fake-gateway.ts';

/** What a stream was given. */
export class Captured implements Output {
  readonly isTTY: boolean;
  columns: number | undefined;
  rows: number | undefined;
  readonly #chunks: Buffer[] = [];
  readonly #resized = new Set<() => void>();
  #waiting: { readonly pattern: RegExp; resolve(): void }[] = [];

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString('utf8');
  }

  write(chunk: string | Uint8Array): boolean {
    this.#chunks.push(Buffer.from(chunk));
    if (this.#waiting.length === 0) return true;
    const { text } = this;
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(text)) return true;
      resolve();
      return false;
    });
    return true;
  }

  on(_event: 'resize', listener: () => void): void {
    this.#resized.add(listener);
  }

  off(_event: 'resize', listener: () => void): void {
    this.#resized.delete(listener);
  }

  /** As when a person pulls at the window's corner. */
  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    for (const listener of this.#resized) listener();
  }

  /** Resolves when the text holds the pattern. */
  shows(pattern: RegExp): Promise<void> {
    if (pattern.test(this.text)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ pattern, resolve }));
  }
}

export interface ShellOptions {
  /** Environment variables besides `HOOP_HOME`. */
  readonly env?: Readonly<Record<string, string>>;
  /** What a pipe gives, or the pipe itself; a terminal where it is undefined. */
  readonly stdin?: string | Readable;
  readonly tty?: boolean;
  readonly now_ms?: number;
}

/** A home directory and the commands that run in it, in this process. */
export class Shell implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), 'hoop-cli-'));

  /** A shell that is logged in to a gateway. */
  static at(gateway: FakeGateway, token = 'a.b.c'): Shell {
    const shell = new Shell();
    saveStored(shell.home, { api_url: gateway.url, token });
    return shell;
  }

  /** Starts a command; `done` gives its exit code. */
  start(words: readonly string[], options: ShellOptions = {}): Running {
    const stop = new AbortController();
    const stdin = inputOf(options.stdin);
    const stdout = new Captured(options.tty);
    const stderr = new Captured(options.tty);
    const env = readEnv({ HOOP_HOME: this.home, ...options.env });
    const context: Context = {
      env,
      terminal: terminalOf({ stdin, stdout, stderr }, true),
      now: () => options.now_ms ?? Date.now(),
      stopSignal: () => stop.signal,
    };
    return { context, stdin, stdout, stderr, done: run(words, context), stop: (exitCode) => stop.abort(new Exit(exitCode)) };
  }

  /** Runs a command to its end. */
  async run(words: readonly string[], options: ShellOptions = {}): Promise<Result> {
    const running = this.start(words, options);
    const code = await running.done;
    return { code, out: running.stdout.text, err: running.stderr.text };
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

function inputOf(given: string | Readable | undefined): Input {
  if (given === undefined) return new FakeTty();
  return typeof given === 'string' ? PassThrough.from([Buffer.from(given)]) : given;
}

export interface Running {
  readonly context: Context;
  readonly stdin: Input;
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly done: Promise<number>;
  stop(exitCode: number): void;
}

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A terminal's input side, for what is typed in raw mode. */
export class FakeTty extends PassThrough {
  readonly isTTY = true;
  /** Every change of raw mode, in order. */
  readonly modes: boolean[] = [];

  setRawMode(on: boolean): this {
    this.modes.push(on);
    return this;
  }
}
