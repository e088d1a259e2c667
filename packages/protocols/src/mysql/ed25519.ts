import { createHash } from 'node:crypto';

const sha512 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/**
 * A signature of the server's nonce, made with the password itself as the secret, however long it is: that is what differs from Ed25519 as
 * Node.js has it. (RFC 8032, section 5.1.6; MariaDB Knowledge Base, "Authentication Plugin - ed25519")
 */
export async function ed25519Proof(password: string, nonce: Buffer): Promise<Buffer> {
  const { ed25519 } = await import('@noble/curves/ed25519.js');
  const { BASE, Fn } = ed25519.Point;
  const scalarOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const expanded = sha512(Buffer.from(password));
  const prefix = expanded.subarray(32);
  const secret = Fn.create(scalarOf(clamped(expanded.subarray(0, 32))));
  const publicKey = BASE.multiply(secret).toBytes();
  const r = Fn.create(scalarOf(sha512(prefix, nonce)));
  const point = BASE.multiply(r).toBytes();
  const challenge = Fn.create(scalarOf(sha512(point, publicKey, nonce)));
  const s = Fn.create(r + challenge * secret);
  const ending = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([point, ending]);
}

/** (RFC 8032, section 5.1.5) */
function clamped(bytes: Buffer): Buffer {
  const key = Buffer.from(bytes);
  key[0] = (key[0] ?? 0) & 0xf8;
  key[31] = ((key[31] ?? 0) & 0x7f) | 0x40;
  return key;
}
