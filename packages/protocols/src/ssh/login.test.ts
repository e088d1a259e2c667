import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Refusal } from '@hoop/core/errors';
import type { Door } from '@hoop/core/protocol';
import { keyBlobOf } from './certificate.ts';
import { fingerprintOf } from './known-host.ts';
import type { LoginContext } from './library.ts';
import { LOGIN_ATTEMPTS_MAX, LOGIN_OFFERS_MAX, LOGIN_REQUESTS_MAX } from './limits.ts';
import { Login } from './login.ts';

const ALGORITHM = 'ssh-ed25519-cert-v01@openssh.com';

function door(more: Partial<Door<string>> = {}): Door<string> {
  return {
    tls: undefined,
    tlsRequired: false,
    proven: undefined,
    login: ({ secret }) =>
      secret === 'right' ? Promise.resolve('grant') : Promise.reject(new Refusal('credential_invalid', 'This secret is unknown')),
    cancel: () => undefined,
    mintCancelKey: () => '',
    ...more,
  };
}

/** One try, with what the server answered. */
function attempt(login: Login<string>, context: Partial<LoginContext>): Promise<string> {
  return new Promise((resolve) => {
    login.failed.catch((error: Error) => resolve(`ended: ${error.message}`));
    login.take({
      method: 'none',
      username: 'connection',
      accept: () => resolve('accepted'),
      reject: (left) => resolve(`rejected, left: ${left?.join(' ')}`),
      ...context,
    });
  });
}

