import { Refusal } from '@hoop/core/errors';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { findEmails, mayHoldEmail } from './detectors/email.ts';

interface Detector {
  suspects(bytes: Buffer): boolean;
  find(bytes: Buffer, found: (from: number, to: number) => void): void;
}

/** Detectors by Presidio's entity names. */
const DETECTORS: Readonly<Record<string, Detector>> = {
  EMAIL_ADDRESS: { suspects: mayHoldEmail, find: findEmails },
};

/** The entities that can be masked. */
export function maskableEntities(): readonly string[] {
  return Object.keys(DETECTORS);
}

const MASK_BYTE = 0x23;

/**
 * Replaces what is found by `#`, byte for byte: the length stays, so that a value inside a binary format stays whole.
 * @throws Refusal `invalid_rule` for an entity that has no detector: a promise that cannot be kept is not made
 */
export function entityMask(entities: readonly string[]): Mask {
  const detectors = entities.map((entity) => {
    const detector = Object.hasOwn(DETECTORS, entity) ? DETECTORS[entity] : undefined;
    if (!detector) throw new Refusal('invalid_rule', `The entity ${entity} cannot be masked; use one of ${maskableEntities().join(', ')}`);
    return { entity, detector };
  });
  return {
    suspects: (bytes) => detectors.some(({ detector }) => detector.suspects(bytes)),
    apply(text: Buffer, counts: MaskCounts): Buffer {
      let masked = text;
      for (const { entity, detector } of detectors) {
        detector.find(text, (from, to) => {
          if (masked === text) masked = Buffer.from(text);
          masked.fill(MASK_BYTE, from, to);
          counts[entity] = (counts[entity] ?? 0) + 1;
        });
      }
      return masked;
    },
  };
}
