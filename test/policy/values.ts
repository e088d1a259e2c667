import { type Dice, digitsOf, pick } from './dice.ts';

/** Valid values of entities with a check digit, made by the issuers' rules and not by the detectors'. Each is written as its country writes it, or plainly. */
export const CHECKED: Readonly<Record<string, (dice: Dice) => string>> = {
  CREDIT_CARD: (dice) => {
    const [prefix, length] = pick(dice, [
      ['4', 16],
      ['51', 16],
      ['2223', 16],
      ['37', 15],
      ['6011', 16],
      ['36', 14],
      ['3530', 16],
      ['62', 19],
    ] as const);
    const whole = withLuhn(prefix + digitsOf(dice, length - prefix.length - 1));
    return pick(dice, [
      whole,
      grouped(whole, length === 15 ? [4, 6, 5] : length === 14 ? [4, 6, 4] : [4, 4, 4, 4, 3], pick(dice, [' ', '-'])),
    ]);
  },
  IBAN_CODE: (dice) => {
    const [country, size] = pick(dice, [
      ['DE', 18],
      ['GB', 0],
      ['FR', 23],
      ['ES', 20],
      ['NL', 0],
      ['PL', 24],
      ['BE', 12],
      ['AT', 16],
    ] as const);
    const bban = country === 'GB' ? `WEST${digitsOf(dice, 14)}` : country === 'NL' ? `ABNA${digitsOf(dice, 10)}` : digitsOf(dice, size);
    const iban = `${country}${String(98 - remainder(`${bban}${country}00`)).padStart(2, '0')}${bban}`;
    return pick(dice, [iban, grouped(iban, Array(9).fill(4), ' '), iban.toLowerCase()]);
  },
  ABA_ROUTING: (dice) => {
    const head = `${pick(dice, ['01', '02', '11', '12', '26', '31', '63'])}${digitsOf(dice, 6)}`;
    return head + ((10 - (sum(head, [3, 7, 1, 3, 7, 1, 3, 7]) % 10)) % 10);
  },
  US_NPI: (dice) => withLuhn(`80840${pick(dice, ['1', '2'])}${digitsOf(dice, 8)}`).slice(5),
  MEDICAL_LICENSE: (dice) => {
    const six = digitsOf(dice, 6);
    const check = sum(six, [1, 2, 1, 2, 1, 2]) % 10;
    return `${pick(dice, ['A', 'B', 'F', 'M'])}${pick(dice, ['A', 'S', 'Z'])}${six}${check}`;
  },
  UK_NHS: (dice) => {
    for (;;) {
      const nine = digitsOf(dice, 9);
      const check = 11 - (sum(nine, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
      if (check === 10) continue;
      const whole = `${nine}${check % 11}`;
      return pick(dice, [whole, grouped(whole, [3, 3, 4], ' ')]);
    }
  },
  AU_ABN: (dice) => {
    for (;;) {
      const whole = `${between(dice, 1, 9)}${digitsOf(dice, 10)}`;
      if ((sum(whole, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10) % 89 === 0)
        return pick(dice, [whole, grouped(whole, [2, 3, 3, 3], ' ')]);
    }
  },
  AU_ACN: (dice) => {
    const eight = digitsOf(dice, 8);
    const whole = eight + ((10 - (sum(eight, [8, 7, 6, 5, 4, 3, 2, 1]) % 10)) % 10);
    return pick(dice, [whole, grouped(whole, [3, 3, 3], ' ')]);
  },
  AU_TFN: (dice) => trial(dice, 9, (whole) => sum(whole, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0, [3, 3, 3]),
  AU_MEDICARE: (dice) => {
    const eight = `${between(dice, 2, 6)}${digitsOf(dice, 7)}`;
    const whole = `${eight}${sum(eight, [1, 3, 7, 9, 1, 3, 7, 9]) % 10}${between(dice, 1, 9)}`;
    return pick(dice, [whole, grouped(whole, [4, 5, 1], ' ')]);
  },
  IN_AADHAAR: (dice) => {
    const eleven = `${between(dice, 2, 9)}${digitsOf(dice, 10)}`;
    const whole = eleven + verhoeffCheck(eleven);
    return pick(dice, [whole, grouped(whole, [4, 4, 4], ' ')]);
  },
  IN_GSTIN: (dice) => {
    const head = `27${lettersOf(dice, 5)}${digitsOf(dice, 4)}${lettersOf(dice, 1)}1Z`;
    const signs = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    let total = 0;
    for (const [at, sign] of [...head].entries()) {
      const value = signs.indexOf(sign) * (at % 2 === 0 ? 1 : 2);
      total += Math.floor(value / 36) + (value % 36);
    }
    return head + (signs[(36 - (total % 36)) % 36] ?? '');
  },
  IT_FISCAL_CODE: (dice) => {
    const day = String(between(dice, 10, 28));
    const head = `${lettersOf(dice, 6)}${digitsOf(dice, 2)}${pick(dice, [...'ABCDEHLMPRST'])}${day}${pick(dice, ['H', 'F', 'L'])}${digitsOf(dice, 3)}`;
    const odd = 'BAKPLCQDREVOSFTGUHMINJWZYX';
    const oddValue = (sign: string): number => odd.indexOf(/\d/.test(sign) ? String.fromCharCode(65 + Number(sign)) : sign);
    const evenValue = (sign: string): number => (/\d/.test(sign) ? Number(sign) : sign.charCodeAt(0) - 65);
    const total = [...head].reduce((all, sign, at) => all + (at % 2 === 0 ? oddValue(sign) : evenValue(sign)), 0);
    return head + String.fromCharCode(65 + (total % 26));
  },
  IT_VAT_CODE: (dice) => withLuhn(`${digitsOf(dice, 6)}${between(dice, 1, 9)}0${between(dice, 10, 99)}`),
  ES_NIF: (dice) => {
    const eight = digitsOf(dice, 8);
    return `${eight}${pick(dice, ['', '-'])}${'TRWAGMYFPDXBNJZSQVHLCKE'[Number(eight) % 23]}`;
  },
  ES_NIE: (dice) => {
    const kind = between(dice, 0, 2);
    const seven = digitsOf(dice, 7);
    return `${'XYZ'[kind]}${seven}${'TRWAGMYFPDXBNJZSQVHLCKE'[Number(`${kind}${seven}`) % 23]}`;
  },
  SG_FIN: (dice) => {
    const kind = pick(dice, ['S', 'T', 'F', 'G']);
    const seven = digitsOf(dice, 7);
    const rest = (sum(seven, [2, 7, 6, 5, 4, 3, 2]) + ('TG'.includes(kind) ? 4 : 0)) % 11;
    return `${kind}${seven}${('ST'.includes(kind) ? 'JZIHGFEDCBA' : 'XWUTRQPNMLK')[rest]}`;
  },
  SG_UEN: (dice) => {
    const nine = `${between(dice, 1970, 2020)}${digitsOf(dice, 5)}`;
    return `${nine}${'ZKCMDNERGWH'[sum(nine, [10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11]}`;
  },
  BR_CPF: (dice) => {
    const nine = digitsOf(dice, 9);
    const ten = nine + eleven(sum(nine, [10, 9, 8, 7, 6, 5, 4, 3, 2]));
    const whole = ten + eleven(sum(ten, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]));
    return pick(dice, [whole, `${whole.slice(0, 3)}.${whole.slice(3, 6)}.${whole.slice(6, 9)}-${whole.slice(9)}`]);
  },
  BR_CNPJ: (dice) => {
    const twelve = `${digitsOf(dice, 8)}0001`;
    const next = twelve + eleven(sum(twelve, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    const w = next + eleven(sum(next, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    return pick(dice, [w, `${w.slice(0, 2)}.${w.slice(2, 5)}.${w.slice(5, 8)}/${w.slice(8, 12)}-${w.slice(12)}`]);
  },
  BR_PIS: (dice) => {
    const ten = digitsOf(dice, 10);
    const w = ten + eleven(sum(ten, [3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    return pick(dice, [w, `${w.slice(0, 3)}.${w.slice(3, 8)}.${w.slice(8, 10)}-${w.slice(10)}`]);
  },
  PL_PESEL: (dice) => {
    const ten = `${digitsOf(dice, 2)}${String(between(dice, 1, 12)).padStart(2, '0')}${between(dice, 10, 28)}${digitsOf(dice, 4)}`;
    return ten + ((10 - (sum(ten, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10);
  },
  KR_RRN: (dice) => {
    const twelve = `${digitsOf(dice, 2)}${String(between(dice, 1, 12)).padStart(2, '0')}${between(dice, 10, 28)}${between(dice, 1, 2)}${digitsOf(dice, 5)}`;
    const w = twelve + ((11 - (sum(twelve, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10);
    return pick(dice, [w, `${w.slice(0, 6)}-${w.slice(6)}`]);
  },
  FI_PERSONAL_IDENTITY_CODE: (dice) => {
    const date = `${between(dice, 10, 28)}${String(between(dice, 1, 12)).padStart(2, '0')}${digitsOf(dice, 2)}`;
    const three = digitsOf(dice, 3);
    return `${date}${pick(dice, ['-', 'A'])}${three}${'0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(date + three) % 31]}`;
  },
  TH_TNIN: (dice) => {
    const twelve = `${between(dice, 1, 8)}${digitsOf(dice, 11)}`;
    const w = twelve + ((11 - (sum(twelve, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 10);
    return pick(dice, [w, grouped(w, [1, 4, 5, 2, 1], '-')]);
  },
};

/** Values of entities without a check digit; of names some that no list can have. */
export const UNCHECKED: Readonly<Record<string, (dice: Dice) => string>> = unchecked();

function unchecked(): Record<string, (dice: Dice) => string> {
  const given = ['Ada', 'Maria', 'Jürgen', 'Mohammed', 'Oluwaseun', 'Priya', 'Wei', 'Zbigniew', 'Nkechi', 'Emma'];
  const family = ['Lovelace', 'Garcia', 'Müller', 'Okonkwo', 'Sharma', 'Zhang', 'Brzezinski', 'Smith', 'Papadopoulos', 'Haddad'];
  const word = (dice: Dice): string => pick(dice, ['ada', 'grace', 'info', 'x.y', 'o_k', 'jürgen']);
  return {
    US_SSN: (dice) => `${between(dice, 100, 665)}-${between(dice, 10, 99)}-${between(dice, 1000, 9999)}`,
    US_ITIN: (dice) => `9${digitsOf(dice, 2)}-${between(dice, 70, 88)}-${digitsOf(dice, 4)}`,
    UK_NINO: (dice) => {
      const plain = `${pick(dice, ['AB', 'CE', 'JG', 'NW', 'SR'])}${digitsOf(dice, 6)}${pick(dice, ['A', 'B', 'C', 'D'])}`;
      return pick(dice, [plain, grouped(plain, [2, 2, 2, 2, 1], ' ')]);
    },
    EMAIL_ADDRESS: (dice) => `${word(dice)}${digitsOf(dice, 2)}@${pick(dice, ['example.org', 'mail.example.co.uk', 'müller.example'])}`,
    IP_ADDRESS: (dice) => pick(dice, [`10.${between(dice, 0, 255)}.${between(dice, 0, 255)}.1`, `2001:db8::${between(dice, 1, 9999)}`]),
    MAC_ADDRESS: (dice) => `00:1a:${digitsOf(dice, 2)}:${digitsOf(dice, 2)}:${digitsOf(dice, 2)}:ff`,
    URL: (dice) =>
      pick(dice, [`https://host${digitsOf(dice, 3)}.example/path?x=1`, `www.host${digitsOf(dice, 2)}.com`, `host${digitsOf(dice, 2)}.org`]),
    PHONE_NUMBER: (dice) =>
      pick(dice, [
        `+44 20 7946 ${digitsOf(dice, 4)}`,
        `(212) 555-${digitsOf(dice, 4)}`,
        `+4930${digitsOf(dice, 7)}`,
        `phone 555${digitsOf(dice, 4)}`,
        `030 ${digitsOf(dice, 4)} ${digitsOf(dice, 3)}`,
      ]),
    DATE_TIME: (dice) =>
      pick(dice, [
        `20${between(dice, 10, 30)}-0${between(dice, 1, 9)}-1${between(dice, 0, 9)}`,
        `${between(dice, 1, 28)} November 2026`,
        `1${between(dice, 0, 9)}.0${between(dice, 1, 9)}.2024`,
      ]),
    IN_PAN: (dice) => `${lettersOf(dice, 3)}P${lettersOf(dice, 1)}${digitsOf(dice, 4)}${lettersOf(dice, 1)}`,
    IN_VEHICLE_REGISTRATION: (dice) => `KA${between(dice, 10, 99)}ME${digitsOf(dice, 4)}`,
    IN_VOTER: (dice) => `${lettersOf(dice, 3)}${digitsOf(dice, 7)}`,
    IN_PASSPORT: (dice) => `passport J${between(dice, 1, 9)}${digitsOf(dice, 5)}${between(dice, 1, 9)}`,
    US_PASSPORT: (dice) => `passport ${between(dice, 1, 9)}${digitsOf(dice, 8)}`,
    US_DRIVER_LICENSE: (dice) => `driver license ${lettersOf(dice, 1)}${digitsOf(dice, 7)}`,
    US_BANK_NUMBER: (dice) => `account ${digitsOf(dice, 10)}`,
    IT_PASSPORT: (dice) => `passaporto ${lettersOf(dice, 2)}${digitsOf(dice, 7)}`,
    IT_DRIVER_LICENSE: (dice) => `patente ${lettersOf(dice, 2)}${digitsOf(dice, 7)}${lettersOf(dice, 1)}`,
    IT_IDENTITY_CARD: (dice) => `carta identità C${lettersOf(dice, 1)}${digitsOf(dice, 5)}${lettersOf(dice, 2)}`,
    AWS_ACCESS_KEY: (dice) => `AKIA${digitsOf(dice, 8)}QWERTYUI`,
    GITHUB_TOKEN: (dice) => `ghp_${digitsOf(dice, 18)}abcdefghijklmnopqr`,
    JWT: (dice) => `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI${digitsOf(dice, 8)}.c2ln${digitsOf(dice, 20)}`,
    PERSON: (dice) =>
      pick(dice, [
        `${pick(dice, given)} ${pick(dice, family)}`,
        `${pick(dice, family)}, ${pick(dice, given)}`,
        `Dr. ${pick(dice, family)}`,
      ]),
    LOCATION: (dice) =>
      pick(dice, ['Berlin', 'New York', 'Ouagadougou', 'Springfield', 'Canada', '10 Downing Street', 'Hauptstraße 7', 'Tangier']),
    NRP: (dice) => pick(dice, ['British', 'Catholic', 'Muslims', 'Socialist', 'Québécois', 'Yoruba', 'Brazilian', 'Druze']),
  };
}

function sum(digits: string, weights: readonly number[]): number {
  return weights.reduce((total, weight, at) => total + weight * Number(digits[at]), 0);
}

function eleven(total: number): number {
  const rest = total % 11;
  return rest < 2 ? 0 : 11 - rest;
}

function withLuhn(head: string): string {
  let total = 0;
  for (const [at, sign] of [...head].reverse().entries()) {
    const value = Number(sign) * (at % 2 === 0 ? 2 : 1);
    total += value > 9 ? value - 9 : value;
  }
  return head + ((10 - (total % 10)) % 10);
}

function remainder(code: string): number {
  let rest = 0;
  for (const sign of code) rest = Number(`${rest}${/\d/.test(sign) ? sign : sign.charCodeAt(0) - 55}`) % 97;
  return rest;
}

/** The dihedral group of order ten by its rules instead of a table. */
function verhoeffCheck(head: string): number {
  const times = (a: number, b: number): number =>
    a < 5 ? (b < 5 ? (a + b) % 5 : ((a + b) % 5) + 5) : b < 5 ? ((a - b) % 5) + 5 : (a - b + 5) % 5;
  const turn = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
  let state = 0;
  for (const [at, sign] of [...head].reverse().entries()) {
    let value = Number(sign);
    for (let count = 0; count < (at + 1) % 8; count++) value = turn[value] ?? 0;
    state = times(state, value);
  }
  return [0, 4, 3, 2, 1, 5, 6, 7, 8, 9][state] ?? 0;
}

function trial(dice: Dice, length: number, fits: (whole: string) => boolean, groups: readonly number[]): string {
  for (;;) {
    const whole = digitsOf(dice, length);
    if (fits(whole)) return pick(dice, [whole, grouped(whole, groups, ' ')]);
  }
}

export function grouped(text: string, sizes: readonly number[], sign: string): string {
  const parts: string[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= text.length) break;
    parts.push(text.slice(at, at + size));
    at += size;
  }
  return parts.join(sign);
}

export function between(dice: Dice, from: number, to: number): number {
  return from + Math.floor(dice() * (to - from + 1));
}

function lettersOf(dice: Dice, count: number): string {
  return Array.from({ length: count }, () => String.fromCharCode(65 + Math.floor(dice() * 26))).join('');
}
