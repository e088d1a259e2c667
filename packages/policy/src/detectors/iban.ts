import { mod97 } from './checks.ts';
import type { CodeEntity } from './detector.ts';

/** Lengths by country, from the SWIFT IBAN registry. */
const LENGTHS =
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 ' +
  'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 ' +
  'MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ' +
  'SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30';

/** By the letters of a country, five bits each: they are looked up for every word. */
const BY_COUNTRY = new Uint8Array(1_024);
for (const entry of LENGTHS.split(' ')) BY_COUNTRY[placeOf(entry.charCodeAt(0), entry.charCodeAt(1))] = Number(entry.slice(2));

function placeOf(first: number, second: number): number {
  return ((first & 0x1f) << 5) | (second & 0x1f);
}

/** How many characters an IBAN that begins here has; 0 when none does. */
export function ibanLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  return isLetter(first) && isLetter(second) ? (BY_COUNTRY[placeOf(first, second)] ?? 0) : 0;
}

function isLetter(byte: number): boolean {
  return (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
}

export const IBAN_CODE: CodeEntity = {
  entity: 'IBAN_CODE',
  shapes: ['AA99'],
  layouts: [],
  isNeverRegular: true,
  context: [],
  score: (code, length) => (length >= 15 && ibanLength(code, 0) === length && mod97(code, length) ? 1 : 0),
};
