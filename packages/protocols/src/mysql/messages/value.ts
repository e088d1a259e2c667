import { isUnsigned, type Shape } from './column.ts';
import type { Fields } from './fields.ts';
import { binarySize, TYPE } from './row.ts';

/**
 * One value of a row in the binary format, as a person would read it: numbers in digits, times as SQL writes them, the rest as it is.
 * (MySQL Internals, "Binary Protocol Value") @throws PeerFault `bad_message`
 */
export function binaryText(shape: Shape, fields: Fields): Buffer {
  const { type } = shape;
  const size = binarySize(type);
  if (size === 'lenenc') {
    const bytes = fields.lenencBytes();
    return type === TYPE.bit ? bitText(bytes) : bytes;
  }
  if (size === 'timed') return Buffer.from(timeText(type, fields.bytes(fields.int(1))), 'latin1');
  return Buffer.from(numberText(type, isUnsigned(shape), fields.bytes(size)), 'latin1');
}

/** A number of 1, 2, 4 or 8 bytes, in digits. */
export function numberText(type: number, unsigned: boolean, bytes: Buffer): string {
  if (type === TYPE.float) return String(bytes.readFloatLE());
  if (type === TYPE.double) return String(bytes.readDoubleLE());
  if (bytes.length === 8) return String(unsigned ? bytes.readBigUInt64LE() : bytes.readBigInt64LE());
  if (bytes.length === 0) return 'NULL';
  return String(unsigned ? bytes.readUIntLE(0, bytes.length) : bytes.readIntLE(0, bytes.length));
}

/** A value of the text format, likewise: bits are bytes there, and a large number with a fraction has an exponent. */
export function readable(cell: Buffer, type: number | undefined): Buffer {
  if (type === TYPE.bit) return bitText(cell);
  if ((type !== TYPE.double && type !== TYPE.float) || !cell.includes(EXPONENT)) return cell;
  return Buffer.from(String(Number(cell.toString('latin1'))), 'latin1');
}

const EXPONENT = 0x65;

/** Bits as the number that they are; longer ones as they come. */
function bitText(bytes: Buffer): Buffer {
  if (bytes.length === 0 || bytes.length > 8) return bytes;
  return Buffer.from(BigInt(`0x${bytes.toString('hex')}`).toString(), 'latin1');
}

/** Dates: year, month, day, hour, minute, second, microseconds; times: sign, days, hour … as far as they go. */
export function timeText(type: number, bytes: Buffer): string {
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
