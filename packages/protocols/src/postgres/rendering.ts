/*
 * Values of the binary format, as the text format has them: so that what is looked for is found in both.
 * The formats are those of the types' own receive functions (src/backend/utils/adt of PostgreSQL). Undefined: it is not of that type.
 */

export type Render = (value: Buffer) => string | undefined;

const ofLength =
  (bytes: number, render: (value: Buffer) => string): Render =>
  (value) =>
    value.length === bytes ? render(value) : undefined;

export const bool = ofLength(1, (value) => (value[0] === 0 ? 'f' : 't'));
export const int2 = ofLength(2, (value) => String(value.readInt16BE()));
export const int4 = ofLength(4, (value) => String(value.readInt32BE()));
export const oid = ofLength(4, (value) => String(value.readUInt32BE()));
/** Most are no longer than what a number holds exactly, which is several times as fast. */
export const int8 = ofLength(8, (value) => {
  const high = value.readInt32BE();
  return high >= -SAFE_HIGH && high < SAFE_HIGH ? String(high * 2 ** 32 + value.readUInt32BE(4)) : String(value.readBigInt64BE());
});
const SAFE_HIGH = 2 ** 21;
export const float4 = ofLength(4, (value) => shortest(value.readFloatBE()));
export const float8 = ofLength(8, (value) => String(value.readDoubleBE()));

/** In hundredths, as most locales have it. */
export const money = ofLength(8, (value) => {
  const cents = value.readBigInt64BE();
  return `${cents / 100n}.${String(cents < 0n ? -(cents % 100n) : cents % 100n).padStart(2, '0')}`;
});

/** As few digits as tell it from its neighbours. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const written = Number(value.toPrecision(digits));
    if (Math.fround(written) === value) return String(written);
  }
  return String(Number(value.toPrecision(9)));
}

const NUMERIC_HEAD_BYTES = 8;
const NUMERIC_NEGATIVE = 0x4000;
const NUMERIC_BASE_DIGITS = 4;
/** More digits than any entity has. A hostile weight must not make texts of any length. */
const NUMERIC_ZEROS_MAX = 32_768;

/** Int16 count, weight, sign, scale, then digits to the base of 10,000. */
export function numeric(value: Buffer): string | undefined {
  if (value.length < NUMERIC_HEAD_BYTES) return undefined;
  const count = value.readInt16BE(0);
  const weight = value.readInt16BE(2);
  const sign = value.readUInt16BE(4);
  const scale = value.readInt16BE(6);
  if (count < 0 || value.length !== NUMERIC_HEAD_BYTES + count * 2) return undefined;
  if (sign !== 0 && sign !== NUMERIC_NEGATIVE) return sign >= 0xc000 ? 'NaN' : undefined;
  const groups: string[] = [];
  for (let at = NUMERIC_HEAD_BYTES; at < value.length; at += 2) {
    const digit = value.readInt16BE(at);
    if (digit < 0 || digit > 9_999) return undefined;
    groups.push(String(digit).padStart(NUMERIC_BASE_DIGITS, '0'));
  }
  const whole = Math.min(Math.max(weight + 1, 0), NUMERIC_ZEROS_MAX);
  const before = Math.min(Math.max(-(weight + 1), 0), NUMERIC_ZEROS_MAX);
  const integer = groups.slice(0, whole).join('') + '0000'.repeat(Math.max(whole - groups.length, 0));
  const fraction = ('0000'.repeat(before) + groups.slice(whole).join('')).slice(0, Math.max(scale, 0));
  const digits = integer.replace(/^0+(?=.)/, '') || '0';
  return `${sign === NUMERIC_NEGATIVE ? '-' : ''}${digits}${fraction === '' ? '' : `.${fraction.padEnd(scale, '0')}`}`;
}

const MICROS_A_SECOND = 1_000_000n;
const MICROS_A_DAY = 86_400n * MICROS_A_SECOND;
/** Days from 1970 to 2000, which dates are counted from. */
const EPOCH_DAYS = 10_957;
const MS_A_DAY = 86_400_000;

