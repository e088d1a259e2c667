import { hash } from 'node:crypto';
import type { RunEntity } from './detector.ts';

/** Checksums that are computed for one text, of at most 64 KiB; behind that, what has the shape of an address is taken for one. */
const CHECKS_MAX = 512;
let checks = 0;
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const BASE_58 = Int8Array.from({ length: 256 }, (_, byte) => ALPHABET.indexOf(String.fromCharCode(byte)));
const BECH_32 = Int8Array.from({ length: 256 }, (_, byte) =>
  'qpzry9x8gf2tvdw0s3jn54khce6mua7l'.indexOf(String.fromCharCode(byte).toLowerCase()),
);

/** Bitcoin's addresses (Base58Check; Bech32 of BIP 173 and Bech32m of BIP 350) and Ethereum's. */
export const CRYPTO: RunEntity = {
  entity: 'CRYPTO',
  begin: () => {
    checks = 0;
  },
  firsts: '013bB',
  begins(bytes, at, to, found) {
    let end = at;
    while (end < to && isWord(bytes[end] ?? 0)) end++;
    const length = end - at;
    const first = bytes[at];
    if (length === 42 && first === 0x30 && bytes[at + 1] === 0x78) {
      if (isHex(bytes, at + 2, end)) found(at, end, 0.85);
    } else if ((first === 0x31 || first === 0x33) && length >= 26 && length <= 35) {
      if (isAlphabet(bytes, at, end) && (++checks > CHECKS_MAX || isBase58Check(bytes, at, end))) found(at, end, 1);
    } else if (length >= 42 && length <= 62 && isSegwit(bytes, at, end)) found(at, end, 1);
    return end;
  },
};

function isAlphabet(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((BASE_58[bytes[at] ?? 0] ?? -1) < 0) return false;
  return true;
}

function isBase58Check(bytes: Buffer, from: number, to: number): boolean {
  const decoded = Buffer.alloc(25);
  for (let at = from; at < to; at++) {
    let carry = BASE_58[bytes[at] ?? 0] ?? 0;
    for (let index = 24; index >= 0; index--) {
      carry += (decoded[index] ?? 0) * 58;
      decoded[index] = carry & 0xff;
      carry >>= 8;
    }
    if (carry !== 0) return false;
  }
  const once = hash('sha256', decoded.subarray(0, 21), 'buffer');
  return hash('sha256', once, 'buffer').subarray(0, 4).equals(decoded.subarray(21));
}

const GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** One step of the checksum of BIP 173. */
function polymod(state: number, value: number): number {
  const top = state >>> 25;
  let next = ((state & 0x1ffffff) << 5) ^ value;
  for (let bit = 0; bit < GENERATORS.length; bit++) if ((top >>> bit) & 1) next ^= GENERATORS[bit] ?? 0;
  return next;
}

/** The human-readable part is `bc`, which counts as 3, 3, 0, 2, 3. */
function isSegwit(bytes: Buffer, from: number, to: number): boolean {
  if (((bytes[from] ?? 0) | 0x20) !== 0x62 || ((bytes[from + 1] ?? 0) | 0x20) !== 0x63 || bytes[from + 2] !== 0x31) return false;
  let state = 1;
  for (const value of [3, 3, 0, 2, 3]) state = polymod(state, value);
  for (let at = from + 3; at < to; at++) {
    const value = BECH_32[bytes[at] ?? 0] ?? -1;
    if (value < 0) return false;
    state = polymod(state, value);
  }
  return state === 1 || state === 0x2bc830a3;
}

function isHex(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (!((byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66))) return false;
  }
  return true;
}

function isWord(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
