import { malformed } from './fields.ts';

/** What of a Bind is needed: its parameters are not looked at. */
export interface Bind {
  readonly portal: string;
  readonly statement: string;
  /** Formats of the columns as asked for: none (text), one for all, or one each. Undefined: the end has not been seen. */
  readonly formats: readonly number[] | undefined;
}

const ALL_TEXT: readonly number[] = [];
const ALL_BINARY: readonly number[] = [1];

/**
 * Bind: String portal, String statement, Int16 count and Int16 formats of parameters, Int16 count and for each Int32 length (-1: null) and
 * bytes, Int16 count and Int16 formats of columns. (PostgreSQL 17, section 54.7)
 * @param body whole, or its start
 * @throws PeerFault `bad_message`
 */
export function decodeBind(body: Buffer, isWhole: boolean, namesBytesMax: number): Bind {
  const afterPortal = body.indexOf(0) + 1;
  const afterNames = afterPortal === 0 ? 0 : body.indexOf(0, afterPortal) + 1;
  if (afterNames === 0 || afterNames > namesBytesMax) throw malformed('names without their end');
  return {
    portal: afterPortal === 1 ? '' : body.toString('utf8', 0, afterPortal - 1),
    statement: body.toString('utf8', afterPortal, afterNames - 1),
    formats: isWhole ? formatsOf(body, afterNames) : undefined,
  };
}

function formatsOf(body: Buffer, start: number): readonly number[] {
  let at = start + 2 + int16(body, start) * 2;
  let left = int16(body, at);
  for (at += 2; left > 0; left--) {
    if (at + 4 > body.length) throw malformed('a field past its end');
    at += 4 + Math.max(body.readInt32BE(at), 0);
  }
  const count = int16(body, at);
  if (count === 0) return ALL_TEXT;
  if (at + 2 + count * 2 > body.length) throw malformed('a field past its end');
  if (count === 1) return body.readInt16BE(at + 2) === 1 ? ALL_BINARY : [body.readInt16BE(at + 2)];
  return Array.from({ length: count }, (_, index) => body.readInt16BE(at + 2 + index * 2));
}

function int16(body: Buffer, at: number): number {
  if (at < 0 || at + 2 > body.length) throw malformed('a field past its end');
  return Math.max(body.readInt16BE(at), 0);
}
