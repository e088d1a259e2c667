import assert from 'node:assert/strict';
import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { test } from 'node:test';
import { ed25519Proof } from './ed25519.ts';
import { NONCE_BYTES } from './messages/handshake.ts';

/** In front of a secret of 32 bytes, so that it is a private key. (RFC 8410, section 7) */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

test('MariaDB’s proof by ed25519 is the signature that Node.js makes, where a password is as long as a key', async () => {
  for (let time = 0; time < 10; time++) {
    const password = randomBytes(16).toString('hex');
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, Buffer.from(password)]), format: 'der', type: 'pkcs8' });
    const nonce = randomBytes(NONCE_BYTES);
    assert.deepEqual(await ed25519Proof(password, nonce), sign(null, nonce, key));
  }
});
