import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { keyBlobOf } from './certificate.ts';
import { newHostKey, publicKeyLine } from './host-key.ts';
import { checkHostKey, fingerprintOf } from './known-host.ts';

const PLACE = { HOST: 'host', PORT: 22, HOST_KEY: '' };

function memory(): { recallOr(name: string, value: string): string } {
  const known = new Map<string, string>();
  return {
    recallOr(name, value) {
      known.set(name, known.get(name) ?? value);
      return known.get(name) ?? value;
    },
  };
}

describe('the key of a host', () => {
  const [first, second] = [newHostKey(), newHostKey()].map(publicKeyLine);
  const [firstBlob, secondBlob] = [keyBlobOf(first ?? ''), keyBlobOf(second ?? '')];

  it('is kept when it is seen first, and another one is refused with what to do', () => {
    const seen = memory();
    checkHostKey(firstBlob, PLACE, seen);
    checkHostKey(firstBlob, PLACE, seen);
    assert.throws(() => checkHostKey(secondBlob, PLACE, seen), {
      code: 'host_key_changed',
      message: /shows another key .* put it into the connection’s HOST_KEY/,
    });
    checkHostKey(secondBlob, { ...PLACE, PORT: 2222 }, seen);
  });

  it('is one of those that the connection names, whatever was seen before', () => {
    const seen = memory();
    checkHostKey(firstBlob, PLACE, seen);
    for (const HOST_KEY of [second ?? '', `host,10.0.0.1 ${second} comment`, `# comment\n${first?.slice(0, 20)}\n[host]:22 ${second}`])
      checkHostKey(secondBlob, { ...PLACE, HOST_KEY }, seen);
    assert.throws(() => checkHostKey(firstBlob, { ...PLACE, HOST_KEY: second ?? '' }, seen), {
      code: 'host_key_unknown',
      message: /not in HOST_KEY/,
    });
    assert.throws(() => checkHostKey(firstBlob, { ...PLACE, HOST_KEY: 'nonsense' }, seen), { code: 'host_key_unknown' });
  });

  it('has the fingerprint that OpenSSH shows', () => {
    const shown = execFileSync('ssh-keygen', ['-l', '-f', '-'], { input: `${first}\n`, encoding: 'utf8' });
    assert.equal(shown.split(' ')[1], fingerprintOf(firstBlob));
  });
});
