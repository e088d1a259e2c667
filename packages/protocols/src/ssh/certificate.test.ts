import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Certificate, decodeCertificate, keyBlobOf, type Trust, verifyCertificate } from './certificate.ts';

/** Certificates as ssh-keygen makes them. */
describe('certificates of users', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-certificates-'));
  const path = (name: string): string => join(directory, name);
  const keygen = (...args: string[]): void => void execFileSync('ssh-keygen', ['-q', ...args], { stdio: 'pipe' });
  const read = (name: string): string => readFileSync(path(`${name}.pub`), 'utf8').trim();
  const trust = (more: Partial<Trust> = {}): Trust => ({ authorities: [read('ca')], address: '10.1.2.3', now_ms: Date.now(), ...more });
  let serial = 0;

  function certificate(args: readonly string[], { key = 'user', authority = 'ca' } = {}): Certificate {
    keygen('-s', path(authority), '-z', String(++serial), ...args, path(`${key}.pub`));
    return decodeCertificate(keyBlobOf(readFileSync(path(`${key}-cert.pub`), 'utf8')));
  }

  before(() => {
    for (const name of ['ca', 'other', 'user']) keygen('-t', 'ed25519', '-N', '', '-f', path(name));
    keygen('-t', 'rsa', '-b', '2048', '-N', '', '-f', path('rsa'));
    keygen('-t', 'ecdsa', '-b', '256', '-N', '', '-f', path('ecdsa'));
    keygen('-t', 'ecdsa', '-b', '521', '-N', '', '-f', path('ecdsa521'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('count with every kind of key, of user and of authority', () => {
    for (const key of ['user', 'rsa', 'ecdsa', 'ecdsa521']) {
      for (const authority of ['ca', 'rsa', 'ecdsa', 'ecdsa521']) {
        const found = certificate(['-I', 'who', '-n', 'ada@example.test,ada'], { key, authority });
        verifyCertificate(found, trust({ authorities: [read('other'), read(authority)] }));
        assert.deepEqual([found.keyId, found.principals], ['who', ['ada@example.test', 'ada']]);
        assert.ok(found.permits.includes('pty') && found.permits.includes('port-forwarding'));
      }
    }
  });

  it('do not count of another authority, for hosts, for nobody, before their time or after it', () => {
    const refused = (found: Certificate, why: RegExp, more: Partial<Trust> = {}): void =>
      assert.throws(() => verifyCertificate(found, trust(more)), { code: 'certificate_invalid', message: why });
    refused(certificate(['-I', 'x', '-n', 'ada'], { authority: 'other' }), /authority is not trusted/);
    refused(certificate(['-h', '-I', 'x', '-n', 'ada']), /for hosts/);
    refused(certificate(['-I', 'x']), /names no user/);
    const short = certificate(['-I', 'x', '-n', 'ada', '-V', '20300101:20300102']);
    refused(short, /has not come/);
    refused(short, /is over/, { now_ms: Date.UTC(2031, 0, 1) });
    verifyCertificate(short, trust({ now_ms: Date.UTC(2030, 0, 1, 18) }));
  });

  it('are kept to the addresses that they name', () => {
    const found = certificate(['-I', 'x', '-n', 'ada', '-O', 'source-address=10.0.0.0/8,::1']);
    verifyCertificate(found, trust());
    verifyCertificate(found, trust({ address: '::ffff:10.9.9.9' }));
    verifyCertificate(found, trust({ address: '::1' }));
    for (const address of ['11.0.0.1', '192.168.0.1', 'nowhere', '::2'])
      assert.throws(() => verifyCertificate(found, trust({ address })), /from this address/);
  });

  it('are refused when they ask for what cannot be kept', () => {
    for (const option of ['force-command=/bin/date', 'critical:new@example.org=1'])
      assert.throws(() => verifyCertificate(certificate(['-I', 'x', '-n', 'ada', '-O', option]), trust()), /cannot be kept here/);
    assert.deepEqual(certificate(['-I', 'x', '-n', 'ada', '-O', 'clear', '-O', 'permit-pty']).permits, ['pty']);
  });

  it('count only as they were signed, whatever byte is changed, and break nothing', () => {
    certificate(['-I', 'x', '-n', 'ada']);
    const blob = keyBlobOf(readFileSync(path('user-cert.pub'), 'utf8'));
    for (let at = 0; at < blob.length; at++) {
      const changed = Buffer.from(blob);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      assert.throws(
        () => verifyCertificate(decodeCertificate(changed), trust()),
        (error: { kind?: string }) => ['peer', 'refusal'].includes(error.kind ?? ''),
        `byte ${at}`,
      );
    }
    for (let length = 0; length < blob.length; length++)
      assert.throws(() => decodeCertificate(blob.subarray(0, length)), { kind: 'peer' }, `${length} bytes`);
  });
});
