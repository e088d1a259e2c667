/** What becomes of a message: it passes as it is, it goes no further, or these bytes go in its place. */
export type Step = 'pass' | 'drop' | Buffer;

/** Two writes in order; a promise of either is awaited. */
export function both(first: void | Promise<void>, second: void | Promise<void>): void | Promise<void> {
  if (first === undefined) return second;
  return second === undefined ? first : Promise.all([first, second]).then(() => undefined);
}
