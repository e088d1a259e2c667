import { digit, isDate, isDigit, luhn, number, text, weighted } from './checks.ts';
import { type CodeEntity, digits } from './detector.ts';

/** Letters that stand for the digits 0 to 9 where two people would have the same code. */
const OMOCODIA = 'LMNPQRSTUV';
const ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
const FISCAL_DIGITS = [6, 7, 9, 10, 12, 13, 14];

/** Decree of 23 December 1976. */
const IT_FISCAL_CODE: CodeEntity = {
  entity: 'IT_FISCAL_CODE',
  shapes: fiscalShapes(),
  layouts: ['3-3-5-5', '6-5-5', '6-2-1-2-5'],
  context: ['codice', 'fiscale', 'cf'],
  score: (code) => {
    for (const at of FISCAL_DIGITS) if (!isDigit(code[at] ?? 0) && !OMOCODIA.includes(text(code, at, 1))) return 0;
    if (!'ABCDEHLMPRST'.includes(text(code, 8, 1))) return 0;
    let sum = 0;
    for (let at = 0; at < 15; at++) {
      const byte = code[at] ?? 0;
      const value = isDigit(byte) ? byte - 0x30 : byte - 0x41;
      sum += at % 2 === 0 ? (ODD[value] ?? 0) : value;
    }
    return 0x41 + (sum % 26) === code[15] ? 1 : 0;
  },
};

function fiscalShapes(): string[] {
  return Array.from({ length: 1 << FISCAL_DIGITS.length }, (_, letters) => {
    const shape = [...'AAAAAA99A99A999A'];
    for (const [bit, at] of FISCAL_DIGITS.entries()) if ((letters >> bit) & 1) shape[at] = 'A';
    return shape.join('');
  }).filter((shape) => shape.includes('9'));
}

const IT_VAT_CODE: CodeEntity = {
  entity: 'IT_VAT_CODE',
  shapes: [...digits(11), 'AA99999999999'],
  layouts: ['2-11'],
  isNeverRegular: true,
  context: ['piva', 'partita', 'iva', 'vat'],
  score: (code, length) => {
    const from = length - 11;
    if (from === 2 && text(code, 0, 2) !== 'IT') return 0;
    const office = number(code, from + 7, 3);
    const isOffice = (office >= 1 && office <= 100) || office === 120 || office === 121 || office === 888 || office === 999;
    return isOffice && number(code, from, 7) > 0 && luhn(code, from, 11) ? 0.85 : 0;
  },
};

const IT_DRIVER_LICENSE: CodeEntity = {
  entity: 'IT_DRIVER_LICENSE',
  shapes: ['AA9999999A', ...either(7).map((middle) => `A9${middle}A`)],
  layouts: [],
  isNeverRegular: true,
  context: ['patente', 'guida', 'licenza', 'driver', 'license'],
  score: (code) => {
    if (isDigit(code[1] ?? 0)) return /^U1[BCDFGHLJKMNPRSTUVWXYZ0-9]{7}[A-Z]$/.test(text(code, 0, 10)) ? 0.4 : 0;
    return 0.2;
  },
};

/** Every way of putting letters and digits into so many places. */
function either(count: number): string[] {
  return Array.from({ length: 1 << count }, (_, letters) =>
    Array.from({ length: count }, (__, bit) => ((letters >> bit) & 1 ? 'A' : '9')).join(''),
  );
}

const IT_PASSPORT: CodeEntity = {
  entity: 'IT_PASSPORT',
  shapes: ['AA9999999'],
  layouts: ['2-7'],
  context: ['passaporto', 'passport', 'elettronico', 'italian', 'viaggio'],
  score: () => 0.1,
};

const IT_IDENTITY_CARD: CodeEntity = {
  entity: 'IT_IDENTITY_CARD',
  shapes: ['AA9999999', '9999999AA', 'AA99999AA'],
  layouts: ['2-7', '7-2', '2-5-2'],
  context: ['carta', 'identità', 'identita', 'elettronica', 'cie', 'documento', 'riconoscimento'],
  score: (code) => (isDigit(code[0] ?? 0) ? 0.2 : isDigit(code[7] ?? 0) ? 0.1 : /^C[A-Z]$/.test(text(code, 0, 2)) ? 0.4 : 0.2),
};

const NIF_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';

const ES_NIF: CodeEntity = {
  entity: 'ES_NIF',
  shapes: ['99999999A', '9999999A'],
  layouts: ['8-1', '7-1', '2-3-3-1', '1-3-3-1'],
  context: ['documento', 'nacional', 'identidad', 'dni', 'nif', 'identificación'],
  score: (code, length) => {
    if (NIF_LETTERS[number(code, 0, length - 1) % 23] !== text(code, length - 1, 1)) return 0;
    return length === 9 ? 1 : 0.5;
  },
};

const ES_NIE: CodeEntity = {
  entity: 'ES_NIE',
  shapes: ['A9999999A'],
  layouts: ['1-7-1', '8-1'],
  context: ['extranjero', 'nie', 'identidad'],
  score: (code) => {
    const kind = 'XYZ'.indexOf(text(code, 0, 1));
    if (kind < 0) return 0;
    return NIF_LETTERS[(kind * 10_000_000 + number(code, 1, 7)) % 23] === text(code, 8, 1) ? 1 : 0;
  },
};

const PL_PESEL: CodeEntity = {
  entity: 'PL_PESEL',
  shapes: digits(11),
  layouts: [],
  context: ['pesel'],
  score: (code) => {
    const century = [1900, 2000, 2100, 2200, 1800][Math.floor(digit(code, 2) / 2)] ?? 1900;
    if (!isDate(century + number(code, 0, 2), number(code, 2, 2) % 20, number(code, 4, 2))) return 0;
    return weighted(code, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0 ? 1 : 0;
  },
};

const FINNISH = '0123456789ABCDEFHJKLMNPRSTUVWXY';

/** The sign between birthday and number says the century; `-` and `+` are separators and are gone here. */
const FI_PERSONAL_IDENTITY_CODE: CodeEntity = {
  entity: 'FI_PERSONAL_IDENTITY_CODE',
  shapes: ['9999999999', '999999999A', '999999A9999', '999999A999A'],
  layouts: ['6-4'],
  isNeverRegular: true,
  context: ['hetu', 'henkilötunnus', 'personbeteckning', 'personal', 'identity'],
  score: (code, length, layout) => {
    if (length === 10 && layout !== 'listed') return 0;
    if (length === 11 && !'ABCDEFUVWXY'.includes(text(code, 6, 1))) return 0;
    const day = number(code, 0, 2);
    const month = number(code, 2, 2);
    // 29 February is there in one century or another.
    if (!isDate(2000 + number(code, 4, 2), month, day) && !isDate(1900 + number(code, 4, 2), month, day)) return 0;
    const rest = (number(code, 0, 6) * 1000 + number(code, length - 4, 3)) % 31;
    return FINNISH[rest] === text(code, length - 1, 1) ? 1 : 0;
  },
};

export const EUROPE: readonly CodeEntity[] = [
  IT_FISCAL_CODE,
  IT_VAT_CODE,
  IT_DRIVER_LICENSE,
  IT_PASSPORT,
  IT_IDENTITY_CARD,
  ES_NIF,
  ES_NIE,
  PL_PESEL,
  FI_PERSONAL_IDENTITY_CODE,
];
