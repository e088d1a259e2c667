import type { Connection } from '@hoop/contract/routes/connections';
import { dialerOf } from '../connect/dialer.ts';
import type { Context } from '../context.ts';
import { usage } from '../failure.ts';
import type { Gateway } from '../gateway.ts';
import { jsonTeller } from '../output/events.ts';
import { printable } from '../output/table.ts';
import { note, show, type Terminal } from '../output/terminal.ts';
import { parseDuration } from '../output/time.ts';
import { escapeOption, takeOver } from '../terminal/interactive.ts';
import { runScript, scriptStream } from '../terminal/script-run.ts';
import { assertMode, withSession } from '../terminal/session.ts';
import { exitCodeOfExit, type TerminalSink } from '../terminal/terminal-client.ts';
import type { ExecOptions } from './exec.ts';

/** What `--json` keeps of each stream; what comes behind it is left out, and the event says so. */
const JSON_OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * `hoop exec` where the connection is a command: what it says goes out as it comes, and its exit code is ours.
 * At a terminal, without a script, the terminal becomes the command's.
 */
export async function execCommand(
  context: Context,
  gateway: Gateway,
  connection: Connection,
  args: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const { terminal } = context;
  const escapeKey = escapeOption(options.escape);
  const timeout_ms = timeoutOption(options.timeout);
  assertMode(connection, 'exec');
  if (options.correlationId !== undefined) throw usage('--correlation-id is for statements, not for commands. Leave it out');
  const hasScript = options.input !== undefined || options.file !== undefined;
  const atTerminal = terminal.stdin.isTTY === true && terminal.stdout.isTTY === true;
  if (!hasScript && atTerminal && options.json !== true) {
    const dial = await dialerOf(gateway, context);
    return withSession(dial, connection.name, 'exec', (wire) => takeOver(context, wire, { args, escapeKey, timeout_ms }));
  }
  // `hoop exec demo -- ls > file` at a terminal: nobody means to type anything.
  const hasInput = hasScript || args.length === 0 || terminal.stdin.isTTY !== true;
  const script = hasInput ? scriptStream({ text: options.input, file: options.file }, terminal.stdin) : undefined;
  if (hasInput && !hasScript && terminal.stdin.isTTY === true) note(terminal, terminal.errStyle.dim('Type the script; Ctrl-D ends it'));
  // Before the session is there, Ctrl-C is for nobody but us.
  const stop = context.stopSignal();
  const dial = await dialerOf(gateway, context);
  if (stop.aborted) throw stop.reason;
  return withSession(dial, connection.name, 'exec', async (wire) => {
    const sink = options.json === true ? new CollectingSink(terminal) : passingSink(terminal);
    const began_ms = context.now();
    const exit = await runScript(wire, { args, script, sink, timeout_ms, stop });
    const exitCode = exitCodeOfExit(exit);
    const truncated = exit.truncated === true;
    if (sink instanceof CollectingSink) {
      const output_status = exitCode === 0 ? 'success' : 'failed';
      const data = { ...sink.data(truncated), output_status, execution_time_ms: context.now() - began_ms };
      jsonTeller(terminal).tell({ status: 'completed', message: exitCode === 0 ? 'It worked' : 'It failed', data, exit_code: exitCode });
    } else if (truncated) {
      note(terminal, terminal.errStyle.yellow('The output was longer than the gateway lets through: what came after is cut off'));
    }
    return exitCode;
  });
}

function timeoutOption(given: string | undefined): number {
  if (given === undefined) return 0;
  const timeout_s = parseDuration(given);
  if (timeout_s === undefined || timeout_s === 0) throw usage(`--timeout "${given}" is no duration. Write it as 30s, 10m or 1h30m`);
  return timeout_s * 1_000;
}

/** Everything goes on as it comes. */
function passingSink(terminal: Terminal): TerminalSink {
  return {
    stdout: (bytes) => show(terminal.stdout, bytes),
    stderr: (bytes) => show(terminal.stderr, bytes),
    notice: (text) => note(terminal, terminal.errStyle.yellow(printable(text))),
  };
}

/** Keeps everything for one JSON object at the end. */
class CollectingSink implements TerminalSink {
  readonly #terminal: Terminal;
  readonly #stdout = new Kept();
  readonly #stderr = new Kept();
  readonly #notices: string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  stdout(bytes: Buffer): void {
    this.#stdout.push(bytes);
  }

  stderr(bytes: Buffer): void {
    this.#stderr.push(bytes);
  }

  notice(text: string): void {
    this.#notices.push(text);
    note(this.#terminal, this.#terminal.errStyle.yellow(printable(text)));
  }

  data(truncated: boolean): Record<string, unknown> {
    return {
      output: this.#stdout.text(),
      stderr: this.#stderr.text(),
      notices: this.#notices,
      truncated: truncated || this.#stdout.cut || this.#stderr.cut,
    };
  }
}

/** Bytes up to a limit. */
class Kept {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  cut = false;

  push(bytes: Buffer): void {
    const room = JSON_OUTPUT_BYTES_MAX - this.#bytes;
    if (bytes.length > room) this.cut = true;
    if (room <= 0) return;
    const kept = bytes.subarray(0, room);
    this.#chunks.push(kept);
    this.#bytes += kept.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
