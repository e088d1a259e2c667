/** Where the byte stands at or behind `from`; -1 when nowhere. In short texts quicker than a call into the runtime. */
export function indexOfByte(bytes: Uint8Array, byte: number, from: number): number {
  for (let at = from; at < bytes.length; at++) if (bytes[at] === byte) return at;
  return -1;
}
