const WORDS_MAX = 6;
const BYTES_MAX = 64;

/** Whether one of the words stands close before `at`: at most six words and 64 bytes away. Also as a part of `cardNumber`. */
export function hasContext(bytes: Buffer, at: number, words: ReadonlySet<string>): boolean {
  if (words.size === 0) return false;
  const floor = Math.max(0, at - BYTES_MAX);
  let end = at;
  for (let count = 0; count < WORDS_MAX; count++) {
    while (end > floor && !isLetter(bytes[end - 1] ?? 0)) end--;
    let from = end;
    while (from > floor && isLetter(bytes[from - 1] ?? 0)) from--;
    if (from === end) return false;
    const word = bytes.toString('latin1', from, end);
    if (words.has(word.toLowerCase())) return true;
    if (HUMP.test(word)) for (const part of word.split(HUMP)) if (words.has(part.toLowerCase())) return true;
    end = from;
  }
  return false;
}

const HUMP = /(?<=[a-z])(?=[A-Z])/;

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte >= 0x80;
}
