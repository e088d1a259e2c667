import { createReadStream, fstatSync, openSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { ExitMessage } from '@hoop/contract/terminal';
import type { Wire } from '@hoop/core/wire';
import { EXIT } from '../exit-codes.ts';
import { Exit, Failure } from '../failure.ts';
import { TerminalClient, type TerminalSink } from './terminal-client.ts';

/** After its time is up a command is ended by the agent; after so much more this end does not wait for that. */
const TIMEOUT_GRACE_MS = 15_000;

/** Setting a timer for longer ends at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface ScriptRun {
  readonly args: readonly string[];
  /** Read as far as the command takes it; undefined: there is no input. */
  readonly script: Readable | undefined;
  readonly sink: TerminalSink;
  /** 0: no limit. */
  readonly timeout_ms: number;
  /**
   * What it aborts with says which signal the command gets; the command decides what becomes of it.
   * Before the script is complete there is no command, since a script is judged whole: then it ends the session.
   */
  readonly stop: AbortSignal;
}

/**
 * Runs a command with a script as its input, and gives how it ended.
 * @throws Failure `script_timeout` where nobody ended what took too long, the stop signal's reason, and what `TerminalClient.run` throws
 */
export async function runScript(wire: Wire, { args, script, sink, timeout_ms, stop }: ScriptRun): Promise<ExitMessage> {
  const client = new TerminalClient(wire);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let complete = script === undefined;
  const onStop = (): void => (complete ? client.signal(signalOf(stop.reason)) : failed.reject(stop.reason));
  const timer =
    timeout_ms === 0 ? undefined : setTimeout(() => failed.reject(late()), Math.min(timeout_ms + TIMEOUT_GRACE_MS, TIMER_MS_MAX));
  // The size of a pipe is nobody's; the schema wants one.
  client.start({ mode: 'pipe', args: [...args], columns: 80, rows: 24, term: 'dumb', timeout_ms });
  const release = script === undefined ? undefined : feed(script, client, () => (complete = true), failed.reject);
  if (!script) client.inputEnd();
  if (stop.aborted) onStop();
  stop.addEventListener('abort', onStop, { once: true });
  try {
    return await Promise.race([client.run(sink), failed.promise]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
    release?.();
    client.close();
  }
}

/** The script as a stream: a text, a file, or stdin for `-`. @throws Failure `file_unreadable` */
export function scriptStream(source: { readonly text?: string; readonly file?: string }, stdin: Readable): Readable {
  if (source.text !== undefined) return Readable.from([Buffer.from(source.text)]);
  if (source.file === undefined || source.file === '-') return stdin;
  try {
    const fd = openSync(source.file, 'r');
    if (fstatSync(fd).isDirectory()) throw Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
    return createReadStream(source.file, { fd });
  } catch (error) {
    throw unreadable(source.file, error);
  }
}

function unreadable(what: string, error: unknown): Failure {
  const why = (error as NodeJS.ErrnoException).code;
  return new Failure('file_unreadable', `The script${what === '' ? '' : ` ${what}`} cannot be read (${why}). Check its name and mode`, {
    cause: error,
  });
}

/** Passes the script on as fast as the command takes it. Gives what lets go of it. */
function feed(script: Readable, client: TerminalClient, done: () => void, fail: (reason: Error) => void): () => void {
  let released = false;
  const onData = (chunk: Buffer): void => {
    const held = client.input(chunk);
    if (!held) return;
    script.pause();
    held.then(
      // Once let go, stdin must stay still: the process ends when nothing reads it.
      () => released || script.resume(),
      () => undefined,
    );
  };
  const onEnd = (): void => {
    client.inputEnd();
    done();
  };
  script.on('data', onData);
  script.once('end', onEnd);
  script.on('error', (error) => fail(unreadable('', error)));
  return () => {
    released = true;
    script.off('data', onData);
    script.off('end', onEnd);
    script.pause();
    // A paused pipe lets the process end; a file is ours to close.
    if ('fd' in script && script.fd !== 0) script.destroy();
  };
}

function signalOf(reason: unknown): 'INT' | 'TERM' | 'HUP' {
  const code = reason instanceof Exit ? reason.exitCode : EXIT.interrupted;
  return code === EXIT.terminated ? 'TERM' : code === EXIT.hungUp ? 'HUP' : 'INT';
}

function late(): Failure {
  return new Failure('script_timeout', 'The command took longer than --timeout allows, and its end was not heard of');
}
