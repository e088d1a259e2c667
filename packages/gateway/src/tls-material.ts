import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Misconfigured } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';

/** A certificate chain and its key, PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: Secret;
  /** The authority that clients must be told of; undefined where everybody knows it. */
  readonly ca: string | undefined;
}

/**
 * Reads PEM that a variable gives: as it is, `base64://…` or `file://…`.
 * @throws Misconfigured naming the variable; the text itself, which may be a key, is never shown.
 */
export function readMaterial(name: string, text: string): string {
  const pem = readText(name, text).trim();
  if (pem.includes('-----BEGIN ')) return `${pem}\n`;
  throw new Misconfigured('tls_material', `${name} holds no PEM; give it as text, as base64://… or as file:///path`);
}

/** What a variable gives: as it is, `base64://…` or `file://…`. @throws Misconfigured naming the variable */
export function readText(name: string, text: string): string {
  if (text.startsWith('base64://')) return Buffer.from(text.slice('base64://'.length), 'base64').toString('utf8');
  if (!text.startsWith('file://')) return text;
  const path = text.slice('file://'.length);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Misconfigured('tls_material', `${name}: ${path} cannot be read; check the path and its permissions`, { cause });
  }
}

/** Checks that certificate and key can be used and belong together. @throws Misconfigured */
export function tlsPair(cert: string, key: string, ca: string | undefined): TlsMaterial {
  const certificate = parsed('TLS_CERT', () => new X509Certificate(cert));
  const privateKey = parsed('TLS_KEY', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Misconfigured(
      'tls_material',
      'TLS_KEY is not the key of TLS_CERT; the first certificate in TLS_CERT must be the server’s own',
    );
  }
  if (certificate.validToDate.getTime() < Date.now()) {
    throw new Misconfigured('tls_material', `TLS_CERT expired on ${certificate.validToDate.toISOString().slice(0, 10)}; renew it`);
  }
  return { cert, key: new Secret(key), ca };
}

function parsed<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    // The cause may quote the text.
    throw new Misconfigured('tls_material', `${name} cannot be read as PEM; encrypted keys are not taken`);
  }
}
