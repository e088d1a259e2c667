const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const NOTHING = Buffer.from('null');

/** Bytes that stand by themselves outside of strings: blanks, brackets, braces, commas, colons. */
const BETWEEN = new Set([...Buffer.from(' \t\r\n[]{},:')]);

/**
 * JSON in which values have been hidden, as JSON again: what is neither a number nor a word of JSON any more becomes `null`, with blanks
 * as far as it went. What was hidden inside of strings stays.
 */
export function mendJson(masked: Buffer): Buffer {
  const mended: Buffer[] = [];
  let from = 0;
  for (let at = 0; at < masked.length; ) {
    const byte = masked[at] ?? 0;
    if (byte === QUOTE) at = endOfString(masked, at);
    else if (BETWEEN.has(byte)) at++;
    else {
      const end = endOfWord(masked, at);
      if (!isWord(masked.toString('latin1', at, end))) {
        mended.push(masked.subarray(from, at), NOTHING, Buffer.alloc(Math.max(0, end - at - NOTHING.length), BLANK));
        from = end;
      }
      at = end;
    }
  }
  return mended.length === 0 ? masked : Buffer.concat([...mended, masked.subarray(from)]);
}

/** True for an object or an array that a program could read. */
export function isJsonDocument(bytes: Buffer): boolean {
  const first = bytes[0];
  return (first === 0x7b || first === 0x5b) && isJson(bytes);
}

export function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

function endOfString(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at + 1;
  }
  return bytes.length;
}

function endOfWord(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== QUOTE && !BETWEEN.has(bytes[at] ?? 0)) at++;
  return at;
}

function isWord(text: string): boolean {
  return text === 'true' || text === 'false' || text === 'null' || /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);
}
