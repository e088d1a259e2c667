import { beginsWith, digit, isDate, isDigit, isUniform, number, text, verhoeff, weighted } from './checks.ts';
import { type CodeEntity, digits } from './detector.ts';

const IN_PAN: CodeEntity = {
  entity: 'IN_PAN',
  shapes: ['AAAAA9999A'],
  layouts: ['5-4-1'],
  context: ['permanent', 'account', 'pan'],
  // The fourth letter says what kind of person it is.
  score: (code) => ('ABCFGHJLPT'.includes(text(code, 3, 1)) ? 0.85 : 0.3),
};

const IN_AADHAAR: CodeEntity = {
  entity: 'IN_AADHAAR',
  shapes: digits(12),
  layouts: ['4-4-4'],
  context: ['aadhaar', 'uidai'],
  score: (code, length) => (digit(code, 0) >= 2 && !isUniform(code, length) && verhoeff(code, 12) ? 1 : 0),
};

const isOfState = beginsWith(
  'AN AP AR AS BR CG CH DD DL DN GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD OR PB PY RJ SK TG TN TR TS UK UP UT WB'.split(' '),
);

const IN_VEHICLE_REGISTRATION: CodeEntity = {
  entity: 'IN_VEHICLE_REGISTRATION',
  shapes: ['AA99A9999', 'AA99AA9999', 'AA99AAA9999', 'AA9A9999', 'AA9AA9999', 'AA9AAA9999', 'AA999999', '99AA9999A', '99AA9999AA'],
  layouts: ['2-2-2-4', '2-2-1-4', '2-2-3-4', '2-1-1-4', '2-1-2-4', '2-1-3-4', '4-2-4', '4-1-4', '2-2-4', '2-2-4-2', '2-2-4-1'],
  context: ['rto', 'vehicle', 'plate', 'registration', 'car'],
  score: (code, _, layout) => {
    if (isDigit(code[0] ?? 0) || isDigit(code[1] ?? 0)) return code[2] === 0x42 && code[3] === 0x48 ? 0.85 : 0;
    if (!isOfState(code)) return 0;
    return layout === 'listed' || !isDigit(code[3] ?? 0) || !isDigit(code[4] ?? 0) ? 0.6 : 0.2;
  },
};

const IN_VOTER: CodeEntity = {
  entity: 'IN_VOTER',
  shapes: ['AAA9999999'],
  layouts: ['3-7'],
  context: ['voter', 'epic', 'elector', 'election'],
  score: () => 0.4,
};

const IN_PASSPORT: CodeEntity = {
  entity: 'IN_PASSPORT',
  shapes: ['A9999999'],
  layouts: ['3-5', '1-7'],
  context: ['passport', 'indian', 'travel'],
  score: (code) => (/[QXZ]/.test(text(code, 0, 1)) || digit(code, 1) === 0 || digit(code, 7) === 0 ? 0 : 0.1),
};

const BASE_36 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

const IN_GSTIN: CodeEntity = {
  entity: 'IN_GSTIN',
  // The thirteenth and the last are either; the fourteenth is a Z.
  shapes: ['99AAAAA9999A9A9', '99AAAAA9999A9AA', '99AAAAA9999AAA9', '99AAAAA9999AAAA'],
  layouts: [],
  context: ['gstin', 'gst', 'tax'],
  score: (code) => {
    const state = number(code, 0, 2);
    if (state < 1 || (state > 38 && state !== 97 && state !== 99)) return 0;
    let sum = 0;
    for (let at = 0; at < 14; at++) {
      const product = BASE_36.indexOf(text(code, at, 1)) * (at % 2 === 0 ? 1 : 2);
      sum += Math.floor(product / 36) + (product % 36);
    }
    return BASE_36[(36 - (sum % 36)) % 36] === text(code, 14, 1) ? 1 : 0;
  },
};

const FIN_WEIGHTS = [2, 7, 6, 5, 4, 3, 2];

