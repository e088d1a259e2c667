import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { keyBlobOf } from './certificate.ts';
import type { LoginContext } from './library.ts';
import { encodeMessage } from './messages.ts';
import { offeredKey, parseUserKey, provesKey } from './user-key.ts';

describe('a user’s own key', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-user-key-'));
  const file = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const make = (name: string, ...how: string[]): void =>
    void execFileSync('ssh-keygen', ['-q', '-N', '', '-C', `${name} key`, '-f', join(directory, name), ...how]);
  before(() => {
    make('ed25519', '-t', 'ed25519');
    make('ecdsa', '-t', 'ecdsa', '-b', '384');
    make('rsa', '-t', 'rsa', '-b', '2048');
    make('short', '-t', 'rsa', '-b', '1024');
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('is known by the fingerprint that ssh-keygen shows', () => {
    for (const name of ['ed25519', 'ecdsa', 'rsa']) {
      const [, shown] = execFileSync('ssh-keygen', ['-l', '-f', join(directory, `${name}.pub`)], { encoding: 'utf8' }).split(' ');
      const { fingerprint, comment } = parseUserKey(file(`${name}.pub`));
      assert.deepEqual([fingerprint, comment], [shown, `${name} key`]);
    }
  });

  it('is refused where it is weak, damaged, private, or none', () => {
    const good = file('ed25519.pub');
    const [type, base64 = ''] = good.split(' ');
    const refused: readonly (readonly [string, RegExp])[] = [
      [file('short.pub'), /less than 2048 bits/],
      [file('ed25519'), /private key/],
      [`${type} ${base64.slice(0, 20)}`, /damaged/],
      [`ssh-rsa ${base64}`, /two different things/],
      [`${type} ${Buffer.concat([keyBlobOf(good), Buffer.from('x')]).toString('base64')}`, /damaged/],
      ['ssh-dss AAAA', /none of/],
      ['sk-ssh-ed25519@openssh.com AAAA', /security tokens/],
      [`${good}${good}`, /no line/],
      ['', /none of/],
    ];
    for (const [line, why] of refused) assert.throws(() => parseUserKey(line), { code: 'ssh_key_unusable', message: why }, line);
  });

  it('is not taken with SHA-1, nor when it is too short (A17)', () => {
    const offer = (name: string, algo: string, hashAlgo?: string): string | undefined =>
      offeredKey({ key: { algo, data: keyBlobOf(file(`${name}.pub`)) }, ...(hashAlgo ? { hashAlgo } : {}) } as LoginContext);
    assert.equal(offer('rsa', 'ssh-rsa'), undefined);
    assert.equal(offer('short', 'ssh-rsa', 'sha512'), undefined);
    assert.equal(offer('rsa', 'ssh-rsa', 'sha256'), parseUserKey(file('rsa.pub')).fingerprint);
    assert.equal(offer('ed25519', 'ecdsa-sha2-nistp384'), undefined);
  });

  it('proves something only by its own signature over this very login (A16)', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const x = Buffer.from((publicKey.export({ format: 'jwk' }).x as string) ?? '', 'base64url');
    const data = encodeMessage(0, 'ssh-ed25519', x).subarray(1);
    const blob = Buffer.from('session and login');
    const context = { key: { algo: 'ssh-ed25519', data }, blob, signature: sign(null, blob, privateKey) } as unknown as LoginContext;
    assert.equal(provesKey(context), true);
    assert.equal(provesKey({ ...context, blob: Buffer.from('another login') }), false);
    assert.equal(provesKey({ ...context, key: { algo: 'ssh-ed25519', data: keyBlobOf(file('ed25519.pub')) } }), false);
    assert.equal(provesKey({ ...context, signature: Buffer.alloc(64) }), false);
    assert.equal(provesKey({ ...context, signature: Buffer.alloc(0) }), false);
  });
});
