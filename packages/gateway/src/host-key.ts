import { join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';
import { keyBlobOf } from '@hoop/protocols/ssh/certificate';
import { newHostKey, publicKeyLine } from '@hoop/protocols/ssh/host-key';
import { fingerprintOf } from '@hoop/protocols/ssh/known-host';
import { createOwnFile, readOwnFile } from './own-file.ts';

/** What the gateway proves itself with to SSH clients. */
export interface HostKey {
  /** In OpenSSH's format. */
  readonly key: Secret;
  /** As known_hosts has it: type and base64. */
  readonly public: string;
  /** As OpenSSH shows it to people. */
  readonly fingerprint: string;
}

/**
 * The gateway's SSH host key: made on first start, and the same from then on, because clients remember it.
 * @throws Misconfigured when the file is damaged, or others can read it
 */
export function ownHostKey(home: string): HostKey {
  const path = join(home, 'ssh', 'host_key');
  const key = readOwnFile(path) ?? createOwnFile(path, newHostKey());
  try {
    const line = publicKeyLine(key);
    return { key: new Secret(key), public: line, fingerprint: fingerprintOf(keyBlobOf(line)) };
  } catch (cause) {
    throw new Misconfigured('host_key', `${path} is damaged; put the right file back, or remove it and let clients forget the old key`, {
      cause,
    });
  }
}
