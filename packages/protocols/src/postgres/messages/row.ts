import { HEADER_BYTES } from '../frame.ts';
import { Fields, malformed } from './fields.ts';

/** RowDescription: Int16 count, then for each column: name, Int32 table, Int16 column, Int32 type, Int16 size, Int32 modifier, Int16 format. */
export interface Column {
  readonly name: string;
  readonly type: number;
  /** 0 text, 1 binary. */
  readonly format: number;
}

/** @throws PeerFault `bad_message` */
export function decodeRowDescription(body: Buffer): Column[] {
  const fields = new Fields(body);
  const count = fields.int16();
  const columns: Column[] = [];
  for (let index = 0; index < count; index++) {
    const name = fields.cstring();
    fields.bytes(6);
    const type = fields.int32();
    fields.bytes(6);
    columns.push({ name, type, format: fields.int16() });
  }
  fields.end();
  return columns;
}

/** DataRow: Int16 count, then for each cell Int32 length (-1: null) and the bytes. @throws PeerFault `bad_message` */
export function decodeDataRow(body: Buffer): (Buffer | null)[] {
  const fields = new Fields(body);
  const count = fields.int16();
  if (count < 0) throw malformed('a negative number of cells');
  const cells: (Buffer | null)[] = [];
  for (let index = 0; index < count; index++) {
    const length = fields.int32();
    cells.push(length === -1 ? null : fields.bytes(length));
  }
  fields.end();
  return cells;
}

/** The same, cell by cell. @throws PeerFault `bad_message` */
export class DataRow {
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  /** Where the cell begins and ends that `step` came to. */
  from = 0;
  to = 0;

  /** @param bytes with a message in [start, end), with its header */
  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    if (end - start < HEADER_BYTES + 2) throw malformed('a field past its end');
    this.#bytes = bytes;
    this.#end = end;
    this.#at = start + HEADER_BYTES + 2;
    this.count = bytes.readInt16BE(start + HEADER_BYTES);
    if (this.count < 0) throw malformed('a negative number of cells');
  }

  /** Goes on to the next cell; false where it has no value. */
  step(): boolean {
    const from = this.#at + 4;
    if (from > this.#end) throw malformed('a field past its end');
    const length = this.#bytes.readInt32BE(this.#at);
    this.from = from;
    this.to = this.#at = from + Math.max(length, 0);
    if (length < -1 || this.#at > this.#end) throw malformed('a field past its end');
    return length >= 0;
  }

  next(): Buffer | null {
    return this.step() ? this.#bytes.subarray(this.from, this.to) : null;
  }

  /** All cells have been read. */
  end(): void {
    if (this.#at !== this.#end) throw malformed('bytes after its end');
  }
}

/** Takes cells away from a row where it stands: what is behind them moves up. */
export class Nulls {
  readonly #bytes: Buffer;
  readonly #start: number;
  #kept: number;
  #shift = 0;

  /** @param start of the message */
  constructor(bytes: Buffer, start: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#kept = start;
  }

  /** The cell in [from, to) has no value from now on. In the order of the row. */
  add(from: number, to: number): void {
    this.#move(from);
    this.#bytes.writeInt32BE(-1, from - 4 - this.#shift);
    this.#shift += to - from;
    this.#kept = to;
  }

  /** How many bytes the message has now. @param end where it ended */
  end(end: number): number {
    this.#move(end);
    const bytes = end - this.#start - this.#shift;
    this.#bytes.writeInt32BE(bytes - 1, this.#start + 1);
    return bytes;
  }

  #move(to: number): void {
    if (this.#shift > 0) this.#bytes.copyWithin(this.#kept - this.#shift, this.#kept, to);
  }
}

export function encodeDataRow(cells: readonly (Buffer | null)[]): Buffer {
  const length = cells.reduce((sum, cell) => sum + 4 + (cell?.length ?? 0), 4 + 2);
  const message = Buffer.allocUnsafe(1 + length);
  message[0] = 0x44;
  message.writeInt32BE(length, 1);
  message.writeInt16BE(cells.length, HEADER_BYTES);
  let at = HEADER_BYTES + 2;
  for (const cell of cells) {
    message.writeInt32BE(cell ? cell.length : -1, at);
    at += 4;
    if (cell) at += cell.copy(message, at);
  }
  return message;
}

/** CommandComplete: String tag, such as `SELECT 5` or `INSERT 0 1`. */
export function decodeTag(body: Buffer): string {
  if (body.length === 0 || body.indexOf(0) !== body.length - 1) throw malformed('a text without its end');
  return body.toString('utf8', 0, body.length - 1);
}

/** The row count at the end of a whole CommandComplete, or 0 where its tag has none. @throws PeerFault `bad_message` */
export function rowsOfTag(message: Buffer): number {
  const end = message.length - 1;
  if (end < HEADER_BYTES || message[end] !== 0) throw malformed('a text without its end');
  let rows = 0;
  for (let at = end - 1, unit = 1; at >= HEADER_BYTES; at--, unit *= 10) {
    const digit = (message[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    rows += digit * unit;
  }
  return rows;
}
