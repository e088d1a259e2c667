import { ESCAPE_BYTES_MAX } from './limits.ts';

const ESC = 0x1b;
const BEL = 0x07;

/** How a run of output divides: text, and control sequences (`ESC …`) that a terminal does not show. */
export interface Sequence {
  /** Where it ends, or undefined where its end has not come yet. */
  readonly end: number | undefined;
  /** Its last byte tells what a `csi` means; a `string` carries text of its own, such as a window's title. */
  readonly kind: 'csi' | 'string' | 'other';
}

/** The control sequence that begins at `at`, where an escape character is (ECMA-48, 5.3 to 5.6). */
export function sequenceAt(bytes: Uint8Array, at: number): Sequence {
  const second = bytes[at + 1];
  if (second === undefined) return { end: undefined, kind: 'other' };
  if (second === 0x5b) return { end: csiEnd(bytes, at + 2), kind: 'csi' };
  // OSC, DCS, SOS, PM, APC: text up to a terminator.
  if (second === 0x5d || second === 0x50 || second === 0x58 || second === 0x5e || second === 0x5f)
    return { end: stringEnd(bytes, at + 2), kind: 'string' };
  let end = at + 1;
  while ((bytes[end] ?? 0) >= 0x20 && (bytes[end] ?? 0) <= 0x2f) end++;
  return { end: end < bytes.length ? end + 1 : undefined, kind: 'other' };
}

function csiEnd(bytes: Uint8Array, from: number): number | undefined {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x40 && byte <= 0x7e) return at + 1;
    // A control character inside is not a part of it: a broken sequence ends before it.
    if (byte < 0x20 || byte > 0x7e || at - from > ESCAPE_BYTES_MAX) return at;
  }
  return undefined;
}

function stringEnd(bytes: Uint8Array, from: number): number | undefined {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === BEL) return at + 1;
    if (bytes[at] === ESC) return bytes[at + 1] === 0x5c ? at + 2 : bytes[at + 1] === undefined ? undefined : at;
    if (at - from > ESCAPE_BYTES_MAX) return at;
  }
  return undefined;
}

const STEERS_FROM = 0x20;

/** The bytes that a terminal shows of a run of output, without control sequences; the same buffer where there are none. */
export function withoutSequences(bytes: Buffer): Buffer {
  if (!bytes.includes(ESC)) return bytes;
  const shown = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] ?? 0;
    if (byte === ESC) {
      at = Math.max(sequenceAt(bytes, at).end ?? bytes.length, at + 1);
      continue;
    }
    if (byte >= STEERS_FROM || byte === 0x09 || byte === 0x0a || byte === 0x0d) shown[length++] = byte;
    at++;
  }
  return shown.subarray(0, length);
}
