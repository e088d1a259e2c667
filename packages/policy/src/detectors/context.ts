const WORDS_MAX = 6;
const BYTES_MAX = 64;
/** With the parts of `cardNumber`, which count as words. */
const HASHES_MAX = 2 * BYTES_MAX;
const SEED = 0x811c9dc5;

/** Words that say what stands behind them, by their hashes: words of a text are looked up without making strings of them. */
export type ContextWords = ReadonlySet<number>;

/** @param words in lower case */
export function contextOf(words: Iterable<string>): ContextWords {
  const hashes = new Set<number>();
  for (const word of words) hashes.add(small(Buffer.from(word).reduce(hashed, SEED)));
  return hashes;
}

/** From a word's end to its beginning would do as well; what counts is that all do it in the same way. */
function hashed(hash: number, byte: number): number {
  return Math.imul(hash ^ (byte | 0x20), 0x01000193);
}

/** A number that needs no memory of its own. */
function small(hash: number): number {
  return hash >>> 2;
}

const HASHES = new Int32Array(HASHES_MAX);

/** What was read last: of a row of numbers, hardly any has other words before it than the one in front of it. */
let lastBytes: Uint8Array | undefined;
let lastStart = 0;
let lastAt = 0;
/** Where the nearest word ends, and the farthest one begins, as far as they were looked for. */
let lastEnd = 0;
let lastFirst = 0;
let lastKnown = 0;

/** To be called in front of each text: the same bytes may hold another one now. */
export function forgetContext(): void {
  lastBytes = undefined;
}

/** Reads the words close before `at`, at most six words and 64 bytes away, none before `start`. Says how many hashes `isIn` has to look at. */
export function readContext(bytes: Uint8Array, at: number, start = 0): number {
  const floor = Math.max(start, at - BYTES_MAX);
  const isBehind = bytes === lastBytes && at >= lastAt && start === lastStart;
  const stop = isBehind && lastAt > floor ? lastAt : floor;
  let end = at;
  while (end > stop && LETTER[bytes[end - 1] ?? 0] === 0) end--;
  if (isBehind && end === lastAt) {
    if (lastEnd <= floor || lastFirst >= floor) {
      lastAt = at;
      lastKnown = lastEnd <= floor ? 0 : lastKnown;
      return lastKnown;
    }
    end = lastEnd;
  }
  lastBytes = bytes;
  lastStart = start;
  lastAt = at;
  lastEnd = end;
  lastFirst = end;
  lastKnown = 0;
  for (let count = 0; count < WORDS_MAX; count++) {
    while (end > floor && LETTER[bytes[end - 1] ?? 0] === 0) end--;
    let from = end;
    while (from > floor && LETTER[bytes[from - 1] ?? 0] === 1) from--;
    if (from === end) break;
    lastKnown = readWord(bytes, from, end, lastKnown);
    lastFirst = from;
    end = from;
  }
  return lastKnown;
}

/** The word, and its parts when a capital stands behind a small letter. */
function readWord(bytes: Uint8Array, from: number, to: number, start: number): number {
  let known = start;
  let whole = SEED;
  let part = SEED;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (at > from && isCapital(byte) && isSmall(bytes[at - 1] ?? 0)) {
      HASHES[known++] = small(part);
      part = SEED;
    }
    whole = hashed(whole, byte);
    part = hashed(part, byte);
  }
  if (part !== whole) HASHES[known++] = small(part);
  HASHES[known++] = small(whole);
  return known;
}

/** Whether one of the words that were read last is among these. @param known what `readContext` said */
export function isIn(words: ContextWords, known: number): boolean {
  for (let index = 0; index < known; index++) if (words.has(HASHES[index] ?? 0)) return true;
  return false;
}

/** Whether one of the words stands close before `at`. Also as a part of `cardNumber`. */
export function hasContext(bytes: Uint8Array, at: number, words: ContextWords): boolean {
  return words.size > 0 && isIn(words, readContext(bytes, at));
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function isSmall(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a;
}

const LETTER = Uint8Array.from({ length: 256 }, (_, byte) => (isCapital(byte) || isSmall(byte) || byte >= 0x80 ? 1 : 0));
