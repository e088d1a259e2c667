import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import { testCertificate } from '@hoop/core/testing/certificate';
import { SCRAM_ITERATIONS_MAX } from './limits.ts';
import { certificateHash, ScramClient } from './scram.ts';
import { scramReference } from './testing/scram-reference.ts';

const PLAIN = ['SCRAM-SHA-256'];
const BOTH = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'];
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_NONCE = `${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const SERVER_FIRST = `r=${SERVER_NONCE},s=${SALT},i=4096`;

function refused(words: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.kind === 'target' && error.code === 'target_login' && words.test(error.message);
}

describe('SCRAM-SHA-256, the client’s side', () => {
  test('the reference that the other tests rely on gives what RFC 7677 says', () => {
    const { proof, signature } = scramReference({
      password: 'pencil',
      salt: Buffer.from(SALT, 'base64'),
      iterations: 4096,
      firstBare: `n=user,r=${NONCE}`,
      serverFirst: SERVER_FIRST,
      finalWithoutProof: `c=biws,r=${SERVER_NONCE}`,
    });
    assert.equal(proof, 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=');
    assert.equal(signature, '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  for (const [what, offered, hash, gs2] of [
    ['without TLS', PLAIN, undefined, 'n,,'],
    ['over TLS to a server without channel binding', PLAIN, Buffer.from('hash of a certificate'), 'y,,'],
    ['over TLS, bound to it', BOTH, Buffer.from('hash of a certificate'), 'p=tls-server-end-point,,'],
    ['without TLS, whatever the server offers', BOTH, undefined, 'n,,'],
  ] as const) {
    test(`proves the password and believes only who knows it too: ${what}`, async () => {
      const client = new ScramClient('pencil', offered, hash, NONCE);
      const isBound = gs2.startsWith('p');
      assert.equal(client.mechanism, isBound ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256');
      assert.equal(String(client.first()), `${gs2}n=,r=${NONCE}`);
      const binding = Buffer.concat([Buffer.from(gs2), isBound && hash ? hash : Buffer.alloc(0)]).toString('base64');
      const expected = scramReference({
        password: 'pencil',
        salt: Buffer.from(SALT, 'base64'),
        iterations: 4096,
        firstBare: `n=,r=${NONCE}`,
        serverFirst: SERVER_FIRST,
        finalWithoutProof: `c=${binding},r=${SERVER_NONCE}`,
      });
      assert.equal(String(await client.final(Buffer.from(SERVER_FIRST))), `c=${binding},r=${SERVER_NONCE},p=${expected.proof}`);
      for (const wrong of ['', 'v=', 'e=other-error', `v=${Buffer.alloc(32).toString('base64')}`, `v=${expected.signature.slice(0, -4)}`]) {
        assert.throws(() => client.verify(Buffer.from(wrong)), refused(/a wrong signature/));
      }
      client.verify(Buffer.from(`v=${expected.signature}`));
    });
  }

  test('a server that offers nothing that is spoken here is refused', () => {
    assert.throws(() => new ScramClient('pencil', ['SCRAM-SHA-1', 'PLAIN'], undefined), refused(/no login method that is spoken here/));
    assert.throws(() => new ScramClient('pencil', ['SCRAM-SHA-256-PLUS'], undefined), refused(/no login method/));
  });

  test('a signature is not believed before the password was proven', () => {
    assert.throws(() => new ScramClient('pencil', PLAIN, undefined, NONCE).verify(Buffer.from('v=')), refused(/a wrong signature/));
  });

  for (const [what, serverFirst, words] of [
    ['nonce that is not ours', `r=x${SERVER_NONCE},s=${SALT},i=4096`, /a nonce that is not ours/],
    ['nonce that is only ours', `r=${NONCE},s=${SALT},i=4096`, /a nonce that is not ours/],
    ['no nonce', `s=${SALT},i=4096`, /a nonce that is not ours/],
    ['no salt', `r=${SERVER_NONCE},i=4096`, /no salt/],
    ['an empty salt', `r=${SERVER_NONCE},s=,i=4096`, /no salt/],
    ['no iterations', `r=${SERVER_NONCE},s=${SALT}`, /an iteration count that cannot be/],
    ['zero iterations', `r=${SERVER_NONCE},s=${SALT},i=0`, /an iteration count/],
    ['negative iterations', `r=${SERVER_NONCE},s=${SALT},i=-1`, /an iteration count/],
    ['half an iteration', `r=${SERVER_NONCE},s=${SALT},i=4096.5`, /an iteration count/],
    ['work for hours', `r=${SERVER_NONCE},s=${SALT},i=${2 ** 31}`, /an iteration count/],
    ['work just over the limit', `r=${SERVER_NONCE},s=${SALT},i=${SCRAM_ITERATIONS_MAX + 1}`, /an iteration count/],
    ['a message without end', `r=${SERVER_NONCE}${'x'.repeat(10_000)},s=${SALT},i=4096`, /too long/],
    ['nothing', '', /a nonce that is not ours/],
  ] as const) {
    test(`a hostile server is told apart by: ${what}`, async () => {
      const client = new ScramClient('pencil', PLAIN, undefined, NONCE);
      await assert.rejects(client.final(Buffer.from(serverFirst)), refused(words));
    });
  }

  test('passwords that look the same are the same', async () => {
    const proofOf = async (password: string): Promise<string> => {
      const client = new ScramClient(password, PLAIN, undefined, NONCE);
      return String(await client.final(Buffer.from(SERVER_FIRST)));
    };
    // RFC 4013: a no-break space is a space, a soft hyphen is nothing, a ligature is its letters.
    assert.equal(await proofOf('a\u00a0b'), await proofOf('a b'));
    assert.equal(await proofOf('pen\u00adcil\u00e9'), await proofOf('pencil\u00e9'));
    assert.equal(await proofOf('\ufb01x'), await proofOf('fix'));
    assert.notEqual(await proofOf('Pencil'), await proofOf('pencil'));
  });

  test('nonces are never the same twice', () => {
    const nonces = new Set(Array.from({ length: 100 }, () => String(new ScramClient('p', PLAIN, undefined).first())));
    assert.equal(nonces.size, 100);
  });
});

test('a certificate’s hash for channel binding is that of its own signature', () => {
  const certificate = new X509Certificate(testCertificate().cert);
  assert.deepEqual(certificateHash(certificate), createHash('sha256').update(certificate.raw).digest());
});
