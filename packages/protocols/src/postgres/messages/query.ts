import { Fields, malformed } from './fields.ts';

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
  if (body.length < 2 || body.indexOf(0, 1) !== body.length - 1) throw malformed('a name without its end');
  return { what: body[0] === 0x53 ? 'statement' : 'portal', name: body.length === 2 ? '' : body.toString('utf8', 1, body.length - 1) };
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
