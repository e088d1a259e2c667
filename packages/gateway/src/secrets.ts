import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import type { GatewayConfig } from './config.ts';
import { createOwnFile, readOwnFile } from './own-file.ts';

/**
 * The key that encrypts connections' secrets at rest: from `HOOP_ENCRYPTION_KEY`, else from `encryption.key` in the home directory,
 * made on first start. Who loses it loses the secrets.
 * @throws Misconfigured when the file is damaged or others can read it.
 */
export function encryptionKey(config: GatewayConfig): Buffer {
  if (config.encryptionKey) return Buffer.from(config.encryptionKey.reveal(), 'base64');
  const path = join(config.home, 'encryption.key');
  const text = readOwnFile(path) ?? createOwnFile(path, `${randomBytes(32).toString('base64')}\n`);
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length !== 32) {
    throw new Misconfigured('encryption_key', `${path} is damaged; put the right file back, or set HOOP_ENCRYPTION_KEY`);
  }
  return key;
}
