import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import net from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Misconfigured } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';
import { publicKeyPin } from '@hoop/tunnel/client';
import { generate } from 'selfsigned';
import type { GatewayConfig } from './config.ts';
import { readOwnFile, replaceOwnFile } from './own-file.ts';
import type { TlsMaterial } from './tls-material.ts';

const DAY_MS = 86_400_000;

/** Long enough to outlive installations; nobody outside trusts this authority. */
const CA_DAYS = 3_650;

/** What current TLS clients accept at most. */
const LEAF_DAYS = 397;

/** Renewed on a start that finds less than this left. */
const RENEW_DAYS = 60;

export interface ServerCertificate extends TlsMaterial {
  /** What goes into agents' keys; undefined for a certificate that was given, which its authority vouches for. */
  readonly pin: string | undefined;
}

/**
 * The gateway's certificate: the one that was given, else its own, made on first start by an authority of its own.
 * The key stays when the certificate is renewed or gets new names, and with it the pin in agents' keys.
 * @throws Misconfigured
 */
export async function serverCertificate(config: GatewayConfig, now = Date.now()): Promise<ServerCertificate> {
  if (config.tls) return { ...config.tls, pin: undefined };
  const directory = join(config.home, 'tls');
  const ca = await ownAuthority(directory, now);
  const key = ownKey(join(directory, 'server.key'));
  const names = hostNames(config);
  const path = join(directory, 'server.pem');
  let cert = readOwnFile(path);
  if (cert === undefined || !isGood(cert, ca, key, names, now)) {
    cert = await issue(ca, key, names, now);
    replaceOwnFile(path, cert);
  }
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return { cert, key: new Secret(pem(key)), ca: ca.cert, pin: publicKeyPin(spki) };
}

interface Authority {
  readonly cert: string;
  readonly key: string;
}

async function ownAuthority(directory: string, now: number): Promise<Authority> {
  const path = { cert: join(directory, 'ca.pem'), key: join(directory, 'ca.key') };
  const found = { cert: readOwnFile(path.cert), key: readOwnFile(path.key) };
  if (found.cert !== undefined && found.key !== undefined) return { cert: found.cert, key: found.key };
  if (found.cert !== undefined)
    throw new Misconfigured('certificate', `${path.key} is missing; put it back, or remove ${directory} for a new one`);
  const made = await generate([{ name: 'commonName', value: `Hoop gateway on ${hostname()}` }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + CA_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  // The certificate goes last: where it stands, the key does too.
  replaceOwnFile(path.key, made.private);
  replaceOwnFile(path.cert, made.cert);
  return { cert: made.cert, key: made.private };
}

function ownKey(path: string): KeyObject {
  const found = readOwnFile(path);
  if (found === undefined) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    replaceOwnFile(path, pem(privateKey));
    return privateKey;
  }
  try {
    return createPrivateKey(found);
  } catch {
    throw new Misconfigured('certificate', `${path} is damaged; put the right file back, or remove it and make agents' keys anew`);
  }
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function issue(ca: Authority, key: KeyObject, names: readonly string[], now: number): Promise<string> {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  const made = await generate([{ name: 'commonName', value: names[0] ?? 'localhost' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    keyPair: { privateKey: pem(key), publicKey },
    ca,
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + (LEAF_DAYS - 1) * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: names.map((name) => (net.isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })) },
    ],
  });
  return `${made.cert.trim()}\n${ca.cert.trim()}\n`;
}

function isGood(cert: string, ca: Authority, key: KeyObject, names: readonly string[], now: number): boolean {
  try {
    const leaf = new X509Certificate(cert);
    if (!leaf.checkPrivateKey(key) || !leaf.verify(new X509Certificate(ca.cert).publicKey)) return false;
    if (leaf.validToDate.getTime() - now < RENEW_DAYS * DAY_MS) return false;
    return names.every((name) => (net.isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined);
  } catch {
    return false;
  }
}

/** Every name by which somebody may call this gateway. */
function hostNames(config: GatewayConfig): string[] {
  const api = config.apiUrl === undefined ? undefined : new URL(config.apiUrl).hostname.replace(/^\[|\]$/g, '');
  const native = [...config.native.values()].map((access) => access.public?.host);
  const names = [api, config.grpcUrl?.address.host, ...native, 'localhost', hostname(), '127.0.0.1', '::1'];
  return [...new Set(names.flatMap((name) => (name ? [name.toLowerCase()] : [])))];
}
