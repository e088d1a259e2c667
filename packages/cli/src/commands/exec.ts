import { readFileSync } from 'node:fs';
import type { Client } from '@hoop/contract/client';
import { getConnection } from '@hoop/contract/routes/connections';
import { type ExecReply, execSession, getSession, getSessionResult, killSession, type Session } from '@hoop/contract/routes/sessions';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { Exit, Failure, usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { readAll } from '../input/prompt.ts';
import { typeOf } from '../output/connection.ts';
import { jsonTeller } from '../output/events.ts';
import { note } from '../output/terminal.ts';
import { spanOf } from '../output/time.ts';
import { pause } from '../pause.ts';
import { isCommand } from '../terminal/session.ts';

export interface ExecOptions {
  readonly input?: string;
  readonly file?: string;
  readonly json?: boolean;
  readonly silent?: boolean;
  readonly correlationId?: string;
  /** How long a command may take, such as `30s`. */
  readonly timeout?: string;
  /** The escape character of a terminal, or `none`. */
  readonly escape?: string;
}

/** As the API takes it; checked here too, so that a huge file is not read for nothing. */
const SCRIPT_BYTES_MAX = 8 * 1024 * 1024;

/** The gateway answers after 50 s at the latest, with the result or with `running`. */
const EXEC_REPLY_MS_MAX = 90_000;

const POLL_FIRST_MS = 500;
const POLL_MS_MAX = 5_000;

/** A session is done some moments before its result is kept. */
const RESULT_TRIES_MAX = 10;

/** `hoop exec NAME [-- ARGS]`: runs a script on a connection; its output goes to stdout. Returns the exit code. */
export async function exec(context: Context, name: string, args: readonly string[], options: ExecOptions): Promise<number> {
  if (options.input !== undefined && options.file !== undefined) throw usage('Give the script with --input or with --file, not both');
  const gateway = openGateway(context);
  const connection = await gateway.client.call(getConnection, { params: { nameOrID: name } });
  if (isCommand(connection)) {
    const { execCommand } = await import('./exec-command.ts');
    return execCommand(context, gateway, connection, args, options);
  }
  if (args.length > 0) throw usage(`${name} is of type ${typeOf(connection)}: give the script with --input, with --file or on stdin`);
  if (options.timeout !== undefined) throw usage(`--timeout is for commands, and ${name} is of type ${typeOf(connection)}`);
  return execStatements(context, gateway.client, name, options);
}

async function execStatements(context: Context, client: Client, name: string, options: ExecOptions): Promise<number> {
  const script = await scriptOf(context, options);
  const stop = context.stopSignal();
  const reply = await runScript(client, stop, {
    connection: name,
    script,
    ...(options.correlationId === undefined ? {} : { correlation_id: options.correlationId }),
  });
  if (reply.output_status !== 'running') {
    finish(context, options, reply);
    return exitCodeOfReply(reply);
  }
  const session = await untilDone(context, client, stop, reply, options);
  const late = await resultOf(client, stop, session.id);
  if (late) {
    finish(context, options, late);
    return exitCodeOfReply(late);
  }
  const exitCode = session.exit_code ?? EXIT.failed;
  if (options.json === true) {
    const data = { session_id: session.id };
    jsonTeller(context.terminal).tell({ status: 'completed', message: `Ended with exit code ${exitCode}`, data, exit_code: exitCode });
  } else note(context.terminal, `Ended with exit code ${exitCode}. See what it did with \`hoop sessions get ${session.id}\``);
  return exitCode;
}

async function runScript(
  client: Client,
  signal: AbortSignal,
  body: { readonly connection: string; readonly script: string; readonly correlation_id?: string },
): Promise<ExecReply> {
  try {
    return await client.call(execSession, { body, signal, timeout_ms: EXEC_REPLY_MS_MAX });
  } catch (error) {
    // The gateway sees the broken call and ends the script.
    if (signal.aborted) throw signal.reason;
    throw error;
  }
}

async function scriptOf(context: Context, options: ExecOptions): Promise<string> {
  const { stdin } = context.terminal;
  const script = options.input ?? (options.file === undefined ? await fromStdin() : readScript(options.file));
  if (script.trim() === '') throw usage('The script is empty. Give it with --input, with --file or on stdin');
  if (Buffer.byteLength(script) > SCRIPT_BYTES_MAX) throw usage(`The script is longer than ${SCRIPT_BYTES_MAX} bytes. Split it`);
  return script;

  async function fromStdin(): Promise<string> {
    if (stdin.isTTY === true) throw usage("There is no script. Give it with --input 'select 1', with --file FILE, or pipe it into stdin");
    return readAll(stdin, SCRIPT_BYTES_MAX);
  }
}

function readScript(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new Failure(
      'file_unreadable',
      `The script ${path} cannot be read (${(error as NodeJS.ErrnoException).code}). Check its name and mode`,
      {
        cause: error,
      },
    );
  }
}

