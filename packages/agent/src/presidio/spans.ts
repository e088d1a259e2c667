import { isUtf8 } from 'node:buffer';

/** The text of a value, and how places in it are found in its bytes. */
export interface Spelled {
  readonly text: string;
  /** The byte at which the character with this number begins; characters are counted as Python counts them, by code points. */
  byteAt(character: number): number;
}

/** Reads bytes as UTF-8, or where they are none, each byte as a character. */
export function spelled(bytes: Buffer): Spelled {
  if (!isUtf8(bytes)) return { text: bytes.toString('latin1'), byteAt: (character) => character };
  const text = bytes.toString('utf8');
  if (text.length === bytes.length) return { text, byteAt: (character) => character };
  const starts: number[] = [];
  // A byte that goes on with a character has 10 in front.
  for (let at = 0; at < bytes.length; at++) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) starts.push(at);
  return { text, byteAt: (character) => starts[character] ?? bytes.length };
}

/** Where a cut is possible at `at` or just before, so that no character is cut in two. */
export function characterStart(bytes: Buffer, at: number): number {
  let start = at;
  while (start > 0 && start > at - 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start--;
  return start;
}
