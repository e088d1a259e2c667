import { createHash } from 'node:crypto';
import { Misconfigured } from '@hoop/core/errors';
import type { TargetMemory } from '@hoop/core/protocol';
import { keyBlobOf } from './certificate.ts';
import { Fields } from './messages.ts';
import type { SshSettings } from './settings.ts';

/** A fingerprint as OpenSSH shows it. */
export function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Says whether a host is the one that it is taken for: by the keys of the connection's settings, else by the key that was seen first.
 * @throws Misconfigured `host_key_changed`, `host_key_unknown` with what to do
 */
export function checkHostKey(
  blob: Buffer,
  settings: Pick<SshSettings, 'HOST' | 'PORT' | 'HOST_KEY'>,
  memory: TargetMemory | undefined,
): void {
  const { HOST, PORT } = settings;
  const place = `${HOST}:${PORT}`;
  const pinned = settings.HOST_KEY.split('\n').flatMap((line) => blobsOf(line));
  const seen = `${new Fields(blob).text()} ${blob.toString('base64')}`;
  if (pinned.length > 0) {
    if (pinned.some((known) => known.equals(blob))) return;
    throw new Misconfigured(
      'host_key_unknown',
      `The host ${place} shows the key ${fingerprintOf(blob)}, which is not in HOST_KEY. If the host has a new key, put that into HOST_KEY; if not, somebody stands between`,
    );
  }
  if (settings.HOST_KEY.trim() !== '')
    throw new Misconfigured('host_key_unknown', 'HOST_KEY has no key that can be read; give lines as in known_hosts');
  const known = memory?.recallOr(`ssh ${place}`, seen) ?? seen;
  if (known === seen) return;
  throw new Misconfigured(
    'host_key_changed',
    `The host ${place} shows another key (${fingerprintOf(blob)}) than the agent saw first (${fingerprintOf(keyBlobOf(known))}). ` +
      'Find out why; if the new key is right, put it into the connection’s HOST_KEY',
  );
}

/** Keys of a line: `type base64 comment`, or the same behind names of hosts. */
function blobsOf(line: string): Buffer[] {
  const words = line.trim().split(/\s+/);
  const at = words.findIndex((word) => /^(ssh-|ecdsa-)/.test(word));
  return at < 0 ? [] : [keyBlobOf(words.slice(at).join(' '))];
}