function finish(context: Context, options: ExecOptions, reply: ExecReply): void {
  const { terminal } = context;
  const exitCode = exitCodeOfReply(reply);
  if (options.json === true) {
    const { session_id, output, output_status, truncated, execution_time } = reply;
    const data = { session_id, output, output_status, truncated, execution_time_ms: execution_time };
    jsonTeller(terminal).tell({ status: 'completed', message: messageOf(reply), data, exit_code: exitCode });
    return;
  }
  const toPerson = terminal.stdout.isTTY === true;
  terminal.stdout.write(toPerson && reply.output !== '' && !reply.output.endsWith('\n') ? `${reply.output}\n` : reply.output);
  if (reply.truncated) note(terminal, terminal.errStyle.yellow('The output was longer than the gateway keeps: what came after is cut off'));
  if (reply.output_status === 'blocked') note(terminal, terminal.errStyle.red(messageOf(reply)));
  else if (options.silent !== true && terminal.stderr.isTTY === true) {
    note(terminal, terminal.errStyle.dim(`session ${reply.session_id}, ${spanOf(Math.round(reply.execution_time * 1_000))}`));
  }
}

function messageOf(reply: ExecReply): string {
  if (reply.output_status === 'blocked') return `Policy refused it (session ${reply.session_id})`;
  return reply.output_status === 'success' ? 'It worked' : 'It failed';
}

/** What ran tells by its own code; a failure without one is 1, and a refusal is told apart from both. */
export function exitCodeOfReply(reply: Pick<ExecReply, 'output_status' | 'exit_code'>): number {
  if (reply.output_status === 'blocked') return EXIT.refused;
  if (reply.output_status === 'success') return EXIT.ok;
  return reply.exit_code > 0 && reply.exit_code < 256 ? reply.exit_code : EXIT.failed;
}

/** What it gave, where the gateway has kept it. */
async function resultOf(client: Client, stop: AbortSignal, id: string): Promise<ExecReply | undefined> {
  for (let tries = 0; tries < RESULT_TRIES_MAX; tries++) {
    const reply = await client.call(getSessionResult, { params: { session_id: id } }).catch(() => undefined);
    if (reply?.output_status !== 'running') return reply;
    await pause(POLL_FIRST_MS, stop);
  }
  return undefined;
}

async function untilDone(context: Context, client: Client, stop: AbortSignal, reply: ExecReply, options: ExecOptions): Promise<Session> {
  const { session_id: id, review_id } = reply;
  const message =
    review_id === undefined
      ? `Still running as session ${id}; waiting for its end. Ctrl-C ends it`
      : `Waiting for approval: review ${review_id}, ${reply.output}. Ctrl-C takes it back`;
  const data = { session_id: id, ...(review_id === undefined ? {} : { review_id }) };
  if (options.json === true) jsonTeller(context.terminal).tell({ status: 'running', message, data });
  else note(context.terminal, message);
  for (let wait_ms = POLL_FIRST_MS; ; wait_ms = Math.min(wait_ms * 2, POLL_MS_MAX)) {
    await pause(wait_ms, stop);
    if (stop.aborted) {
      await client.call(killSession, { params: { session_id: id } }).catch(() => undefined);
      throw stop.reason instanceof Exit ? stop.reason : new Exit(EXIT.interrupted);
    }
    const session = await client.call(getSession, { params: { session_id: id } });
    if (session.status === 'done') return session;
  }
}
