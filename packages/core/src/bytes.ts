/** Joins parts into one buffer; the single part itself where there is only one. */
export function join(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return parts.length === 1 && first ? first : Buffer.concat(parts);
}

/** Cuts text at a number of UTF-8 bytes, at a character's border. */
export function cutText(text: string, bytes_max: number): string {
  if (text.length * 3 <= bytes_max || Buffer.byteLength(text) <= bytes_max) return text;
  const bytes = Buffer.from(text).subarray(0, bytes_max);
  const decoded = bytes.toString('utf8');
  return decoded.endsWith('\uFFFD') ? decoded.slice(0, -1) : decoded;
}
