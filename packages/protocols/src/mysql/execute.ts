import { join } from '@hoop/core/bytes';
import { asAppError } from '@hoop/core/errors';
import type { ExecuteContext, Execution } from '@hoop/core/protocol';
import { encodePacket, PacketReader } from './frame.ts';
import { HELD_BYTES_MAX } from './limits.ts';
import { STATUS } from './messages/capabilities.ts';
import { COMMAND, encodeQuery } from './messages/command.ts';
import { Fields } from './messages/fields.ts';
import { columnName, decodeEof, decodeError, decodeOk, ERROR, FILE_REQUEST, isEof, OK, warningsOf } from './messages/result.ts';
import { decodeTextRow } from './messages/row.ts';
import { DENIAL_STATE } from './words.ts';

/** Exit codes: the statement failed at the target, or was denied on the way. */
const FAILED = 1;
const DENIED = 254;

/** Output is handed over in pieces of this size. */
const OUTPUT_PIECE_BYTES = 64 * 1024;

/**
 * Runs a script as one query of several statements, and prints what comes back as the client of the command line does in a batch: a line
 * of names, then a line a row, with tabs in between. The relay behind the wire has logged in already.
 */
export async function execute(context: ExecuteContext): Promise<Execution> {
  const script = new Script(context);
  try {
    await script.run();
  } catch (error) {
    script.exitCode ||= FAILED;
    await script.line(`ERROR: ${asAppError(error).message}`);
  }
  await script.flush();
  await context.wire.write(encodePacket(0, Buffer.from([COMMAND.quit])));
  context.wire.end();
  return { exitCode: script.exitCode, truncated: script.truncated };
}

class Script {
  readonly #context: ExecuteContext;
  readonly #reader: PacketReader;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #bytes = 0;
  /** Of the last statement: the server keeps no others. */
  #warnings = 0;
  exitCode = 0;
  truncated = false;

  constructor(context: ExecuteContext) {
    this.#context = context;
    this.#reader = new PacketReader(context.wire);
  }

  async run(): Promise<void> {
    const greeting = await this.#payload();
    if (greeting[0] === ERROR) return this.#error(greeting);
    await this.#ask(this.#context.script);
    while (await this.#result());
    if (this.exitCode === 0 && this.#warnings > 0) await this.#tellWarnings();
  }

  async #ask(text: string): Promise<void> {
    await this.#context.wire.write(encodeQuery(text));
  }

  async line(text: string): Promise<void> {
    await this.#add(Buffer.from(`${text}\n`));
  }

  async flush(): Promise<void> {
    if (this.#pieceBytes === 0) return;
    const piece = join(this.#pieces);
    this.#pieces = [];
    this.#pieceBytes = 0;
    await this.#context.write(piece);
  }

  /** One result of the script; true when another one follows. */
  async #result(): Promise<boolean> {
    const first = await this.#payload();
    if (first[0] === ERROR) {
      await this.#error(first);
      return false;
    }
    if (first[0] === OK) return this.#changed(first);
    if (first[0] === FILE_REQUEST) {
      await this.line('ERROR: There is no file to load in a script');
      this.exitCode = FAILED;
      return false;
    }
    await this.#cells(await this.#names(first));
    const end = await this.#rows((cells) => this.#cells(cells));
    if (end[0] === ERROR) {
      await this.#error(end);
      return false;
    }
    this.#warnings = warningsOf(end);
    return (decodeEof(end) & STATUS.moreResults) !== 0;
  }

  async #names(first: Buffer): Promise<Buffer[]> {
    const names: Buffer[] = [];
    for (let left = new Fields(first).lenenc(); left > 0; left--) names.push(columnName(await this.#payload()));
    await this.#payload();
    return names;
  }

  /** Gives each row; returns what came behind the last one: an EOF, or an error. */
  async #rows(give: (cells: readonly (Buffer | null)[]) => Promise<void>): Promise<Buffer> {
    while (true) {
      const payload = await this.#payload();
      if (payload[0] === ERROR || isEof(payload)) return payload;
      await give(decodeTextRow(payload));
    }
  }

  /** A rule's words among them. Whoever may not ask for them goes without. */
  async #tellWarnings(): Promise<void> {
    await this.#ask('show warnings');
    const first = await this.#payload();
    if (first[0] === ERROR || first[0] === OK) return;
    await this.#names(first);
    await this.#rows(async ([level, code, message]) => await this.line(`${level ?? 'Warning'} (code ${code ?? 0}): ${message ?? ''}`));
  }

  /** Statements without rows say nothing unless they changed some. */
  async #changed(payload: Buffer): Promise<boolean> {
    const { affectedRows, status, warnings } = decodeOk(payload);
    this.#warnings = warnings;
    if (affectedRows > 0) await this.line(`Query OK, ${affectedRows} ${affectedRows === 1 ? 'row' : 'rows'} affected`);
    return (status & STATUS.moreResults) !== 0;
  }

  async #error(payload: Buffer): Promise<void> {
    const { code, sqlstate, message } = decodeError(payload);
    this.exitCode = sqlstate === DENIAL_STATE ? DENIED : FAILED;
    await this.line(`ERROR ${code} (${sqlstate}): ${message}`);
  }

  async #payload(): Promise<Buffer> {
    return (await this.#reader.packet(HELD_BYTES_MAX)).payload;
  }

  #cells(cells: readonly (Buffer | null)[]): Promise<void> {
    const parts: Buffer[] = [];
    cells.forEach((cell, index) => {
      if (index > 0) parts.push(TAB);
      parts.push(cell === null ? NULL : escaped(cell));
    });
    parts.push(NEWLINE);
    return this.#add(Buffer.concat(parts));
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
const NULL = Buffer.from('NULL');

/** A cell stays on its line and in its column: what would break them is written as the client of the command line does. */
function escaped(cell: Buffer): Buffer {
  if (![0x09, 0x0a, 0x5c, 0x00].some((byte) => cell.includes(byte))) return cell;
  const text = cell.toString('latin1').replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\0', '\\0');
  return Buffer.from(text, 'latin1');
}
