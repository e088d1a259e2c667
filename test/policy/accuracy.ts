import { entityMask } from '@hoop/policy/masks';
import { type Dice, dice, digitsOf, pick } from './dice.ts';
import { between, CHECKED, UNCHECKED } from './values.ts';

export interface Accuracy {
  readonly entity: string;
  /** Whether its values have a check digit. */
  readonly isChecked: boolean;
  /** Of valid values, the part that was hidden. */
  readonly recall: number;
  /** Of what was hidden among as many valid values and look-alikes, the part that was right. */
  readonly precision: number;
}

const EACH = 400;
/** Words around a value that say nothing about it. */
const AROUND = ['', 'value: ', '"', '(', 'x = ', 'for '];

/**
 * Hides valid values and look-alikes of each entity, each alone, with the default threshold. Of entities with a check digit half of the
 * look-alikes are values with a wrong check digit. The same figures in every run.
 */
export function accuracies(): Accuracy[] {
  return Object.entries({ ...CHECKED, ...UNCHECKED }).map(([entity, make]) => {
    const isChecked = Object.hasOwn(CHECKED, entity);
    const roll = dice(20_261_121);
    const mask = entityMask([entity]);
    let right = 0;
    let wrong = 0;
    for (let count = 0; count < EACH; count++) {
      const before = pick(roll, AROUND);
      const value = make(roll);
      if (isHidden(String(mask.apply(Buffer.from(`${before}${value}${before === '"' ? '"' : ''}`), {})), value)) right++;
      const like = isChecked && count % 2 === 0 ? mistyped(roll, value, entity) : pick(roll, LOOK_ALIKES)(roll);
      const text = Buffer.from(`${before}${like}`);
      if (mask.apply(text, {}) !== text) wrong++;
    }
    return { entity, isChecked, recall: right / EACH, precision: right / Math.max(1, right + wrong) };
  });
}

function isHidden(masked: string, value: string): boolean {
  return masked.includes('##') && !masked.includes(value) && !masked.includes(value.split(' ').at(-1) ?? value);
}

/** With its last digit changed, which is the check digit unless that is a letter; of Medicare's cards one more stands behind it. */
function mistyped(roll: Dice, value: string, entity: string): string {
  const places = [...value].flatMap((sign, at) => (/\d/.test(sign) ? [at] : []));
  const at = places.at(entity === 'AU_MEDICARE' ? 8 : -1) ?? 0;
  return value.slice(0, at) + ((Number(value[at]) + between(roll, 1, 9)) % 10) + value.slice(at + 1);
}

/** Things that databases are full of. */
const LOOK_ALIKES: readonly ((roll: Dice) => string)[] = [
  (roll) => `order ${digitsOf(roll, 6)}`,
  (roll) => `v${between(roll, 1, 20)}.${between(roll, 0, 20)}.${between(roll, 0, 99)}`,
  (roll) => `${between(roll, 1, 999)}.${digitsOf(roll, 2)} EUR`,
  (roll) =>
    `${digitsOf(roll, 4)}ab${digitsOf(roll, 2)}-${digitsOf(roll, 4)}-4${digitsOf(roll, 3)}-a${digitsOf(roll, 3)}-${digitsOf(roll, 6)}abcdef`,
  (roll) => `SKU-${digitsOf(roll, 5)}-XL`,
  (roll) => `row ${between(roll, 1, 99_999)} of ${between(roll, 1, 99_999)}`,
  (roll) => `file_${digitsOf(roll, 3)}.tar`,
  () => 'the quick brown fox jumps over the lazy dog',
  () => 'price @ warehouse, no tax',
  (roll) => `${between(roll, 1, 12)}x${between(roll, 1, 12)} cm`,
  (roll) => `#${digitsOf(roll, 6)} closed`,
  (roll) => `rack ${between(roll, 1, 9)}/${between(roll, 1, 9)}`,
];
