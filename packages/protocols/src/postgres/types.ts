import type { Render } from './rendering.ts';
import * as as from './rendering.ts';

/** How values of a type are written, and with that what there is room for in them. */
export type Kind =
  /** Any text will do; the binary format is the text. */
  | { readonly as: 'text' }
  | { readonly as: 'json' }
  /** A byte with a version in front of the text, in the binary format. */
  | { readonly as: 'jsonb' }
  | { readonly as: 'bytes' }
  /** Numbers, dates, addresses: texts that must have a form. */
  | { readonly as: 'scalar'; readonly render: Render; readonly sample: string; readonly isWhole: boolean }
  | { readonly as: 'array'; readonly of: number }
  | { readonly as: 'range'; readonly of: number; readonly isMulti: boolean }
  | { readonly as: 'record' }
  /** Somebody's own: an enum, a composite, a type of an extension. */
  | { readonly as: 'unknown' };

const TEXT: Kind = { as: 'text' };
export const JSON_TEXT: Kind = { as: 'json' };
const UNKNOWN: Kind = { as: 'unknown' };

const DIGITS = '7777777777777777777';
const MOMENT = '2024-12-31 23:59:59.999999+00';
const scalar = (render: Render, sample: string): Kind => ({ as: 'scalar', render, sample, isWhole: /^\d+$/.test(sample) });
const INT4 = scalar(as.int4, DIGITS.slice(0, 10));
const OID = scalar(as.oid, DIGITS.slice(0, 10));
const INT8 = scalar(as.int8, DIGITS);
const SHAPE = scalar(as.coordinates, `(${DIGITS}.${DIGITS},${DIGITS}.${DIGITS})`);

/** Types of the server's own by their number (src/include/catalog/pg_type.dat). */
const KINDS = new Map<number, Kind>([
  // "char" has room for one byte, which says more than nothing.
  ...[19, 25, 142, 705, 1042, 1043, 1790, 2275].map((oid): [number, Kind] => [oid, TEXT]),
  [114, JSON_TEXT],
  [3802, { as: 'jsonb' }],
  [17, { as: 'bytes' }],
  [16, scalar(as.bool, 't')],
  [20, INT8],
  [21, scalar(as.int2, DIGITS.slice(0, 5))],
  [23, INT4],
  [26, OID],
  [28, OID],
  [29, OID],
  [3220, INT8],
  [5069, INT8],
  [700, scalar(as.float4, `${DIGITS}.${DIGITS}`)],
  [701, scalar(as.float8, `${DIGITS}.${DIGITS}`)],
  [790, scalar(as.money, `${DIGITS}.77`)],
  [1700, scalar(as.numeric, `${DIGITS}${DIGITS}.${DIGITS}`)],
  [1082, scalar(as.date, MOMENT.slice(0, 10))],
  [1083, scalar(as.time, MOMENT.slice(11, 26))],
  [1266, scalar(as.timetz, MOMENT.slice(11))],
  [1114, scalar(as.timestamp, MOMENT.slice(0, 26))],
  [1184, scalar(as.timestamptz, MOMENT)],
  [1186, scalar(as.interval, `777 mons 777 days ${MOMENT.slice(11, 26)}`)],
  [2950, scalar(as.uuid, '77777777-7777-7777-7777-777777777777')],
  [650, scalar(as.inet, '203.0.113.113/24 2001:db8:7777:7777:7777:7777:7777:7777/64')],
  [869, scalar(as.inet, '203.0.113.113/24 2001:db8:7777:7777:7777:7777:7777:7777/64')],
  [829, scalar(as.macaddr, '77:77:77:77:77:77')],
  [774, scalar(as.macaddr8, '77:77:77:77:77:77:77:77')],
  [1560, scalar(as.bits, '1'.repeat(64))],
  [1562, scalar(as.bits, '1'.repeat(64))],
  ...[600, 601, 602, 603, 604, 628, 718].map((oid): [number, Kind] => [oid, SHAPE]),
  [2249, { as: 'record' }],
]);

/** Arrays, each with the type of what is in it. */
const ARRAYS = [
  '22:21 30:26 143:142 199:114 271:5069 629:628 651:650 719:718 775:774 791:790 1000:16 1001:17 1003:19 1005:21 1007:23',
  '1009:25 1011:28 1012:29 1014:1042 1015:1043 1016:20 1017:600 1018:601 1019:602 1020:603 1021:700 1022:701',
  '1027:604 1028:26 1040:829 1041:869 1115:1114 1182:1082 1183:1083 1185:1184 1187:1186 1231:1700 1263:2275',
  '1270:1266 1561:1560 1563:1562 2201:1790 2287:2249 2951:2950 3221:3220 3807:3802 3905:3904 3907:3906 3909:3908',
  '3911:3910 3913:3912 3927:3926 6150:4451 6151:4532 6152:4533 6153:4534 6155:4535 6157:4536',
];
for (const pair of ARRAYS.join(' ').split(' ')) {
  const [array, of] = pair.split(':').map(Number);
  if (array !== undefined && of !== undefined) KINDS.set(array, { as: 'array', of });
}

/** Ranges, and sets of them, by the type of their ends. */
const RANGES: readonly (readonly [range: number, multirange: number, of: number])[] = [
  [3904, 4451, 23],
  [3906, 4532, 1700],
  [3908, 4533, 1114],
  [3910, 4534, 1184],
  [3912, 4535, 1082],
  [3926, 4536, 20],
];
for (const [range, multirange, of] of RANGES) {
  KINDS.set(range, { as: 'range', of, isMulti: false });
  KINDS.set(multirange, { as: 'range', of, isMulti: true });
}

/** @param oid of the type; undefined where the server was not asked */
export function kindOf(oid: number | undefined): Kind {
  return (oid === undefined ? undefined : KINDS.get(oid)) ?? UNKNOWN;
}
