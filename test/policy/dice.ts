/** A number of at least 0 and below 1. */
export type Dice = () => number;

/** The same numbers for the same seed. (mulberry32) */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function pick<T>(roll: Dice, choices: readonly T[]): T {
  const chosen = choices[Math.floor(roll() * choices.length)];
  if (chosen === undefined) throw new RangeError('Nothing to choose from');
  return chosen;
}

export function digitsOf(roll: Dice, count: number): string {
  return Array.from({ length: count }, () => String(Math.floor(roll() * 10))).join('');
}
