import { digit, isDigit, isUniform, luhn, number, weighted } from './checks.ts';
import { type CodeEntity, digits } from './detector.ts';

const US_SSN: CodeEntity = {
  entity: 'US_SSN',
  shapes: digits(9),
  layouts: ['3-2-4'],
  context: ['social', 'security', 'ssn', 'ssns', 'ssid', 'ss'],
  score: (code, _, layout) => {
    const area = number(code, 0, 3);
    if (area === 0 || area === 666 || area >= 900 || number(code, 3, 2) === 0 || number(code, 5, 4) === 0) return 0;
    // Printed on wallets and in advertisements.
    const whole = number(code, 0, 9);
    if (whole === 78051120 || whole === 219099999 || isUniform(code, 9)) return 0;
    return layout === 'listed' ? 0.85 : 0.05;
  },
};

const US_ITIN: CodeEntity = {
  entity: 'US_ITIN',
  shapes: digits(9),
  layouts: ['3-2-4'],
  context: ['individual', 'taxpayer', 'itin', 'tax', 'payer', 'taxid', 'tin'],
  score: (code, _, layout) => {
    const group = number(code, 3, 2);
    if (code[0] !== 0x39 || group < 50 || group === 66 || group === 89 || group === 93 || (group > 65 && group < 70)) return 0;
    return layout === 'listed' ? 0.85 : 0.3;
  },
};

const US_PASSPORT: CodeEntity = {
  entity: 'US_PASSPORT',
  shapes: [...digits(9), 'A99999999'],
  layouts: [],
  isNeverRegular: true,
  context: ['us', 'united', 'states', 'passport', 'travel', 'document'],
  score: (code) => (isDigit(code[0] ?? 0) ? 0.05 : 0.1),
};

const US_DRIVER_LICENSE: CodeEntity = {
  entity: 'US_DRIVER_LICENSE',
  shapes: [
    ...digits(6, 7, 8, 9, 10, 12),
    ...[5, 6, 7, 8, 9, 11, 12, 13, 14].map((count) => `A${'9'.repeat(count)}`),
    'AA999999',
    'AA9999999',
  ],
  layouts: ['4-4-4', '4-4-5', '1-3-4-4'],
  isNeverRegular: true,
  context: ['driver', 'drivers', 'license', 'licence', 'permit', 'lic', 'identification', 'dl', 'dls', 'cdls', 'driving'],
  score: (code) => (isDigit(code[0] ?? 0) ? 0.05 : 0.3),
};

const US_BANK_NUMBER: CodeEntity = {
  entity: 'US_BANK_NUMBER',
  shapes: digits(8, 9, 10, 11, 12, 13, 14, 15, 16, 17),
  layouts: [],
  isNeverRegular: true,
  context: ['bank', 'account', 'acct', 'checking', 'check', 'save', 'savings', 'debit', 'iban'],
  score: () => 0.05,
};

const ABA_ROUTING: CodeEntity = {
  entity: 'ABA_ROUTING',
  shapes: digits(9),
  layouts: ['4-4-1'],
  context: ['aba', 'routing', 'bankrouting', 'rtn'],
  score: (code) => {
    const first = number(code, 0, 2);
    const isDistrict = (first >= 1 && first <= 12) || (first >= 21 && first <= 32) || (first >= 61 && first <= 72) || first === 80;
    return isDistrict && weighted(code, [3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 === 0 ? 0.85 : 0;
  },
};

/** The prefix 80840 of United States health care counts as 24 (45 CFR 162.406). */
const US_NPI: CodeEntity = {
  entity: 'US_NPI',
  shapes: digits(10),
  layouts: [],
  isNeverRegular: true,
  context: ['npi', 'provider'],
  score: (code) => ((code[0] === 0x31 || code[0] === 0x32) && luhn(code, 0, 10, 24) ? 0.6 : 0),
};

/** A registration of the Drug Enforcement Administration: two letters, or a letter and a 9, and seven digits with a check. */
const MEDICAL_LICENSE: CodeEntity = {
  entity: 'MEDICAL_LICENSE',
  shapes: ['AA9999999', 'A99999999'],
  layouts: [],
  isNeverRegular: true,
  context: ['medical', 'certificate', 'dea', 'registrant'],
  score: (code) => {
    if (!'ABCDEFGHJKLMPRSTUX'.includes(String.fromCharCode(code[0] ?? 0))) return 0;
    if (isDigit(code[1] ?? 0) && code[1] !== 0x39) return 0;
    const sum = digit(code, 2) + digit(code, 4) + digit(code, 6) + 2 * (digit(code, 3) + digit(code, 5) + digit(code, 7));
    return sum % 10 === digit(code, 8) ? 1 : 0;
  },
};

const CA_SIN: CodeEntity = {
  entity: 'CA_SIN',
  shapes: digits(9),
  layouts: ['3-3-3'],
  context: ['sin', 'social', 'insurance', 'canada'],
  score: (code, _, layout) => (digit(code, 0) > 0 && code[0] !== 0x38 && luhn(code, 0, 9) ? (layout === 'plain' ? 0.45 : 0.85) : 0),
};

export const AMERICA: readonly CodeEntity[] = [
  US_SSN,
  US_ITIN,
  US_PASSPORT,
  US_DRIVER_LICENSE,
  US_BANK_NUMBER,
  ABA_ROUTING,
  US_NPI,
  MEDICAL_LICENSE,
  CA_SIN,
];
