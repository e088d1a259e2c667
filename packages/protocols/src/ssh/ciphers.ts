import { createSecretKey } from 'node:crypto';
import { GcmCipher, GcmDecipher, type GcmName } from './gcm.ts';

/** What a key exchange of the library ends with, as far as it is used here. */
export interface CipherConfig {
  readonly inbound: {
    readonly onPayload: (payload: Buffer) => unknown;
    readonly seqno: number;
    readonly decipherInfo: { readonly sslName: string };
    readonly decipherIV: Buffer;
    readonly decipherKey: Buffer;
  };
  readonly outbound: {
    readonly onWrite: (piece: Buffer) => void;
    readonly seqno: number;
    readonly cipherInfo: { readonly sslName: string };
    readonly cipherIV: Buffer;
    readonly cipherKey: Buffer;
  };
}

/** The library's own makers of ciphers, which its key exchange calls by these names. */
export interface CipherMakers {
  createCipher(config: CipherConfig): unknown;
  createDecipher(config: CipherConfig): unknown;
}

/** Puts ours in their place, before the key exchange takes hold of them. */
export function replaceCiphers(makers: CipherMakers): void {
  const { createCipher, createDecipher } = makers;
  makers.createCipher = (config) => {
    const { cipherInfo, cipherKey: key, cipherIV: nonce, seqno, onWrite } = config.outbound;
    const name = cipherInfo.sslName;
    return isGcm(name) ? new GcmCipher({ name, key, nonce, seqno }, onWrite) : withKeyObject(createCipher(config));
  };
  makers.createDecipher = (config) => {
    const { decipherInfo, decipherKey: key, decipherIV: nonce, seqno, onPayload } = config.inbound;
    const name = decipherInfo.sslName;
    return isGcm(name) ? new GcmDecipher({ name, key, nonce, seqno }, onPayload) : withKeyObject(createDecipher(config));
  };
}

function isGcm(name: string): name is GcmName {
  return name === 'aes-128-gcm' || name === 'aes-256-gcm';
}

/** The key of an HMAC, which the library gives as bytes for each packet: looking at those takes as long as half the packet. */
function withKeyObject(cipher: unknown): unknown {
  const keyed = cipher as { _macKey?: unknown };
  if (Buffer.isBuffer(keyed._macKey)) keyed._macKey = createSecretKey(keyed._macKey);
  return cipher;
}
