import { FAMILY } from './names/family.ts';
import { AMBIGUOUS, GIVEN } from './names/given.ts';
import { GROUPS } from './names/groups.ts';
import { PLACES } from './names/places.ts';

/** Names of months, in English short and long, in German, French, Spanish and Portuguese. */
const MONTHS =
  'jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september october november december ' +
  'januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre ' +
  'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre ' +
  'janeiro fevereiro março maio junho julho setembro outubro novembro dezembro';

export const HASH_SEED = 0x811c9dc5;

/** What a word can be. */
export const KINDS = {
  given: 1,
  ambiguous: 2,
  family: 4,
  title: 8,
  group: 16,
  street: 32,
  place: 64,
  placeStart: 128,
  particle: 256,
  month: 512,
} as const;

/**
 * The lists, by the hash of a word: a slice and its lower case for each word of a text would take longer than all else. Each hash stands at
 * its place, or in the next one that is free, with what its word can be beside it.
 */
const SLOTS = 8_192;
const HASHES = new Int32Array(SLOTS);
const LISTED = new Int32Array(SLOTS);
/** A bit for each of 65536 places that a hash can have. */
const MAYBE = new Int32Array(2_048);

list(GIVEN, KINDS.given);
list(AMBIGUOUS, KINDS.given | KINDS.ambiguous);
list(FAMILY, KINDS.family);
list('mr mrs ms miss dr prof sir madam herr frau monsieur madame señor señora sr sra signor signora', KINDS.title);
list(GROUPS, KINDS.group);
list(GROUPS.replace(/(?<=\S)(?= |$)/g, 's'), KINDS.group);
list(
  'street st avenue ave road rd boulevard blvd lane ln drive dr court ct square sq highway hwy parkway place pl terrace way',
  KINDS.street,
);
list(PLACES, KINDS.place);
list(
  PLACES.split(' ')
    .filter((place) => place.includes('_'))
    .map((place) => place.split('_')[0] ?? '')
    .join(' '),
  KINDS.placeStart,
);
list(MONTHS, KINDS.month);
list('van von der de di da dos del la le bin al el ter ten', KINDS.particle);

function list(words: string, kind: number): void {
  for (const word of words.split(' ')) {
    const bytes = Buffer.from(word.replaceAll('_', ' '));
    const hash = hashOf(bytes, 0, bytes.length);
    const place = placeOf(hash);
    MAYBE[place >>> 5] = (MAYBE[place >>> 5] ?? 0) | (1 << (place & 31));
    const slot = slotOf(hash);
    HASHES[slot] = hash;
    LISTED[slot] = (LISTED[slot] ?? 0) | kind;
  }
}

/** Where a hash stands, or would. */
function slotOf(hash: number): number {
  let slot = (hash ^ (hash >>> 16)) & (SLOTS - 1);
  while (LISTED[slot] !== 0 && HASHES[slot] !== hash) slot = (slot + 1) & (SLOTS - 1);
  return slot;
}

function placeOf(hash: number): number {
  return (hash ^ (hash >>> 16)) & 0xffff;
}

/** One byte more of a word. */
export function hashed(hash: number, byte: number): number {
  return Math.imul(hash ^ (byte | 0x20), 0x01000193);
}

/** FNV-1a over bytes in lower case; with UTF-8 the same bit makes `Ö` an `ö`. */
function hashOf(bytes: Buffer, from: number, to: number): number {
  let hash = HASH_SEED;
  for (let at = from; at < to; at++) hash = hashed(hash, bytes[at] ?? 0);
  return hash;
}

export function kindsOf(bytes: Buffer, from: number, to: number): number {
  return kindsOfHash(hashOf(bytes, from, to));
}

/** What the word with this hash can be. Most words are none of the lists: a table of bits says so before it is looked up. */
export function kindsOfHash(hash: number): number {
  return mayBeListed(hash) ? (LISTED[slotOf(hash)] ?? 0) : 0;
}

/** A `false` is certain. */
function mayBeListed(hash: number): boolean {
  const place = placeOf(hash);
  return ((MAYBE[place >>> 5] ?? 0) & (1 << (place & 31))) !== 0;
}