describe('an SSH login', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-login-'));
  const blob = (name: string): Buffer => keyBlobOf(readFileSync(join(directory, name), 'utf8'));
  let authority: string;
  before(() => {
    for (const name of ['ca', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)]);
    execFileSync('ssh-keygen', ['-q', '-s', join(directory, 'ca'), '-I', 'x', '-n', 'ada@example.test', join(directory, 'user.pub')]);
    authority = readFileSync(join(directory, 'ca.pub'), 'utf8');
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('is over when the library cannot answer any more, which the client made it believe that it has done', async () => {
    const cannot = (): never => {
      throw new Error('No auth in progress');
    };
    const user = { algo: 'ssh-ed25519', data: blob('user.pub') };
    const cases: readonly (readonly [Partial<LoginContext>, Partial<Door<string>>])[] = [
      [{ method: 'password', password: 'right' }, {}],
      [{ method: 'password', password: 'wrong' }, {}],
      [{ method: 'password' }, { proven: 'grant' }],
      [{ method: 'none' }, {}],
      [{ method: 'publickey', key: user }, { keyed: async () => 'grant' }],
    ];
    for (const [context, more] of cases) {
      const login = new Login(door(more), '1.2.3.4:5', () => undefined);
      const ended = await attempt(login, { ...context, accept: cannot, reject: cannot });
      assert.equal(ended, 'ended: The client did not keep to the order of an SSH login', JSON.stringify(context));
    }
  });

  it('refuses a certificate that is not there', async () => {
    const login = new Login(door({ userAuthorities: [authority], certified: async () => 'grant' }), '1.2.3.4:5', () => undefined);
    const key = { algo: ALGORITHM } as LoginContext['key'];
    assert.match(await attempt(login, { method: 'publickey', ...(key ? { key } : {}) }), /^rejected/);
    assert.equal(login.lastRefusal?.code, 'bad_certificate');
  });

  it('takes the secret as password or as answer to a question, and nothing else', async () => {
    for (const context of [
      { method: 'password', password: 'right' },
      {
        method: 'keyboard-interactive',
        prompt: (_: unknown, __: string, ___: string, done: (answers: unknown) => void) => done(['right']),
      },
    ]) {
      const login = new Login(door(), '1.2.3.4:5', () => undefined);
      assert.equal(await attempt(login, context), 'accepted');
      assert.deepEqual(login.granted?.grant, 'grant');
    }
    for (const context of [
      { method: 'none' },
      { method: 'hostbased', key: { algo: 'ssh-ed25519', data: blob('user.pub') } },
      { method: 'publickey', key: { algo: 'ssh-ed25519', data: blob('user.pub') }, signature: Buffer.alloc(64), blob: Buffer.alloc(9) },
      {
        method: 'keyboard-interactive',
        prompt: (_: unknown, __: string, ___: string, done: (answers: unknown) => void) => done(new Error('gone')),
      },
    ]) {
      const login = new Login(door(), '1.2.3.4:5', () => undefined);
      assert.equal(await attempt(login, context), 'rejected, left: password keyboard-interactive');
      assert.equal(login.granted, undefined);
    }
  });

  it('says why a secret is refused, where a person sees it, and ends after some tries', async () => {
    const said: string[] = [];
    const login = new Login(door(), '1.2.3.4:5', (message) => void said.push(message.toString()));
    for (let count = 1; count < LOGIN_ATTEMPTS_MAX; count++) {
      assert.match(await attempt(login, { method: 'password', password: 'wrong' }), /^rejected/);
    }
    assert.equal(await attempt(login, { method: 'password', password: 'wrong' }), 'ended: This secret is unknown');
    assert.match(said[0] ?? '', /hoop: This secret is unknown/);
  });

  it('ends who asks on and on, whatever for (A19)', async () => {
    const trusting = door({ userAuthorities: [authority], certified: async () => 'grant', keyed: async () => 'grant' });
    for (const context of [
      { method: 'none' },
      { method: 'hostbased' },
      { method: 'keyboard-interactive', prompt: () => undefined },
      { method: 'publickey', key: { algo: ALGORITHM, data: blob('user-cert.pub') } },
      { method: 'publickey', key: { algo: ALGORITHM, data: blob('user.pub') } },
      { method: 'publickey', key: { algo: 'ssh-ed25519', data: blob('user.pub') } },
    ]) {
      const login = new Login(trusting, '1.2.3.4:5', () => undefined);
      for (let count = 0; count < LOGIN_REQUESTS_MAX; count++) void attempt(login, context);
      assert.match(await attempt(login, context), /^ended/, JSON.stringify(context));
    }
  });

  it('takes an offered certificate for an offer, and only its signature for a proof (A16)', async () => {
    let asked = 0;
    const trusting = door({
      userAuthorities: [authority],
      certified: () => {
        asked++;
        return Promise.resolve('grant');
      },
    });
    const login = new Login(trusting, '1.2.3.4:5', () => undefined);
    const key = { algo: ALGORITHM, data: blob('user-cert.pub') };
    // Here accepting means that a signature is asked for: the library tells the two apart.
    assert.equal(await attempt(login, { method: 'publickey', key }), 'accepted');
    assert.deepEqual([login.granted, asked], [undefined, 0]);
    const signature = Buffer.concat([
      Buffer.from([0, 0, 0, 11]),
      Buffer.from('ssh-ed25519'),
      Buffer.from([0, 0, 0, 64]),
      Buffer.alloc(64, 1),
    ]);
    assert.match(await attempt(login, { method: 'publickey', key, signature, blob: Buffer.from('session') }), /^rejected/);
    assert.deepEqual([login.granted, asked], [undefined, 0]);
  });

  it('takes an offered key of a user for an offer, and ends who offers keys on and on (A16)', async () => {
    const asked: boolean[] = [];
    const keyed: Door<string>['keyed'] = ({ user, fingerprint, isProven }) => {
      asked.push(isProven);
      assert.equal(user, 'connection');
      return fingerprint === fingerprintOf(blob('user.pub'))
        ? Promise.resolve('grant')
        : Promise.reject(new Refusal('unauthenticated', 'No'));
    };
    const said: Buffer[] = [];
    const login = new Login(door({ keyed }), '1.2.3.4:5', (message) => void said.push(message));
    const key = { algo: 'ssh-ed25519', data: blob('user.pub') };
    assert.equal(await attempt(login, { method: 'publickey', key }), 'accepted');
    assert.equal(login.granted, undefined);
    const unsigned = { method: 'publickey', key, signature: Buffer.alloc(64), blob: Buffer.from('session') };
    assert.match(await attempt(login, unsigned), /^rejected.*publickey/);
    assert.deepEqual([login.granted, asked, said], [undefined, [false], []]);
    const other = { method: 'publickey', key: { algo: 'ssh-ed25519', data: blob('ca.pub') } };
    const many = new Login(door({ keyed }), '1.2.3.4:5', () => undefined);
    for (let count = 0; count < LOGIN_OFFERS_MAX; count++) assert.match(await attempt(many, other), /^rejected/);
    assert.match(await attempt(many, other), /^ended/);
  });

  it('asks nothing of somebody who is proven already', async () => {
    const login = new Login(door({ proven: 'known' }), '1.2.3.4:5', () => undefined);
    assert.equal(await attempt(login, { method: 'none' }), 'accepted');
    assert.equal(login.granted?.grant, 'known');
  });
});
