import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

/** What both sides of SCRAM-SHA-256 must come to, worked out in the plainest way: RFC 5802, section 3. */
export function scramReference(input: {
  readonly password: string;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly firstBare: string;
  readonly serverFirst: string;
  readonly finalWithoutProof: string;
}): { readonly proof: string; readonly signature: string } {
  const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const salted = pbkdf2Sync(input.password, input.salt, input.iterations, 32, 'sha256');
  const message = `${input.firstBare},${input.serverFirst},${input.finalWithoutProof}`;
  const clientKey = hmac(salted, 'Client Key');
  const clientSignature = hmac(createHash('sha256').update(clientKey).digest(), message);
  const proof = Buffer.alloc(32);
  for (let at = 0; at < 32; at++) proof[at] = (clientKey[at] ?? 0) ^ (clientSignature[at] ?? 0);
  return { proof: proof.toString('base64'), signature: hmac(hmac(salted, 'Server Key'), message).toString('base64') };
}
