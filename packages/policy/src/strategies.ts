import { createHmac, randomBytes } from 'node:crypto';

/** What is shown in place of a value. */
export type Strategy = 'redact' | 'partial' | 'hash' | 'token' | 'null';

/** The strictest first: when rules differ about an entity, it wins. */
export const STRATEGIES: readonly Strategy[] = ['null', 'redact', 'token', 'hash', 'partial'];

/** What hides a byte. */
export const MASK_BYTE = 0x23;
const HASH_CHARACTERS = 32;
const TOKEN_CHARACTERS = 12;
const KEY_BYTES = 32;
const LOOP_BYTES_MAX = 64;

/** Of a process: as long as it lives, equal values get equal tokens. */
const OWN_KEY = randomBytes(KEY_BYTES);

/** Whether what is shown has as many bytes as what is hidden. */
export function keepsLength(strategy: Strategy): boolean {
  return strategy !== 'hash' && strategy !== 'token';
}

/** `#` for every byte but the last `keep` ones, of which no more than half of the value is shown. A character of several bytes is not cut. */
export function fillRange(text: Buffer, from: number, to: number, keep: number): void {
  let end = to - Math.min(keep, Math.floor((to - from) / 2));
  while (end < to && ((text[end] ?? 0) & 0xc0) === 0x80) end++;
  // Most values are short: the call would take longer than the work.
  if (end - from > LOOP_BYTES_MAX) text.fill(MASK_BYTE, from, end);
  else for (let at = from; at < end; at++) text[at] = MASK_BYTE;
}

/** A word that stands for a value: the same for the same value under the same key, and nothing that it could be told from. */
export function standIn(strategy: 'hash' | 'token', entity: string, value: Buffer, key: Buffer = OWN_KEY): Buffer {
  const digest = createHmac('sha256', key).update(`${strategy}\0${entity}\0`).update(value).digest('hex');
  return Buffer.from(strategy === 'hash' ? digest.slice(0, HASH_CHARACTERS) : `${entity}_${digest.slice(0, TOKEN_CHARACTERS)}`);
}
