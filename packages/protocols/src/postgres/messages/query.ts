import { Fields, malformed } from './fields.ts';

/** Query: String. @throws PeerFault `bad_message` */
export function decodeQuery(body: Buffer): string {
  const end = body.indexOf(0);
  if (end < 0) throw malformed('a text without its end');
  if (end !== body.length - 1) throw malformed('bytes after its end');
  return body.toString('utf8', 0, end);
}

/** Parse: String statement name, String text, Int16 count, Int32 type each. */
export interface Parse {
  readonly name: string;
  readonly text: string;
}

export function decodeParse(body: Buffer): Parse {
  const afterName = body.indexOf(0) + 1;
  const afterText = afterName === 0 ? 0 : body.indexOf(0, afterName) + 1;
  if (afterText === 0) throw malformed('a text without its end');
  if (afterText + 2 > body.length || afterText + 2 + body.readInt16BE(afterText) * 4 !== body.length)
    throw malformed('a wrong number of types');
  return { name: afterName === 1 ? '' : body.toString('utf8', 0, afterName - 1), text: body.toString('utf8', afterName, afterText - 1) };
}

/** The portal of an Execute: String portal, Int32 rows at most (0: all). @throws PeerFault `bad_message` */
export function decodeExecute(body: Buffer): string {
  const end = body.length - 5;
  if (end < 0 || body.indexOf(0) !== end) throw malformed('a name without its end');
  return end === 0 ? '' : body.toString('utf8', 0, end);
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
