import { Fields } from './fields.ts';

/** Query: String. @throws PeerFault `bad_message` */
export function decodeQuery(body: Buffer): string {
  const fields = new Fields(body);
  const text = fields.cstring();
  fields.end();
  return text;
}

/** Parse: String statement name, String text, Int16 count, Int32 type each. */
export interface Parse {
  readonly name: string;
  readonly text: string;
}

export function decodeParse(body: Buffer): Parse {
  const fields = new Fields(body);
  const name = fields.cstring();
  const text = fields.cstring();
  const count = fields.int16();
  fields.bytes(count * 4);
  fields.end();
  return { name, text };
}

/** Bind starts with String portal, String statement; the parameters after them are not looked at. */
export function decodeBindHead(head: Buffer): { portal: string; statement: string } {
  const fields = new Fields(head);
  return { portal: fields.cstring(), statement: fields.cstring() };
}

/**
 * Formats of results at the end of a Bind: Int16 count and Int16 each, behind Int16 count and Int16 formats of parameters, then Int16
 * count and Int32 length (-1: null) and bytes of each. @throws PeerFault `bad_message`
 */
export function decodeResultFormats(body: Buffer): number[] {
  const fields = new Fields(body);
  fields.cstring();
  fields.cstring();
  fields.bytes(fields.int16() * 2);
  for (let left = fields.int16(); left > 0; left--) fields.bytes(Math.max(fields.int32(), 0));
  const formats: number[] = [];
  for (let left = fields.int16(); left > 0; left--) formats.push(fields.int16());
  return formats;
}

/** Execute: String portal, Int32 rows at most (0: all). */
export function decodeExecute(body: Buffer): { portal: string } {
  const fields = new Fields(body);
  const portal = fields.cstring();
  fields.int32();
  fields.end();
  return { portal };
}

/** Describe and Close: Byte1 'S' or 'P', String name. */
export function decodeTarget(body: Buffer): { what: 'statement' | 'portal'; name: string } {
  const fields = new Fields(body);
  const what = fields.byte() === 0x53 ? 'statement' : 'portal';
  const name = fields.cstring();
  fields.end();
  return { what, name };
}

/** FunctionCall starts with Int32 object id of the function. */
export function decodeFunctionOid(body: Buffer): number {
  return new Fields(body).int32() >>> 0;
}

/** Large objects go over FunctionCall in libpq; these are their functions in pg_proc. */
export const LARGE_OBJECT_FUNCTIONS: ReadonlyMap<number, string> = new Map([
  [715, 'lo_create'],
  [952, 'lo_open'],
  [953, 'lo_close'],
  [954, 'loread'],
  [955, 'lowrite'],
  [956, 'lo_lseek'],
  [957, 'lo_creat'],
  [958, 'lo_tell'],
  [964, 'lo_unlink'],
  [1004, 'lo_truncate'],
  [3170, 'lo_lseek64'],
  [3171, 'lo_tell64'],
  [3172, 'lo_truncate64'],
]);