const SG_FIN: CodeEntity = {
  entity: 'SG_FIN',
  shapes: ['A9999999A'],
  layouts: ['1-7-1'],
  context: ['fin', 'nric'],
  score: (code) => {
    const kind = text(code, 0, 1);
    const offset = 'TG'.includes(kind) ? 4 : kind === 'M' ? 3 : 0;
    const letters = 'ST'.includes(kind) ? 'JZIHGFEDCBA' : 'FG'.includes(kind) ? 'XWUTRQPNMLK' : kind === 'M' ? 'KLJNPQRTUWX' : '';
    const rest = (weighted(code, FIN_WEIGHTS, 1) + offset) % 11;
    return letters[kind === 'M' ? 10 - rest : rest] === text(code, 8, 1) ? 1 : 0;
  },
};

const UEN_SIGNS = 'ABCDEFGHJKLMNPQRSTUVWX0123456789';
const UEN_WEIGHTS = [4, 3, 5, 3, 10, 2, 2, 5, 7];

const SG_UEN: CodeEntity = {
  entity: 'SG_UEN',
  shapes: ['99999999A', '999999999A', 'A99AA9999A', 'A99A99999A'],
  layouts: [],
  isNeverRegular: true,
  context: ['uen', 'unique', 'entity', 'business', 'acra'],
  score: (code, length) => {
    const check = text(code, length - 1, 1);
    if (length === 9) return 'XMKECAWLJDB'[weighted(code, [10, 4, 9, 3, 8, 2, 7, 1]) % 11] === check ? 0.85 : 0;
    if (/\d/.test(text(code, 0, 1))) {
      const year = number(code, 0, 4);
      if (year < 1800 || year > 2100) return 0;
      return 'ZKCMDNERGWH'[weighted(code, [10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11] === check ? 1 : 0;
    }
    if (!/[RST]/.test(text(code, 0, 1))) return 0;
    const sum = UEN_WEIGHTS.reduce((total, weight, at) => total + weight * UEN_SIGNS.indexOf(text(code, at, 1)), 0);
    return UEN_SIGNS[(((sum - 5) % 11) + 11) % 11] === check ? 1 : 0;
  },
};

/** Since October 2020 the last seven are random, so only the date can be checked. */
const KR_RRN: CodeEntity = {
  entity: 'KR_RRN',
  shapes: digits(13),
  layouts: ['6-7'],
  context: ['korean', 'korea', 'rrn', 'resident', 'jumin'],
  score: (code, _, layout) => {
    const gender = digit(code, 6);
    const century = gender === 9 || gender === 0 ? 1800 : gender === 3 || gender === 4 || gender === 7 || gender === 8 ? 2000 : 1900;
    if (!isDate(century + number(code, 0, 2), number(code, 2, 2), number(code, 4, 2))) return 0;
    const isChecked = (11 - (weighted(code, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === digit(code, 12);
    if (isChecked) return 1;
    const isRandom = century === 2000 && number(code, 0, 2) >= 20;
    return layout === 'listed' && isRandom ? 0.5 : 0.05;
  },
};

const TH_TNIN: CodeEntity = {
  entity: 'TH_TNIN',
  shapes: digits(13),
  layouts: ['1-4-5-2-1'],
  context: ['thai', 'thailand', 'tnin', 'national', 'citizen'],
  score: (code, _, layout) => {
    if (digit(code, 0) === 0 || digit(code, 0) === 9) return 0;
    const sum = weighted(code, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    return (11 - (sum % 11)) % 10 === digit(code, 12) ? (layout === 'listed' ? 1 : 0.6) : 0;
  },
};

export const ASIA: readonly CodeEntity[] = [
  IN_PAN,
  IN_AADHAAR,
  IN_VEHICLE_REGISTRATION,
  IN_VOTER,
  IN_PASSPORT,
  IN_GSTIN,
  SG_FIN,
  SG_UEN,
  KR_RRN,
  TH_TNIN,
];
