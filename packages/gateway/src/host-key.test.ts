import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { ownHostKey } from './host-key.ts';

describe('the gateway’s SSH host key', () => {
  const home = mkdtempSync(join(tmpdir(), 'hoop-host-key-'));
  const path = join(home, 'ssh', 'host_key');
  after(() => rmSync(home, { recursive: true, force: true }));

  it('is made on the first start, for its owner alone, and is the same on the next', () => {
    const first = ownHostKey(home);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.match(first.public, /^ssh-ed25519 \S+$/);
    assert.match(first.fingerprint, /^SHA256:\S{43}$/);
    assert.deepEqual(ownHostKey(home).public, first.public);
    assert.equal(JSON.stringify(first).includes('PRIVATE'), false);
  });

  it('is not taken from a file that others can read, nor from a damaged one', () => {
    chmodSync(path, 0o644);
    assert.throws(() => ownHostKey(home), { code: 'file_exposed' });
    chmodSync(path, 0o600);
    writeFileSync(path, 'nonsense');
    assert.throws(() => ownHostKey(home), { code: 'host_key', message: /is damaged/ });
  });
});
