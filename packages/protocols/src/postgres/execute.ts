import { join } from '@hoop/core/bytes';
import type { ExecuteContext, Execution } from '@hoop/core/protocol';
import { code, encodeMessage, type Message, MessageReader } from './frame.ts';
import { MESSAGE_BYTES_MAX } from './limits.ts';
import { decodeError } from './messages/error.ts';
import { decodeDataRow, decodeRowDescription, decodeTag } from './messages/row.ts';
import { DENIAL_ROUTINE } from './words.ts';

/** Exit codes of an execution: as the command line has them. */
const FAILED = 1;
const DENIED = 254;

/** Output is handed on in pieces of about this size. */
const OUTPUT_PIECE_BYTES = 64 * 1024;

/**
 * Runs a script as one simple query, as a client of our own relay, so that it is judged, masked and recorded as any other.
 * Several statements in it are one transaction, as the protocol has it. Output: a line of column names, a line a row,
 * cells separated by tabs, then `(n rows)`; errors as `ERROR:  text`.
 */
export async function execute(context: ExecuteContext): Promise<Execution> {
  const reader = new MessageReader(context.wire);
  const output = new Output(context);
  await untilReady(reader, output);
  if (output.exitCode === 0) {
    await context.wire.write(encodeMessage('Q', context.script));
    await untilReady(reader, output);
  }
  await output.flush();
  await context.wire.write(encodeMessage('X'));
  context.wire.end();
  return { exitCode: output.exitCode, truncated: output.truncated };
}

async function untilReady(reader: MessageReader, output: Output): Promise<void> {
  while (true) {
    const message = await reader.message(MESSAGE_BYTES_MAX);
    if (message.type === code('Z')) return;
    // A FATAL is the last word: no ready comes after it.
    if (await output.take(message)) return;
  }
}

class Output {
  readonly #context: ExecuteContext;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #bytes = 0;
  #rows = 0;
  #hasRows = false;
  exitCode = 0;
  truncated = false;

  constructor(context: ExecuteContext) {
    this.#context = context;
  }

  /** Returns true when nothing more comes. */
  async take({ type, body }: Message): Promise<boolean> {
    switch (String.fromCharCode(type)) {
      case 'T':
        this.#rows = 0;
        this.#hasRows = true;
        await this.#line(decodeRowDescription(body).map((column) => Buffer.from(column.name)));
        return false;
      case 'D':
        this.#rows++;
        await this.#line(decodeDataRow(body));
        return false;
      case 'C':
        await this.#text(this.#hasRows ? `(${this.#rows} ${this.#rows === 1 ? 'row' : 'rows'})` : decodeTag(body));
        this.#hasRows = false;
        return false;
      case 'd':
        await this.#add(Buffer.from(body));
        return false;
      case 'G':
        await this.#context.wire.write(encodeMessage('f', 'There is no input to copy from in a script'));
        return false;
      case 'N':
        await this.#text(words(body).text);
        return false;
      case 'E': {
        const { text, fatal, denied } = words(body);
        this.exitCode = denied ? DENIED : FAILED;
        await this.#text(text);
        return fatal;
      }
      default:
        return false;
    }
  }

  async flush(): Promise<void> {
    if (this.#pieceBytes === 0) return;
    const piece = join(this.#pieces);
    this.#pieces = [];
    this.#pieceBytes = 0;
    await this.#context.write(piece);
  }

  #line(cells: readonly (Buffer | null)[]): Promise<void> {
    const parts: Buffer[] = [];
    cells.forEach((cell, index) => {
      if (index > 0) parts.push(TAB);
      if (cell) parts.push(cell);
    });
    parts.push(NEWLINE);
    return this.#add(Buffer.concat(parts));
  }

  #text(text: string): Promise<void> {
    return this.#add(Buffer.from(`${text}\n`));
  }

  async #add(bytes: Buffer): Promise<void> {
    const room = this.#context.outputBytesMax - this.#bytes;
    if (bytes.length > room) this.truncated = true;
    const kept = bytes.subarray(0, room);
    if (kept.length === 0) return;
    this.#bytes += kept.length;
    this.#pieces.push(kept);
    this.#pieceBytes += kept.length;
    if (this.#pieceBytes >= OUTPUT_PIECE_BYTES) await this.flush();
  }
}

const TAB = Buffer.from('\t');
const NEWLINE = Buffer.from('\n');

function words(body: Buffer): { text: string; fatal: boolean; denied: boolean } {
  const { severity, message, detail, hint, routine } = decodeError(body);
  const lines = [`${severity}:  ${message}`];
  if (detail) lines.push(`DETAIL:  ${detail}`);
  if (hint) lines.push(`HINT:  ${hint}`);
  return { text: lines.join('\n'), fatal: severity === 'FATAL' || severity === 'PANIC', denied: routine === DENIAL_ROUTINE };
}
