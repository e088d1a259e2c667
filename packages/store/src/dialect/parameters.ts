import { Refusal } from '@hoop/core/errors';

/**
 * Refuses what one of the two databases would refuse or silently change, so that both behave alike:
 * PostgreSQL has no NUL in text, and neither gives back an integer past 2^53 unharmed.
 * @throws Refusal `store_value`
 */
export function checkParameters(parameters: readonly unknown[]): void {
  for (const value of parameters) {
    if (typeof value === 'string' && value.includes('\0')) {
      throw new Refusal('store_value', 'Text with a NUL character cannot be stored. Remove it');
    }
    if (typeof value === 'number' && !storable(value)) {
      throw new Refusal('store_value', `The number ${value} is out of range`);
    }
  }
}

function storable(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}
