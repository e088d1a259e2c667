import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { Bug, Misconfigured } from '@hoop/core/errors';

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** NIST SP 800-38D, section 8.2.2: 96 random bits, good for 2^32 messages under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts small secrets for rest. A sealed text reads `v1.<key id>.<nonce, ciphertext and tag in base64url>`:
 * the key id tells which key opens it, so keys rotate without a flag day. The context (such as `connection/<id>`) is
 * authenticated: a sealed text that was copied to another row does not open there.
 */
export class SecretBox {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #current: string;

  /**
   * @param current seals everything new; 32 bytes.
   * @param previous only open what they sealed earlier.
   * @throws Misconfigured `encryption_key_invalid`
   */
  constructor(current: Buffer, previous: readonly Buffer[] = []) {
    const keys = new Map<string, Buffer>();
    for (const key of [current, ...previous]) keys.set(keyId(key), Buffer.from(key));
    this.#keys = keys;
    this.#current = keyId(current);
  }

  /** Encrypts `plain`; `context` must be given again to open it. */
  seal(plain: string, context: string): string {
    const key = this.#keys.get(this.#current);
    if (!key) throw new Bug('secret_box', 'The current key is missing');
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associatedData(this.#current, context));
    const body = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}.${this.#current}.${body.toString('base64url')}`;
  }

  /**
   * @throws Misconfigured `encryption_key_unknown` when it was sealed with a key that is not here.
   * @throws Bug `secret_box_tampered` when the text was changed, or belongs to another context.
   */
  open(sealed: string, context: string): string {
    const [version, id, text, more] = sealed.split('.');
    if (version !== VERSION || id === undefined || text === undefined || more !== undefined) {
      throw new Bug('secret_box_tampered', 'A stored secret has an unknown form');
    }
    const key = this.#keys.get(id);
    if (!key) {
      throw new Misconfigured(
        'encryption_key_unknown',
        `A stored secret was encrypted with another key (${id}). Start with the encryption key that the store was created with`,
        { facts: { keyId: id } },
      );
    }
    try {
      return decrypt(key, fromBase64Url(text), associatedData(id, context));
    } catch (error) {
      throw new Bug('secret_box_tampered', 'A stored secret was changed outside of the system', { cause: error, facts: { context } });
    }
  }

  /** Whether the current key sealed this text. Others want to be sealed again after a rotation. */
  isCurrent(sealed: string): boolean {
    return sealed.startsWith(`${VERSION}.${this.#current}.`);
  }

  /** What every text starts with that the current key sealed. */
  get currentPrefix(): string {
    return `${VERSION}.${this.#current}.`;
  }
}

/** A short public name of a key, which tells nothing about it. */
function keyId(key: Buffer): string {
  if (key.length !== KEY_BYTES) {
    throw new Misconfigured(
      'encryption_key_invalid',
      `The encryption key has ${key.length} bytes, it needs ${KEY_BYTES}. Make one with: openssl rand -base64 32`,
    );
  }
  return createHmac('sha256', key).update('hoop store key id').digest('hex').slice(0, 12);
}

function associatedData(id: string, context: string): Buffer {
  return Buffer.from(`${VERSION}.${id}.${context}`, 'utf8');
}

/** Node ignores what is not base64url and the unused bits at the end; a text that was touched must not open. */
function fromBase64Url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw new Error('Not canonical base64url');
  return bytes;
}

function decrypt(key: Buffer, body: Buffer, associated: Buffer): string {
  const decipher = createDecipheriv(CIPHER, key, body.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(associated);
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  const plain = Buffer.concat([decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  return plain.toString('utf8');
}
