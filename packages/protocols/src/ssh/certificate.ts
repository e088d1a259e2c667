import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { PeerFault, Refusal } from '@hoop/core/errors';
import { Fields } from './messages.ts';

/** A user's certificate, as OpenSSH makes them. (PROTOCOL.certkeys of OpenSSH) */
export interface Certificate {
  readonly keyId: string;
  readonly principals: readonly string[];
  readonly isForUsers: boolean;
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** What must be understood, or the certificate is worth nothing. */
  readonly criticalOptions: ReadonlyMap<string, Buffer>;
  /** What it allows beyond running commands: `pty`, `port-forwarding` … */
  readonly permits: readonly string[];
  readonly publicKey: PublicKey;
  readonly authority: Buffer;
  readonly signature: Buffer;
  /** What the authority signed. */
  readonly signed: Buffer;
}

/** A bare key. */
export interface PublicKey {
  readonly key: KeyObject;
  /** Signature algorithms that this key may be used with. None of them has SHA-1. */
  readonly algorithms: readonly string[];
}

const SUFFIX = '-cert-v01@openssh.com';
/** Kinds of keys that count: none of them is used with SHA-1. */
export const KEY_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];
const RSA_ALGORITHMS = ['rsa-sha2-512', 'rsa-sha2-256'];
const USER = 1;
const PRINCIPALS_MAX = 256;
const RSA_BITS_MIN = 2_048;

/** True where a client offers a certificate and not a bare key. */
export function isCertificateAlgorithm(name: string): boolean {
  return name.endsWith(SUFFIX);
}

/** @throws PeerFault when it is not one that can be read */
export function decodeCertificate(blob: Buffer): Certificate {
  const fields = new Fields(blob);
  const name = fields.text();
  const type = name.slice(0, -SUFFIX.length);
  if (!name.endsWith(SUFFIX) || !KEY_TYPES.includes(type))
    throw new PeerFault('bad_certificate', 'The certificate is of a kind that is not known');
  fields.bytes();
  const publicKey = publicKeyOf(type, fields);
  fields.u64();
  const isForUsers = fields.u32() === USER;
  const keyId = fields.text();
  const principals = texts(fields.bytes(), PRINCIPALS_MAX);
  const validAfter = fields.u64();
  const validBefore = fields.u64();
  const criticalOptions = options(fields.bytes());
  const extensions = options(fields.bytes());
  fields.bytes();
  const authority = fields.bytes();
  const signed = blob.subarray(0, fields.at);
  const signature = fields.bytes();
  fields.end();
  const permits = [...extensions.keys()].flatMap((each) => (each.startsWith('permit-') ? [each.slice('permit-'.length)] : []));
  return { keyId, principals, isForUsers, validAfter, validBefore, criticalOptions, permits, publicKey, authority, signature, signed };
}

export interface Trust {
  /** Public keys of authorities, each as OpenSSH writes it: type and base64. */
  readonly authorities: readonly string[];
  /** Where the client comes from. */
  readonly address: string;
  readonly now_ms: number;
}

/**
 * Says whether an authority that is trusted vouches for it here and now.
 * @throws Refusal `certificate_invalid` with why not
 */
export function verifyCertificate(certificate: Certificate, { authorities, address, now_ms }: Trust): void {
  const { authority, signature, signed, criticalOptions } = certificate;
  if (!authorities.some((line) => authority.equals(keyBlobOf(line)))) throw invalid('its authority is not trusted here');
  const fields = new Fields(authority);
  const type = fields.text();
  const key = KEY_TYPES.includes(type) ? publicKeyOf(type, fields) : undefined;
  if (!key || !isSigned(key, signature, signed)) throw invalid('its signature is wrong');
  if (!certificate.isForUsers) throw invalid('it is one for hosts');
  if (certificate.principals.length === 0) throw invalid('it names no user');
  const now = BigInt(Math.floor(now_ms / 1000));
  if (now < certificate.validAfter) throw invalid('its time has not come');
  if (now >= certificate.validBefore) throw invalid('its time is over');
  for (const [name, value] of criticalOptions) {
    if (name !== 'source-address') throw invalid(`its option ${name} cannot be kept here`);
    const networks = new Fields(value).text().split(',');
    if (!networks.some((network) => contains(network.trim(), address))) throw invalid('it may not be used from this address');
  }
}

/** Says whether the client has the certificate's private key. @throws Refusal `certificate_invalid` */
export function verifyPossession(certificate: Certificate, algorithm: string, signature: Buffer, signed: Buffer): void {
  const used = new Fields(signature).text();
  const agreed = algorithm.slice(0, -SUFFIX.length);
  const isAgreed = agreed === 'ssh-rsa' ? RSA_ALGORITHMS.includes(used) : used === agreed;
  if (!isAgreed || !isSigned(certificate.publicKey, signature, signed)) throw invalid('the client does not have its key');
}

