import { verify } from 'node:crypto';
import { Refusal } from '@hoop/core/errors';
import { HASHES, KEY_TYPES, keyBlobOf, type PublicKey, publicKeyOf } from './certificate.ts';
import { fingerprintOf } from './known-host.ts';
import type { LoginContext } from './library.ts';
import { USER_KEY_LINE_CHARACTERS_MAX } from './limits.ts';
import { Fields } from './messages.ts';

/** A user's own key, as it is registered. */
export interface UserKey {
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** As OpenSSH shows it. */
  readonly fingerprint: string;
  readonly comment: string;
}

/**
 * Reads a line as OpenSSH writes it into a file `.pub`.
 * @throws Refusal `ssh_key_unusable` with why it cannot be used
 */
export function parseUserKey(line: string): UserKey {
  const text = line.trim();
  const [type = '', , ...comment] = text.split(/\s+/);
  if (/PRIVATE KEY/.test(text))
    throw unusable('it is a private key. Keep that to yourself, and give the line of the file that ends in .pub');
  if (text.length > USER_KEY_LINE_CHARACTERS_MAX || /[\r\n]/.test(text)) throw unusable('it is no line of a public key');
  if (type.startsWith('sk-')) throw unusable('keys of security tokens are not taken');
  if (!KEY_TYPES.includes(type)) throw unusable('it is none of ssh-ed25519, ecdsa-sha2-nistp256, -nistp384, -nistp521 and ssh-rsa');
  const blob = keyBlobOf(text);
  keyOf(type, blob);
  return { type, fingerprint: fingerprintOf(blob), comment: comment.join(' ') };
}

/** The fingerprint of a key that a client offers; undefined for one of a kind or a size that is not taken, or with SHA-1. */
export function offeredKey({ key, hashAlgo }: LoginContext): string | undefined {
  if (!key || (key.algo === 'ssh-rsa' && hashAlgo === undefined)) return undefined;
  try {
    keyOf(key.algo, key.data);
    return fingerprintOf(key.data);
  } catch {
    return undefined;
  }
}

/** Says whether the client has the key that it offers: its signature is over this very session and login. (RFC 4252, section 7) */
export function provesKey({ key, signature, blob, hashAlgo }: LoginContext): boolean {
  if (!key || !signature || !blob) return false;
  try {
    const algorithm = key.algo === 'ssh-rsa' ? `rsa-sha2-${hashAlgo === 'sha512' ? 512 : 256}` : key.algo;
    return verify(HASHES[algorithm] ?? null, blob, keyOf(key.algo, key.data).key, signature);
  } catch {
    return false;
  }
}

/** @throws Refusal `ssh_key_unusable` */
function keyOf(type: string, blob: Buffer): PublicKey {
  try {
    const fields = new Fields(blob);
    if (fields.text() !== type) throw unusable('it says two different things about its kind');
    const key = publicKeyOf(type, fields);
    fields.end();
    return key;
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw unusable('it is damaged, or of RSA with less than 2048 bits', cause);
  }
}

function unusable(why: string, cause?: unknown): Refusal {
  return new Refusal('ssh_key_unusable', `This key cannot be used: ${why}`, { facts: { field: 'public_key' }, cause });
}
