import { constants, createHash, privateDecrypt, publicEncrypt } from 'node:crypto';
import { PeerFault, TargetFault } from '@hoop/core/errors';

const sha1 = (...parts: readonly Buffer[]): Buffer => digest('sha1', parts);
const sha256 = (...parts: readonly Buffer[]): Buffer => digest('sha256', parts);

function digest(algorithm: string, parts: readonly Buffer[]): Buffer {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function xor(bytes: Buffer, with_: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, at) => byte ^ (with_[at % with_.length] ?? 0)));
}

/** SHA1(password) XOR SHA1(salt + SHA1(SHA1(password))). (MySQL Internals, "Secure Password Authentication") */
export function nativeProof(password: string, salt: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0);
  const once = sha1(Buffer.from(password));
  return xor(once, sha1(salt, sha1(once)));
}

/** SHA256(password) XOR SHA256(SHA256(SHA256(password)) + salt). (MySQL Internals, "Caching SHA-2 Pluggable Authentication") */
export function cachingSha2Proof(password: string, salt: Buffer): Buffer {
  if (password === '') return Buffer.alloc(0);
  const once = sha256(Buffer.from(password));
  return xor(once, sha256(sha256(once), salt));
}

/** A password for somebody who has the private key: hidden under the salt first. @throws TargetFault for a key that is none */
export function encryptPassword(password: string, salt: Buffer, pem: Buffer): Buffer {
  try {
    const hidden = xor(Buffer.from(`${password}\0`), salt);
    return publicEncrypt({ key: pem.toString('latin1'), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, hidden);
  } catch (cause) {
    throw new TargetFault('target_login', 'The target offers a public key that cannot be used for a password', { cause });
  }
}

/** The other way round. @throws PeerFault `bad_message` */
export function decryptPassword(encrypted: Buffer, salt: Buffer, privateKey: string): string {
  let hidden: Buffer;
  try {
    hidden = privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, encrypted);
  } catch (cause) {
    throw new PeerFault('bad_message', 'The password was not encrypted with the key that was given', { cause });
  }
  return withoutZero(xor(hidden, salt));
}

/** Clients end a password with a zero byte. */
export function withoutZero(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
