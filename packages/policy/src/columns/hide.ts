import type { HideValue } from '@hoop/core/answer';
import { fillRange, MASK_BYTE, standIn } from '../strategies.ts';
import type { Treatment } from './patterns.ts';

/** What values of hidden columns are counted as, and what stands in their tokens. */
export const COLUMN = 'COLUMN';

/** As long for every value: a length can say what it is. */
const HIDDEN = Buffer.alloc(8, MASK_BYTE);

const MADE = new Map<string, HideValue>();

/** Hides values as a rule wants it. The same function for the same treatment. */
export function hiderOf({ strategy, keep }: Treatment): HideValue {
  const key = `${strategy} ${keep}`;
  const known = MADE.get(key);
  if (known) return known;
  const made: HideValue = (value, counts) => {
    counts[COLUMN] = (counts[COLUMN] ?? 0) + 1;
    switch (strategy) {
      case 'null':
        return null;
      case 'hash':
      case 'token':
        return standIn(strategy, COLUMN, value);
      case 'partial': {
        const shown = Buffer.from(value);
        fillRange(shown, 0, shown.length, keep);
        return shown;
      }
      default:
        return HIDDEN;
    }
  };
  MADE.set(key, made);
  return made;
}
