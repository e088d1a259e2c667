/*
 * A second encoder, as plain as can be and sharing nothing with the real one: what the codec reads in tests was written here.
 */

export function int32(value: number): Buffer {
  return Buffer.from([(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}

export function int16(value: number): Buffer {
  return Buffer.from([(value >>> 8) & 255, value & 255]);
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

export function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
}

/** What a client says. */
export const client = {
  query: (sql: string) => message('Q', text(sql)),
  parse: (name: string, sql: string, types: readonly number[] = []) =>
    message('P', text(name), text(sql), int16(types.length), ...types.map(int32)),
  bind: (portal = '', statement = '', values: readonly string[] = []) =>
    message(
      'B',
      ...[text(portal), text(statement), int16(0), int16(values.length)],
      ...values.flatMap((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]),
      int16(0),
    ),
  describe: (what: 'S' | 'P', name = '') => message('D', Buffer.from(what), text(name)),
  execute: (portal = '', rows = 0) => message('E', text(portal), int32(rows)),
  close: (what: 'S' | 'P', name = '') => message('C', Buffer.from(what), text(name)),
  functionCall: (oid: number) => message('F', int32(oid), int16(0), int16(0), int16(0)),
  copyData: (data: string) => message('d', Buffer.from(data)),
  copyDone: () => message('c'),
  copyFail: (why: string) => message('f', text(why)),
  sync: () => message('S'),
  flush: () => message('H'),
  terminate: () => message('X'),
} as const;

/** What a server says. */
export const server = {
  authentication: (method: number, ...more: readonly Buffer[]) => message('R', int32(method), ...more),
  key: (key = Buffer.from('0000002a11223344', 'hex')) => message('K', key),
  parameter: (name: string, value: string) => message('S', text(name), text(value)),
  ready: (status: 'I' | 'T' | 'E' = 'I') => message('Z', Buffer.from(status)),
  error: (sqlstate: string, words: string, severity = 'ERROR') => message('E', ...fields(sqlstate, words, severity)),
  notice: (words: string) => message('N', ...fields('00000', words, 'NOTICE')),
  notification: (channel: string, payload: string) => message('A', int32(4711), text(channel), text(payload)),
  parseComplete: () => message('1'),
  bindComplete: () => message('2'),
  closeComplete: () => message('3'),
  noData: () => message('n'),
  parameters: () => message('t', int16(0)),
  columns: (...names: readonly string[]) =>
    message(
      'T',
      int16(names.length),
      ...names.flatMap((name) => [text(name), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0)]),
    ),
  row: (...cells: readonly (string | null)[]) =>
    message(
      'D',
      int16(cells.length),
      ...cells.flatMap((cell) => (cell === null ? [int32(-1)] : [int32(Buffer.byteLength(cell)), Buffer.from(cell)])),
    ),
  complete: (tag: string) => message('C', text(tag)),
  suspended: () => message('s'),
  empty: () => message('I'),
  functionResult: (value: string | null) =>
    value === null ? message('V', int32(-1)) : message('V', int32(Buffer.byteLength(value)), Buffer.from(value)),
  copyIn: () => message('G', Buffer.from([0]), int16(1), int16(0)),
  copyOut: () => message('H', Buffer.from([0]), int16(1), int16(0)),
  copyData: (data: string) => message('d', Buffer.from(data)),
  copyDone: () => message('c'),
} as const;

function fields(sqlstate: string, words: string, severity: string): Buffer[] {
  return [text(`S${severity}`), text(`V${severity}`), text(`C${sqlstate}`), text(`M${words}`), Buffer.from([0])];
}
