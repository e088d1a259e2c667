/**
 * People who do not exist, the same ones on every machine: everything is drawn from one seeded generator.
 * The values look real enough for a detector: cards pass Luhn, social security numbers lie in the ranges that are given out.
 */
export interface Customer {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly card_number: string;
  readonly ssn: string;
  readonly city: string;
  readonly created_at: string;
}

export interface Order {
  readonly id: number;
  readonly customer_id: number;
  readonly product: string;
  readonly quantity: number;
  readonly total: string;
  readonly status: string;
  readonly note: string | null;
  readonly placed_at: string;
}

export const CUSTOMERS = 2_000;
export const ORDERS = 8_000;

const FIRST_NAMES =
  'Ada Alan Amara Anna Ben Bea Carlos Chen Clara Dmitri Elena Emil Farah Felix Grace Hana Hugo Ines Ivan Jamal Jana Karim Keiko Lars Leila Liam Lucia Marco Maya Mira Nadia Nina Omar Otto Priya Quinn Rosa Samir Sofia Tariq Tessa Uma Vera Victor Wanda Yara Yusuf Zoe'.split(
    ' ',
  );
const LAST_NAMES =
  'Abbott Adeyemi Baker Bauer Costa Cohen Diaz Dubois Evans Fischer Garcia Gruber Haddad Hansen Ito Ivanova Jensen Kaya Keller Kim Lopez Martin Meyer Moreau Nakamura Novak Okafor Olsen Patel Petrov Quist Rossi Santos Schmidt Silva Singh Tanaka Torres Ueda Varga Weber Wong Young Zhang'.split(
    ' ',
  );
const CITIES = ['Austin', 'Boston', 'Chicago', 'Denver', 'El Paso', 'Fresno', 'Houston', 'Miami', 'Portland', 'Seattle'];
const MAIL_HOSTS = ['example.com', 'example.org', 'example.net', 'mail.example'];
const PRODUCTS = ['Desk lamp', 'Coffee grinder', 'Rain jacket', 'Notebook', 'Headphones', 'Water bottle', 'Backpack', 'Chess set'];
const STATUSES = ['paid', 'shipped', 'delivered', 'delivered', 'delivered', 'returned'];
const AREA_CODES = ['202', '303', '312', '415', '512', '617', '713', '808', '917'];
const DAY_MS = 86_400_000;
const EPOCH = Date.UTC(2024, 0, 1);

/** Draws numbers that look random and are the same every time (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  }

  pick(choices: readonly string[]): string {
    return choices[this.below(choices.length)] ?? '';
  }

  digits(count: number): string {
    return Array.from({ length: count }, () => this.below(10)).join('');
  }
}

/** The customers of the demo. */
export function customers(count = CUSTOMERS): Customer[] {
  const dice = new Dice(1);
  return Array.from({ length: count }, (_, index) => customer(dice, index + 1));
}

function customer(dice: Dice, id: number): Customer {
  const first = dice.pick(FIRST_NAMES);
  const last = dice.pick(LAST_NAMES);
  return {
    id,
    name: `${first} ${last}`,
    email: `${first}.${last}${id}@${dice.pick(MAIL_HOSTS)}`.toLowerCase(),
    phone: `+1-${dice.pick(AREA_CODES)}-${200 + dice.below(700)}-${dice.digits(4)}`,
    card_number: cardNumber(dice),
    ssn: socialSecurityNumber(dice),
    city: dice.pick(CITIES),
    created_at: new Date(EPOCH + dice.below(600 * DAY_MS)).toISOString(),
  };
}

/** The orders of the demo; every customer has some. */
export function orders(count = ORDERS, customerCount = CUSTOMERS): Order[] {
  const dice = new Dice(2);
  return Array.from({ length: count }, (_, index) => {
    const quantity = 1 + dice.below(5);
    return {
      id: index + 1,
      customer_id: index < customerCount ? index + 1 : 1 + dice.below(customerCount),
      product: dice.pick(PRODUCTS),
      quantity,
      total: ((quantity * (500 + dice.below(20_000))) / 100).toFixed(2),
      status: dice.pick(STATUSES),
      note: dice.below(5) === 0 ? note(dice) : null,
      placed_at: new Date(EPOCH + dice.below(650 * DAY_MS)).toISOString(),
    };
  });
}

/** Free text, where sensitive values stand in the middle of a sentence. */
function note(dice: Dice): string {
  const name = dice.pick(FIRST_NAMES).toLowerCase();
  const notes = [
    `Call +1-${dice.pick(AREA_CODES)}-555-01${dice.digits(2)} before delivery`,
    `Invoice goes to ${name}@${dice.pick(MAIL_HOSTS)}, please`,
    `Gift for ${name}, no invoice in the box`,
    'Leave it with the neighbours',
  ];
  return dice.pick(notes);
}

/** Sixteen digits with a right check digit. */
function cardNumber(dice: Dice): string {
  const body = `${dice.pick(['4', '51', '52', '53', '54', '55'])}${dice.digits(14)}`.slice(0, 15);
  const number = `${body}${luhnDigit(body)}`;
  return (number.match(/\d{4}/g) ?? []).join(' ');
}

/** The digit that makes `body` followed by it pass Luhn's check (ISO/IEC 7812-1, annex B). */
export function luhnDigit(body: string): number {
  let sum = 0;
  for (let index = 0; index < body.length; index++) {
    const digit = Number(body[body.length - 1 - index]);
    const doubled = index % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return (10 - (sum % 10)) % 10;
}

function socialSecurityNumber(dice: Dice): string {
  const area = 1 + dice.below(899);
  const group = 1 + dice.below(99);
  const serial = 1 + dice.below(9999);
  const given = area === 666 ? 667 : area;
  return `${String(given).padStart(3, '0')}-${String(group).padStart(2, '0')}-${String(serial).padStart(4, '0')}`;
}
