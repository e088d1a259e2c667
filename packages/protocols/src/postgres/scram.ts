import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual, type X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { TargetFault } from '@hoop/core/errors';
import { SCRAM_ITERATIONS_MAX, SCRAM_MESSAGE_BYTES_MAX } from './limits.ts';

const pbkdf2Async = promisify(pbkdf2);

/**
 * The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677; channel binding tls-server-end-point, RFC 5929).
 * The server proves itself as well: a login whose last message is not checked is no login.
 */
export class ScramClient {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS';
  readonly #password: string;
  readonly #gs2: string;
  readonly #binding: Buffer;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  /**
   * @param offered the mechanisms of the server
   * @param certificateHash for channel binding; undefined without TLS
   * @throws TargetFault `target_login` when the server offers none of ours
   */
  constructor(
    password: string,
    offered: readonly string[],
    certificateHash: Buffer | undefined,
    nonce = randomBytes(18).toString('base64'),
  ) {
    const plus = certificateHash !== undefined && offered.includes('SCRAM-SHA-256-PLUS');
    if (!plus && !offered.includes('SCRAM-SHA-256')) {
      throw new TargetFault('target_login', 'The target offers no login method that is spoken here (SCRAM-SHA-256)');
    }
    this.mechanism = plus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256';
    this.#password = prepared(password);
    // `y`: we could bind and the server did not offer it, so that a stripped offer is noticed by the server.
    this.#gs2 = plus ? 'p=tls-server-end-point,,' : certificateHash ? 'y,,' : 'n,,';
    this.#binding = plus ? certificateHash : Buffer.alloc(0);
    this.#nonce = nonce;
  }

  first(): Buffer {
    return Buffer.from(`${this.#gs2}${this.#firstBare()}`);
  }

  /** @throws TargetFault `target_login` on anything that an honest server does not say. */
  async final(serverFirst: Buffer): Promise<Buffer> {
    if (serverFirst.length > SCRAM_MESSAGE_BYTES_MAX) throw dishonest('a message that is too long');
    const attributes = attributesOf(serverFirst);
    const nonce = attributes.get('r') ?? '';
    const salt = Buffer.from(attributes.get('s') ?? '', 'base64');
    const iterations = Number(attributes.get('i'));
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) throw dishonest('a nonce that is not ours');
    if (salt.length === 0) throw dishonest('no salt');
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > SCRAM_ITERATIONS_MAX)
      throw dishonest('an iteration count that cannot be');
    const salted = await pbkdf2Async(this.#password, salt, iterations, 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const binding = Buffer.concat([Buffer.from(this.#gs2), this.#binding]).toString('base64');
    const withoutProof = `c=${binding},r=${nonce}`;
    const message = `${this.#firstBare()},${serverFirst.toString('utf8')},${withoutProof}`;
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), message);
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
  }

  /** @throws TargetFault `target_login` when the server does not know the password either. */
  verify(serverFinal: Buffer): void {
    const attributes = attributesOf(serverFinal);
    const given = Buffer.from(attributes.get('v') ?? '', 'base64');
    const expected = this.#serverSignature;
    if (!expected || given.length !== expected.length || !timingSafeEqual(given, expected)) throw dishonest('a wrong signature');
  }

  #firstBare(): string {
    // The server takes the user name of the start-up packet and ignores this one.
    return `n=,r=${this.#nonce}`;
  }
}

/** The hash of the server's certificate for tls-server-end-point: its signature's own hash, SHA-256 in place of MD5 and SHA-1. */
export function certificateHash(certificate: X509Certificate): Buffer | undefined {
  const algorithm = certificate.signatureAlgorithm?.toLowerCase() ?? '';
  // Ed25519 and its like sign without a separate hash; the RFC leaves binding undefined there.
  if (algorithm === '' || algorithm.startsWith('ed')) return undefined;
  const hash = algorithm.includes('sha384') ? 'sha384' : algorithm.includes('sha512') ? 'sha512' : 'sha256';
  return createHash(hash).update(certificate.raw).digest();
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function attributesOf(message: Buffer): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const part of message.toString('utf8').split(',')) {
    if (part[1] === '=') attributes.set(part.slice(0, 1), part.slice(2));
  }
  return attributes;
}

/** SASLprep for what passwords hold: ASCII is left alone, other spaces become a space, the rest is NFKC. (RFC 4013) */
function prepared(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password;
  return password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, ' ')
    .replace(/\u00ad|\u034f|\u1806|\u200c|\u200d|\u2060|\ufeff/g, '')
    .normalize('NFKC');
}

function dishonest(what: string): TargetFault {
  return new TargetFault('target_login', `The target's login answer has ${what}; find out who answers at this address`);
}
