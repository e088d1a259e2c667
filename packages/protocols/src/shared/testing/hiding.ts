import type { Mask } from '@hoop/core/gate';

/** Hides e-mail addresses behind so many signs; 0: as many as they have. */
export function hiding(length = 0): Mask {
  return {
    suspects: (bytes) => bytes.includes('@'),
    apply: (bytes, counts) => {
      let found = 0;
      const text = bytes.toString('latin1').replace(/[a-z]+@[a-z]+\.[a-z]+/g, (hit) => {
        found++;
        return '#'.repeat(length || hit.length);
      });
      if (found === 0) return bytes;
      counts.EMAIL_ADDRESS = (counts.EMAIL_ADDRESS ?? 0) + found;
      return Buffer.from(text, 'latin1');
    },
    keepsLength: length === 0,
  };
}
