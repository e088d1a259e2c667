import { Misconfigured } from '@hoop/core/errors';
import type { Secret } from '@hoop/core/secret';
import { ssh2 } from './library.ts';

let passing: string | undefined;

/** The key that a server proves itself with; one that lasts as long as the process where none was given. */
export function hostKeyOf(given: Secret | undefined): string {
  if (given) return given.reveal();
  passing ??= newHostKey();
  return passing;
}

/** A new Ed25519 key in OpenSSH's format. */
export function newHostKey(): string {
  // The library writes some of the keys that it makes in a way that it cannot read again.
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { private: key } = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'hoop' });
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
  throw new Misconfigured('host_key', 'No SSH host key could be made; try again');
}

const ATTEMPTS_MAX = 20;

/** The public half of a private key, as known_hosts has it: type and base64. @throws Misconfigured */
export function publicKeyLine(key: string): string {
  const parsed = ssh2.utils.parseKey(key);
  const [only] = Array.isArray(parsed) ? parsed : [parsed];
  if (only instanceof Error || only === undefined)
    throw new Misconfigured('host_key', 'The SSH host key cannot be read; give an unencrypted private key in PEM or OpenSSH’s format');
  return `${only.type} ${only.getPublicSSH().toString('base64')}`;
}