/** The blob of a line such as `ssh-ed25519 AAAA… comment`. */
export function keyBlobOf(line: string): Buffer {
  return Buffer.from(line.trim().split(/\s+/)[1] ?? '', 'base64');
}

/** Checks a signature in SSH's own wrapping. (RFC 4253, section 6.6; RFC 5656; RFC 8332; RFC 8709) */
function isSigned({ key, algorithms }: PublicKey, wrapped: Buffer, data: Buffer): boolean {
  const fields = new Fields(wrapped);
  const algorithm = fields.text();
  const signature = fields.bytes();
  if (fields.left > 0 || !algorithms.includes(algorithm)) return false;
  const hash = HASHES[algorithm];
  if (!algorithm.startsWith('ecdsa-')) return verify(hash ?? null, data, key, signature);
  const parts = new Fields(signature);
  const size = SCALAR_BYTES[algorithm] ?? 0;
  const r = scalar(parts.bytes(), size);
  const s = scalar(parts.bytes(), size);
  if (!r || !s || parts.left > 0) return false;
  return verify(hash ?? null, data, { key, dsaEncoding: 'ieee-p1363' }, Buffer.concat([r, s]));
}

/** What each signature algorithm hashes with; a kind that does it by itself has none. */
export const HASHES: Readonly<Record<string, string>> = {
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};

const SCALAR_BYTES: Readonly<Record<string, number>> = {
  'ecdsa-sha2-nistp256': 32,
  'ecdsa-sha2-nistp384': 48,
  'ecdsa-sha2-nistp521': 66,
};

/** A number of SSH's as one of fixed length; undefined when it is too long. */
function scalar(number: Buffer, size: number): Buffer | undefined {
  let start = 0;
  while (start < number.length && number[start] === 0) start++;
  const bytes = number.subarray(start);
  return bytes.length > size ? undefined : Buffer.concat([Buffer.alloc(size - bytes.length), bytes]);
}

/** The key of this type whose fields come next. @throws PeerFault */
export function publicKeyOf(type: string, fields: Fields): PublicKey {
  try {
    if (type === 'ssh-ed25519') {
      const x = fields.bytes().toString('base64url');
      return { key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), algorithms: [type] };
    }
    if (type === 'ssh-rsa') return rsaKey(fields);
    return ecdsaKey(type, fields);
  } catch (cause) {
    if (cause instanceof PeerFault) throw cause;
    throw new PeerFault('bad_certificate', 'The certificate has a key that cannot be', { cause });
  }
}

function rsaKey(fields: Fields): PublicKey {
  const e = number(fields.bytes());
  const n = number(fields.bytes());
  const key = createPublicKey({ key: { kty: 'RSA', e, n }, format: 'jwk' });
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < RSA_BITS_MIN)
    throw new PeerFault('bad_certificate', 'The certificate has a key that is too short');
  return { key, algorithms: RSA_ALGORITHMS };
}

function ecdsaKey(type: string, fields: Fields): PublicKey {
  const curve = fields.text();
  const point = fields.bytes();
  const size = SCALAR_BYTES[type] ?? 0;
  if (type !== `ecdsa-sha2-${curve}` || point[0] !== 4 || point.length !== 1 + 2 * size)
    throw new PeerFault('bad_certificate', 'The certificate has a key that cannot be');
  const crv = `P-${curve.slice('nistp'.length)}`;
  const x = point.subarray(1, 1 + size).toString('base64url');
  const y = point.subarray(1 + size).toString('base64url');
  return { key: createPublicKey({ key: { kty: 'EC', crv, x, y }, format: 'jwk' }), algorithms: [type] };
}

function number(bytes: Buffer): string {
  return bytes.subarray(bytes[0] === 0 ? 1 : 0).toString('base64url');
}

function texts(bytes: Buffer, count_max: number): string[] {
  const fields = new Fields(bytes);
  const found: string[] = [];
  while (fields.left > 0) {
    if (found.length === count_max) throw new PeerFault('bad_certificate', 'The certificate names too many users');
    found.push(fields.text());
  }
  return found;
}

function options(bytes: Buffer): Map<string, Buffer> {
  const fields = new Fields(bytes);
  const found = new Map<string, Buffer>();
  while (fields.left > 0) {
    const name = fields.text();
    if (found.has(name) || found.size === PRINCIPALS_MAX) throw new PeerFault('bad_certificate', 'The certificate says the same twice');
    found.set(name, fields.bytes());
  }
  return found;
}

/** True when an address is in a network such as `10.0.0.0/8`; false for networks that cannot be read. */
function contains(network: string, address: string): boolean {
  const [base = '', bits] = network.split('/');
  const family = isIP(base);
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (family === 0 || isIP(plain) !== family) return false;
  const prefix = bits === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (prefix < 0 || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(base, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

function invalid(why: string): Refusal {
  return new Refusal('certificate_invalid', `This certificate does not count: ${why}. Ask for a new one`);
}
