/** Shorter ones are words. */
export const RUN_BYTES_MIN = 16;
/** Base64 in lines goes on in the next line, when this one is as long as such lines are. */
const LINE_BYTES_MIN = 60;

/** Letters, digits, and the signs that are inside of tokens. */
export const IN_RUN = wordsAnd('+/=_-.');
/** Letters, digits, and the signs of Base64: without those that are in the names of things. */
export const IN_CODE = wordsAnd('+/');

function wordsAnd(signs: string): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    const isWord = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    return isWord || signs.includes(String.fromCharCode(byte)) ? 1 : 0;
  });
}

/** Hands each long run to those who look for secrets in it. One pass. */
export function findRuns(bytes: Buffer, visit: (bytes: Buffer, from: number, to: number) => void): void {
  const { length } = bytes;
  let at = 0;
  while (at + RUN_BYTES_MIN <= length) {
    // Every run that is long enough has a byte at one of these places.
    if (IN_RUN[bytes[at + RUN_BYTES_MIN - 1] ?? 0] === 0) {
      at += RUN_BYTES_MIN;
      continue;
    }
    let from = at + RUN_BYTES_MIN - 1;
    while (from > at && IN_RUN[bytes[from - 1] ?? 0] === 1) from--;
    let to = at + RUN_BYTES_MIN;
    let line = from;
    while (to < length) {
      const byte = bytes[to] ?? 0;
      if (IN_RUN[byte] === 1) to++;
      else if (
        (byte === 0x0a || byte === 0x0d) &&
        to - line >= LINE_BYTES_MIN &&
        IN_RUN[bytes[to + (bytes[to + 1] === 0x0a ? 2 : 1)] ?? 0] === 1
      ) {
        to += bytes[to + 1] === 0x0a ? 2 : 1;
        line = to;
      } else break;
    }
    if (to - from >= RUN_BYTES_MIN) visit(bytes, from, to);
    at = to;
  }
}

/** Whether there is a run of `least` bytes without a gap in [start, end). Looks at every `least`-th byte first. */
export function hasRun(bytes: Buffer, least: number, inRun: Uint8Array, start = 0, end = bytes.length): boolean {
  for (let at = start + least - 1; at < end; at += least) {
    if (inRun[bytes[at] ?? 0] === 0) continue;
    let from = at;
    while (from > start && at - from < least && inRun[bytes[from - 1] ?? 0] === 1) from--;
    let to = at + 1;
    while (to - from < least && to < end && inRun[bytes[to] ?? 0] === 1) to++;
    if (to - from >= least) return true;
    at = to;
  }
  return false;
}
