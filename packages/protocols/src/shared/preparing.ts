import { hash as digestOf } from 'node:crypto';
import type { Mask } from '@hoop/core/gate';

/** What is masked may depend on what was found before: a stream looks again where something was. It settles in two rounds or three. */
const ROUNDS_MAX = 4;

/**
 * Has a mask prepare everything that `work` would apply it to, for adapters in which that is not easy to say. `work` runs as often as
 * it takes, and must not change anything: it works on a copy of what it looks at, and what it makes is thrown away.
 * Resolves at once for a mask that needs no preparing.
 */
export async function preparing(mask: Mask, work: (trial: Mask) => void): Promise<void> {
  if (!mask.prepare) return;
  const asked = new Set<string>();
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const texts: Buffer[] = [];
    const isNew = (text: Buffer): boolean => {
      const digest = digestOf('sha256', text, 'base64');
      if (asked.has(digest)) return false;
      asked.add(digest);
      texts.push(text);
      return true;
    };
    const applyToValue = mask.applyToValue?.bind(mask);
    work({
      suspects: (bytes) => mask.suspects(bytes),
      apply: (text, counts) => (isNew(text) ? text : mask.apply(text, counts)),
      ...(applyToValue ? { applyToValue: (value, counts) => (isNew(value) ? value : applyToValue(value, counts)) } : {}),
      ...(mask.keepsLength === undefined ? {} : { keepsLength: mask.keepsLength }),
    });
    if (texts.length === 0) return;
    await mask.prepare(texts);
  }
}