function dateText(days: number): string {
  const date = new Date((days + EPOCH_DAYS) * MS_A_DAY);
  if (Number.isNaN(date.getTime())) return String(days);
  const year = date.getUTCFullYear();
  const rest = `${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`;
  return year > 0 ? `${String(year).padStart(4, '0')}-${rest}` : `${String(1 - year).padStart(4, '0')}-${rest} BC`;
}

function timeText(micros: bigint): string {
  const seconds = Number(micros / MICROS_A_SECOND);
  const fraction = String(micros % MICROS_A_SECOND).padStart(6, '0');
  const time = `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return fraction === '000000' ? time : `${time}.${fraction.replace(/0+$/, '')}`;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

export const date = ofLength(4, (value) => dateText(value.readInt32BE()));
export const time = ofLength(8, (value) => timeText(value.readBigInt64BE()));
export const timetz = ofLength(12, (value) => `${timeText(value.readBigInt64BE())}${zoneText(-value.readInt32BE(8))}`);

function zoneText(seconds: number): string {
  const minutes = Math.trunc(Math.abs(seconds) / 60);
  const rest = minutes % 60 === 0 ? '' : `:${pad(minutes % 60)}`;
  return `${seconds < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}${rest}`;
}

function momentText(value: Buffer): string {
  const micros = value.readBigInt64BE();
  let days = micros / MICROS_A_DAY;
  let rest = micros % MICROS_A_DAY;
  if (rest < 0n) {
    days--;
    rest += MICROS_A_DAY;
  }
  return `${dateText(Number(days))} ${timeText(rest)}`;
}

export const timestamp = ofLength(8, momentText);
export const timestamptz = ofLength(8, (value) => `${momentText(value)}+00`);

/** Int64 microseconds, Int32 days, Int32 months. */
export const interval = ofLength(16, (value) => {
  const micros = value.readBigInt64BE();
  const sign = micros < 0n ? '-' : '';
  return `${value.readInt32BE(12)} mons ${value.readInt32BE(8)} days ${sign}${timeText(micros < 0n ? -micros : micros)}`;
});

export const uuid = ofLength(16, (value) => value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));

const colons = (value: Buffer): string => value.toString('hex').replace(/(..)(?=.)/g, '$1:');
export const macaddr = ofLength(6, colons);
export const macaddr8 = ofLength(8, colons);

/** The byte that a network address begins with. */
export const INET_V4 = 2;
export const INET_V6 = 3;

/** Byte family, byte bits, byte whether it is a cidr, byte length, then the address. */
export function inet(value: Buffer): string | undefined {
  const [family, bits, , length] = value;
  if (value.length < 4 || value.length !== 4 + (length ?? 0)) return undefined;
  const address = value.subarray(4);
  if (family === INET_V4 && length === 4) return `${address.join('.')}${bits === 32 ? '' : `/${bits}`}`;
  if (family !== INET_V6 || length !== 16) return undefined;
  return `${shortened(address)}${bits === 128 ? '' : `/${bits}`}`;
}

/** RFC 5952: the longest run of zero groups, of two at least, is `::`; of an address of version 4 inside, its own way of writing. */
function shortened(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(index * 2).toString(16));
  const mapped = address.subarray(0, 10).every((byte) => byte === 0) && address.readUInt16BE(10) === 0xffff;
  if (mapped) return `::ffff:${address.subarray(12).join('.')}`;
  let best = { from: 0, length: 0 };
  for (let from = 0; from < groups.length; from++) {
    let length = 0;
    while (groups[from + length] === '0') length++;
    if (length > best.length) best = { from, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`;
}

/** Zeros and ones say nothing; of very many the first are enough. */
const BITS_BYTES_MAX = 512;

/** Int32 how many, then the bits. */
export function bits(value: Buffer): string | undefined {
  if (value.length < 4) return undefined;
  const count = value.readInt32BE();
  if (count < 0 || value.length !== 4 + Math.ceil(count / 8)) return undefined;
  return Array.from(value.subarray(4, 4 + BITS_BYTES_MAX), (byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, count);
}

/** Points, and what is made of them: numbers, with a count or a flag in front of them in some types. */
export function coordinates(value: Buffer): string | undefined {
  const numbers: number[] = [];
  for (let at = value.length % 8; at + 8 <= value.length; at += 8) numbers.push(value.readDoubleBE(at));
  return `(${numbers.join(',')})`;
}
