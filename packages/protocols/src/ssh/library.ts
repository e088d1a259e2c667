import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { type CipherMakers, replaceCiphers } from './ciphers.ts';
import { GcmCipher } from './gcm.ts';
import { PACKET_BYTES_MAX } from './limits.ts';

/**
 * What is used of ssh2: transport, key exchange and login. Of its connection layer nothing is used, because channels are what we
 * judge; so some of its inner parts are used as well, which is why its version is an exact one and `transport.test.ts` tries them.
 */
export interface Library {
  readonly Server: {
    new (options: ServerOptions): EventEmitter & { injectSocket(socket: unknown): void };
    /** Milliseconds between its own keep-alives, whose answers would be taken for those of the other side. */
    KEEPALIVE_CLIENT_INTERVAL: number;
  };
  readonly Client: new () => EventEmitter & Peer & { connect(options: ClientOptions): void };
  readonly utils: {
    parseKey(key: string | Buffer, passphrase?: string): ParsedKey | readonly ParsedKey[] | Error;
    generateKeyPairSync(type: 'ed25519', options?: { comment?: string }): { readonly private: string; readonly public: string };
  };
}

export interface Peer {
  readonly _protocol: LibraryProtocol;
}

/** The library's own side of one connection. */
export interface LibraryProtocol {
  /** Gets each message once keys are agreed upon. */
  _onPayload: (message: Buffer) => unknown;
  /** What seals packets now; keys that are renewed bring another one. */
  readonly _cipher: { encrypt(packet: Buffer): void };
  /** What opens packets now. */
  readonly _decipher: { _onPayload: (message: Buffer) => unknown };
  /** What we can do, in our order. */
  _offer: Offer;
  /** The other side has guessed wrong which key exchange it will be, and began it. */
  _skipNextInboundPacket: boolean;
  /** Absent once the connection is over. */
  readonly _destruct?: unknown;
  /** Keys are being renewed: nothing of the connection layer may leave. */
  readonly _kexinit: unknown;
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number;
      readonly allocStartKEX: number;
      alloc(length: number, always?: boolean): Buffer;
      finalize(packet: Buffer, always?: boolean): Buffer;
    };
  };
  cleanup(): void;
}

export interface ParsedKey {
  readonly type: string;
  readonly comment: string;
  getPublicSSH(): Buffer;
  isPrivateKey(): boolean;
  verify(data: Buffer, signature: Buffer, hash?: string): boolean | Error;
}

interface Names {
  readonly array: readonly string[];
}

type Direction = Readonly<Record<'cipher' | 'mac' | 'compress' | 'lang', Names>>;

/** The lists of names that a key exchange begins with. (RFC 4253, section 7.1) */
export interface Offer {
  readonly lists: { readonly kex: Names; readonly serverHostKey: Names; readonly cs: Direction; readonly sc: Direction };
}

type DirectionNames = Readonly<Record<keyof Direction, readonly string[]>>;

interface OfferNames {
  readonly kex: readonly string[];
  readonly serverHostKey: readonly string[];
  readonly cs: DirectionNames;
  readonly sc: DirectionNames;
}

interface Algorithms {
  readonly kex: readonly string[];
  readonly cipher: readonly string[];
  readonly hmac: readonly string[];
  readonly compress: readonly string[];
  readonly serverHostKey?: readonly string[];
}

interface ServerOptions {
  readonly hostKeys: readonly string[];
  readonly ident: string;
  readonly algorithms: Algorithms;
}

interface ClientOptions {
  readonly sock: unknown;
  readonly ident: string;
  readonly username: string;
  readonly algorithms: Algorithms;
  readonly readyTimeout: number;
  readonly keepaliveInterval: number;
  readonly strictVendor: boolean;
  hostVerifier(key: Buffer): boolean;
  authHandler(left: readonly string[] | null, partial: boolean | null, next: (attempt: unknown) => void): void;
}

/** A server's view of one try to log in. */
export interface LoginContext {
  readonly method: string;
  readonly username: string;
  readonly password?: string;
  readonly key?: { readonly algo: string; readonly data: Buffer };
  readonly hashAlgo?: string;
  readonly signature?: Buffer;
  readonly blob?: Buffer;
  accept(): void;
  reject(left?: readonly string[], isPartial?: boolean): void;
  prompt?(prompts: readonly { prompt: string; echo: boolean }[], title: string, text: string, done: (answers: unknown) => void): void;
}

const require = createRequire(import.meta.url);

replaceCiphers(require('ssh2/lib/protocol/crypto.js') as CipherMakers);

export const ssh2 = require('ssh2') as Library;
ssh2.Server.KEEPALIVE_CLIENT_INTERVAL = 0;

/** Makes an offer, and sends it. */
export const { KexInit, kexinit } = require('ssh2/lib/protocol/kex.js') as {
  KexInit: new (names: OfferNames) => Offer;
  kexinit(protocol: LibraryProtocol): void;
};

const { sendPacket } = require('ssh2/lib/protocol/utils.js') as {
  sendPacket(protocol: LibraryProtocol, packet: Buffer, always?: boolean): void;
};

/** A message that fits into one packet of ours with whatever surrounds it. */
const SEALED_BYTES_MAX = PACKET_BYTES_MAX - 64;

/** Sends one message; while keys are renewed it waits in a queue, unless it must go `always`. */
export function sendMessage(protocol: LibraryProtocol, message: Buffer, always = false): void {
  const cipher = protocol._cipher;
  if (cipher instanceof GcmCipher && protocol._kexinit === undefined && message.length <= SEALED_BYTES_MAX) {
    cipher.seal(message);
    return;
  }
  const { write } = protocol._packetRW;
  const packet = write.alloc(message.length, always);
  packet.set(message, always ? write.allocStartKEX : write.allocStart);
  sendPacket(protocol, write.finalize(packet, always), always);
}

/**
 * What is offered and taken, on both sides. Nothing with SHA-1, no CBC, no compression. ChaCha20 is not offered: it is safe with the
 * strict key exchange that both sides ask for, and far slower than AES here.
 */
export const ALGORITHMS: Algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
};

/** Keys that a target may prove itself with. */
export const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/** How we call ourselves in the first line. */
export const IDENT = 'Hoop';

/**
 * The same for clients. OpenSSH's says only to its like that nobody reads its output any more (`eow@openssh.com`), without which
 * `ssh host 'yes | cat' | head -1` never ends.
 */
export const IDENT_FOR_CLIENTS = `OpenSSH_compatible_${IDENT}`;
