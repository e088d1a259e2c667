import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { saveStored } from '../config.ts';
import type { Context } from '../context.ts';
import { readEnv } from '../env.ts';
import { Exit } from '../failure.ts';
import { type Input, type Output, terminalOf } from '../output/terminal.ts';
import { run } from '../run.ts';
import type { FakeGateway } from './fake-gateway.ts';

/** What a stream was given, as text. */
export class Captured implements Output {
  readonly isTTY: boolean;
  text = '';
  #waiting: { readonly pattern: RegExp; resolve(): void }[] = [];

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(chunk: string | Uint8Array): boolean {
    this.text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(this.text)) return true;
      resolve();
      return false;
    });
    return true;
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
  /** What a pipe gives; a terminal where it is undefined. */
  readonly stdin?: string;
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
    const stdin = (options.stdin === undefined ? new FakeTty() : PassThrough.from([Buffer.from(options.stdin)])) as unknown as Input;
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
