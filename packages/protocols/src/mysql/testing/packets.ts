/*
 * Packets as the manual has them, made without the adapter's own encoders, so that a mistake of the one is not the mistake of the other.
 */

export function packet(sequence: number, ...parts: readonly (Buffer | string | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([Buffer.from([body.length & 255, (body.length >>> 8) & 255, body.length >>> 16, sequence]), body]);
}

const text = (value: string | null): Buffer =>
  value === null ? Buffer.from([0xfb]) : Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
const id = (value: number): number[] => [value & 255, (value >>> 8) & 255, 0, 0];

/** What a client says. */
export const client = {
  quit: () => packet(0, [1]),
  useDatabase: (name: string) => packet(0, [2], name),
  query: (sql: string) => packet(0, [3], sql),
  ping: () => packet(0, [14]),
  prepare: (sql: string) => packet(0, [22], sql),
  execute: (statement: number) => packet(0, [23], id(statement), [0, 1, 0, 0, 0]),
  /** With text parameters and their types. */
  executeWith: (statement: number, ...values: readonly string[]) =>
    packet(
      0,
      [23],
      id(statement),
      [0, 1, 0, 0, 0],
      [0],
      [1],
      values.flatMap(() => [0xfd, 0]),
      ...values.map(text),
    ),
  longData: (statement: number, parameter: number, data: string) => packet(0, [24], id(statement), [parameter, 0], data),
  close: (statement: number) => packet(0, [25], id(statement)),
  fetch: (statement: number, rows: number) => packet(0, [28], id(statement), id(rows)),
  changeUser: (user: string, database: string, plugin?: string) =>
    packet(0, [17], `${user}\0\x04auth${database}\0${plugin === undefined ? '' : `\x2d\0${plugin}\0`}`),
  resetConnection: () => packet(0, [31]),
  filePart: (sequence: number, data: string) => packet(sequence, data),
} as const;

export const MORE = 8;
export const CURSOR = 0x40;
export const OUT_PARAMETERS = 0x1000;
export const TEXT = 0xfd;
export const NUMBER = 3;

interface ColumnOptions {
  readonly flags?: number;
  readonly charset?: number;
  /** Schema, table, column. */
  readonly origin?: readonly [schema: string, table: string, column: string];
}

/** What a server says. */
export const server = {
  ok: (sequence: number, rows = 0, status = 2, info = '') => packet(sequence, [0, rows, 0, status, 0, 0, 0], info === '' ? [] : text(info)),
  error: (sequence: number, words: string) => packet(sequence, [0xff, 0x7a, 0x04], `#42S02${words}`),
  columns: (sequence: number, count: number) => packet(sequence, [count]),
  column: (
    sequence: number,
    name: string,
    type: number = TEXT,
    { flags = 0, charset = 45, origin = ['d', 't', name] }: ColumnOptions = {},
  ) =>
    packet(
      sequence,
      text('def'),
      text(origin[0]),
      text(origin[1]),
      text(origin[1]),
      text(name),
      text(origin[2]),
      [0x0c, charset & 255, charset >>> 8, 255, 0, 0, 0],
      [type, flags & 255, flags >>> 8, 0, 0, 0],
    ),
  eof: (sequence: number, status = 2) => packet(sequence, [0xfe, 0, 0, status & 255, status >>> 8]),
  row: (sequence: number, ...cells: readonly (string | null)[]) => packet(sequence, ...cells.map(text)),
  /** A row of one text in the binary format. */
  binaryRow: (sequence: number, cell: string) => packet(sequence, [0, 0], text(cell)),
  /** A row of values that are encoded already, none of them NULL; `nulls` is the bitmap where some are. */
  binaryValues: (sequence: number, nulls: number, ...values: readonly (Buffer | readonly number[])[]) =>
    packet(sequence, [0, nulls], ...values),
  prepared: (sequence: number, statement: number, columns: number, parameters: number) =>
    packet(sequence, [0], id(statement), [columns, 0, parameters, 0, 0, 0, 0]),
  fileRequest: (sequence: number, name: string) => packet(sequence, [0xfb], name),
} as const;

/** A result of one text column. */
export function rows(first: number, values: readonly (string | null)[], status = 2, name = 'a'): Buffer {
  let sequence = first;
  const head = [server.columns(sequence++, 1), server.column(sequence++, name), server.eof(sequence++)];
  const body = values.map((value) => server.row(sequence++, value));
  return Buffer.concat([...head, ...body, server.eof(sequence, status)]);
}
