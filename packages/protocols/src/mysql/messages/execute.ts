import { PeerFault } from '@hoop/core/errors';
import type { Statement } from '../books.ts';
import { PARAMETER_CHARACTERS_MAX, PARAMETERS_CHARACTERS_MAX } from '../limits.ts';
import { Fields } from './fields.ts';
import { binarySize, isNullInBitmap, TYPE } from './row.ts';

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
  const words: string[] = [];
  types.forEach((type, index) => {
    const word = wordOf(type, index, nulls, fields, statement);
    if (room > 0) words.push(word.length > room ? `${word.slice(0, room)}…` : word);
    room -= word.length;
  });
  return `${statement.text}\n-- parameters: ${words.join(', ')}`;
}

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
  if (size === 'timed') return timeOf(kind, fields.bytes(fields.int(1)));
  const bytes = fields.bytes(size);
  if (kind === TYPE.float) return String(bytes.readFloatLE());
  if (kind === TYPE.double) return String(bytes.readDoubleLE());
  if (size === 8) return String(isSigned ? bytes.readBigInt64LE() : bytes.readBigUInt64LE());
  if (size === 0) return 'NULL';
  return String(isSigned ? bytes.readIntLE(0, size) : bytes.readUIntLE(0, size));
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

/** Dates: year, month, day, hour, minute, second, microseconds; times: sign, days, hour … as far as they go. */
function timeOf(type: number, bytes: Buffer): string {
  const two = (value: number | undefined): string => String(value ?? 0).padStart(2, '0');
  if (type === TYPE.time) {
    if (bytes.length < 8) return '00:00:00';
    const hours = bytes.readUInt32LE(1) * 24 + (bytes[5] ?? 0);
    return `${bytes[0] === 1 ? '-' : ''}${two(hours)}:${two(bytes[6])}:${two(bytes[7])}`;
  }
  if (bytes.length < 4) return '0000-00-00';
  const date = `${String(bytes.readUInt16LE(0)).padStart(4, '0')}-${two(bytes[2])}-${two(bytes[3])}`;
  return bytes.length < 7 ? date : `${date} ${two(bytes[4])}:${two(bytes[5])}:${two(bytes[6])}`;
}
