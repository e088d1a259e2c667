import { isUniform, luhn, number } from './checks.ts';
import { type CodeEntity, digits } from './detector.ts';

/** Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro, Mir, RuPay, by their first digits and their lengths. */
export const CREDIT_CARD: CodeEntity = {
  entity: 'CREDIT_CARD',
  shapes: digits(12, 13, 14, 15, 16, 17, 18, 19),
  layouts: ['4-4-4-4', '4-6-5', '4-6-4', '4-4-4-4-3', '4-4-4-4-1', '6-13', '4-4-4-3', '4-4-5', '6-10', '8-8', '4-12', '12-4'],
  regularLengths: [15, 16],
  context: [],
  score: (code, length) => (isIssued(number(code, 0, 6), length) && !isUniform(code, length) && luhn(code, 0, length) ? 1 : 0),
};

function isIssued(prefix: number, length: number): boolean {
  const four = Math.floor(prefix / 100);
  const two = Math.floor(prefix / 10_000);
  if (prefix >= 400_000 && prefix < 500_000) return length === 13 || length === 16 || length === 19;
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return length === 16;
  if (two === 34 || two === 37) return length === 15;
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059) || four === 3095) return length === 14 || length === 16;
  if (four >= 3528 && four <= 3589) return length >= 16;
  if (four === 6011 || (four >= 6440 && four <= 6599)) return length === 16 || length === 19;
  if (two === 62) return length >= 16;
  if (four >= 2200 && four <= 2204) return length >= 16;
  if (two === 60 || two === 65 || two === 81 || two === 82 || four === 5080) return length === 16;
  // Maestro has every length.
  return two === 50 || (two >= 56 && two <= 58) || two === 63 || two === 67
    ? length >= (two === 50 || two === 67 || two === 63 ? 12 : 16)
    : false;
}
