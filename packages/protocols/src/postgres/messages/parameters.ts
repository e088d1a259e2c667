import { createHash } from 'node:crypto';
import type { Mask } from '@hoop/core/gate';
import { PARAMETER_CHARACTERS_MAX, PARAMETERS_CHARACTERS_MAX } from '../limits.ts';
import { Fields } from './fields.ts';

interface Parameter {
  readonly isBinary: boolean;
  /** Null: no value. */
  readonly value: Buffer | null;
}

/**
 * The parameters of a Bind in one line, for who has to approve what it runs: long ones cut, sensitive ones masked. Where it is not all of
 * them as they are, the line says so, with a hash of all. Empty where there are none. (PostgreSQL 17, section 54.7)
 * @param body of the Bind, whole; undefined where nobody kept it
 * @throws PeerFault `bad_message`
 */
export async function parametersLine(body: Buffer | undefined, mask: Mask | undefined): Promise<string> {
  if (!body) return 'parameters, not all shown: they are long, or were sent before anything needed approval';
  const parameters = decodeParameters(body);
  if (parameters.length === 0) return '';
  const texts = parameters.flatMap(({ value, isBinary }) => (value === null || isBinary ? [] : [value]));
  await mask?.prepare?.(texts);
  let isWhole = true;
  let room = PARAMETERS_CHARACTERS_MAX;
  const words = parameters.map((parameter, index) => {
    const shown = shownOf(parameter, mask);
    const word = `$${index + 1} = ${shown.word}`;
    isWhole &&= shown.isWhole && word.length <= room;
    const kept = word.slice(0, Math.max(0, room));
    room -= word.length;
    return kept;
  });
  const line = words.filter((word) => word !== '').join(', ');
  if (isWhole) return `parameters: ${line}`;
  return `parameters, not all shown: ${line} (sha256 of all: ${digestOf(parameters)})`;
}

function decodeParameters(body: Buffer): readonly Parameter[] {
  const fields = new Fields(body);
  fields.cstring();
  fields.cstring();
  const formats = Array.from({ length: fields.int16() }, () => fields.int16());
  return Array.from({ length: fields.int16() }, (_, index) => {
    const length = fields.int32();
    const isBinary = (formats.length > 1 ? formats[index] : formats[0]) === 1;
    return { isBinary, value: length < 0 ? null : fields.bytes(length) };
  });
}

/** As JSON, which is one line whatever is in it; binary in hex, and as a number where it may be one. */
function shownOf({ value, isBinary }: Parameter, mask: Mask | undefined): { readonly word: string; readonly isWhole: boolean } {
  if (value === null) return { word: 'NULL', isWhole: true };
  if (isBinary) {
    const hex = value.toString('hex', 0, PARAMETER_CHARACTERS_MAX / 2);
    const isWhole = hex.length === value.length * 2;
    return { word: `0x${hex}${isWhole ? numberIn(value) : '…'}`, isWhole };
  }
  const masked = maskedBy(mask, value);
  const text = masked.toString('utf8');
  const isCut = text.length > PARAMETER_CHARACTERS_MAX;
  return { word: JSON.stringify(isCut ? `${text.slice(0, PARAMETER_CHARACTERS_MAX)}…` : text), isWhole: !isCut && masked.equals(value) };
}

function maskedBy(mask: Mask | undefined, value: Buffer): Buffer {
  if (!mask) return value;
  try {
    return mask.apply(value, {});
  } catch {
    // What cannot be masked is not shown.
    return HIDDEN;
  }
}

const HIDDEN = Buffer.from('[hidden]');

function numberIn(value: Buffer): string {
  if (value.length === 2) return ` (integer ${value.readInt16BE()})`;
  if (value.length === 4) return ` (integer ${value.readInt32BE()})`;
  return value.length === 8 ? ` (integer ${value.readBigInt64BE()})` : '';
}

function digestOf(parameters: readonly Parameter[]): string {
  const hash = createHash('sha256');
  for (const { isBinary, value } of parameters) hash.update(`${isBinary ? 'b' : 't'}${value?.length ?? -1}:`).update(value ?? NOTHING);
  return hash.digest('hex');
}

const NOTHING = Buffer.alloc(0);
