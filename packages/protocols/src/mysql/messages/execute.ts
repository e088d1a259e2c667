import { createHash } from 'node:crypto';
import { PeerFault } from '@hoop/core/errors';
import type { Statement } from '../books.ts';
import { PARAMETER_CHARACTERS_MAX, PARAMETERS_CHARACTERS_MAX } from '../limits.ts';
import { Fields } from './fields.ts';
import { binarySize, isNullInBitmap } from './row.ts';
import { numberText, timeText } from './value.ts';

/** Behind the number of the statement: flags, and the number of iterations, which is 1. */
const FLAGS_BYTES = 5;
const UNSIGNED = 0x8000;

/**
 * What an execution runs: the statement's text, and its parameters in a comment behind it, cut where they are long.
 * (MySQL Internals, "COM_STMT_EXECUTE") @throws PeerFault `bad_message`
 */
export function executedText(payload: Buffer, statement: Statement): string {
  const count = statement.parameters;
  if (count === 0) return statement.text;
  const fields = new Fields(payload, 1 + 4);
  fields.bytes(FLAGS_BYTES);
  const nulls = fields.bytes((count + 7) >>> 3);
  if (fields.int(1) === 1) statement.parameterTypes = Array.from({ length: count }, () => fields.int(2));
  const types = statement.parameterTypes;
  if (!types) throw new PeerFault('bad_message', 'Parameters came without their types');
  let room = PARAMETERS_CHARACTERS_MAX;
  let isWhole = [...statement.longData.values()].every(({ bytes, head }) => bytes === head.length && bytes <= PARAMETER_CHARACTERS_MAX);
  const words: string[] = [];
  types.forEach((type, index) => {
    const word = wordOf(type, index, nulls, fields, statement);
    isWhole &&= word.length <= room && !word.endsWith(CUT);
    if (room > 0) words.push(word.length > room ? `${word.slice(0, room)}…` : word);
    room -= word.length;
  });
  const line = words.join(', ');
  if (isWhole) return `${statement.text}\n-- parameters: ${line}`;
  // Of what is sent ahead the end is not here; everything else is in the hash.
  return `${statement.text}\n-- parameters, not all shown: ${line} (sha256 of all: ${createHash('sha256').update(payload).digest('hex')})`;
}

/** How a value that was cut ends. */
const CUT = '…"';

function wordOf(type: number, index: number, nulls: Buffer, fields: Fields, { longData }: Statement): string {
  const ahead = longData.get(index);
  if (ahead) return `${quoted(ahead.head)} /* ${ahead.bytes} bytes sent ahead */`;
  return isNullInBitmap(nulls, index, 0) ? 'NULL' : valueText(type, fields);
}

function valueText(type: number, fields: Fields): string {
  const kind = type & 0xff;
  const isSigned = (type & UNSIGNED) === 0;
  const size = sizeOf(kind);
  if (size === 'lenenc') return quoted(fields.lenencBytes());
  if (size === 'timed') return timeText(kind, fields.bytes(fields.int(1)));
  return numberText(kind, !isSigned, fields.bytes(size));
}

/** What a client sends of an unknown type is the client's fault. */
function sizeOf(type: number): ReturnType<typeof binarySize> {
  try {
    return binarySize(type);
  } catch (cause) {
    throw new PeerFault('bad_message', `A parameter has the type ${type}, which is not known here`, { cause });
  }
}

/** As JSON: one line, whatever is in it. */
function quoted(bytes: Buffer): string {
  const text = bytes.toString('utf8', 0, PARAMETER_CHARACTERS_MAX);
  return JSON.stringify(bytes.length > PARAMETER_CHARACTERS_MAX ? `${text}…` : text);
}
