import { createHash } from 'node:crypto';

/** Hash of a certificate's public key (SPKI in DER), as `TunnelTls.pin` and agents' keys have it. */
export function publicKeyPin(spki: Buffer): string {
  return createHash('sha256').update(spki).digest('base64url');
}
