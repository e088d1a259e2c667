import { PeerFault } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import { MESSAGE_BYTES_MAX } from './limits.ts';

/**
 * A message is a type byte, a length that counts itself and not the type, and a body.
 * (PostgreSQL 17, section 54.1)
 */
export const HEADER_BYTES = 5;

/** Message types by their byte. */
export const code = (letter: string): number => letter.charCodeAt(0);

export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

/** One message as bytes. */
export function encodeMessage(type: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = parts.map((part) => (typeof part === 'string' ? cstring(part) : part));
  const length = body.reduce((sum, part) => sum + part.length, 4);
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = code(type);
  header.writeInt32BE(length, 1);
  return Buffer.concat([header, ...body]);
}

export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeInt16BE(value);
  return bytes;
}

/**
 * The length field of the header at `at`, checked.
 * @throws PeerFault `bad_length` on a length that cannot be: less than the field itself, or over the protocol's limit.
 */
export function messageLength(chunk: Buffer, at: number): number {
  const length = ((chunk[at + 1] ?? 0) << 24) | ((chunk[at + 2] ?? 0) << 16) | ((chunk[at + 3] ?? 0) << 8) | (chunk[at + 4] ?? 0);
  if (length < 4 || length > MESSAGE_BYTES_MAX) throw badLength(length);
  return length;
}

export function badLength(length: number): PeerFault {
  return new PeerFault('bad_length', `A message claims a length of ${length} bytes, which cannot be`, { facts: { length } });
}

/** Reads whole messages from a wire, for logins, where there is time. */
export class MessageReader {
  readonly #wire: Wire;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Exactly `length` bytes. @throws PeerFault `closed_early` */
  async bytes(length: number): Promise<Buffer> {
    if (this.#buffer.length < length) await this.#fill(length);
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  /** Reads on until there is enough, and joins once: a join for each chunk would be quadratic in the length of a message. */
  async #fill(length: number): Promise<void> {
    const parts = [this.#buffer];
    let bytes = this.#buffer.length;
    while (bytes < length) {
      const chunk = await this.#wire.read();
      if (!chunk) throw new PeerFault('closed_early', 'The connection closed in the middle of a message');
      parts.push(chunk);
      bytes += chunk.length;
    }
    const [, only] = parts;
    this.#buffer = parts.length === 2 && only && bytes === only.length ? only : Buffer.concat(parts, bytes);
  }

  /** The next message. @throws PeerFault `bad_length`, `closed_early` */
  async message(body_bytes_max: number): Promise<Message> {
    const header = await this.bytes(HEADER_BYTES);
    const length = messageLength(header, 0) - 4;
    if (length > body_bytes_max) throw badLength(length + 4);
    return { type: header[0] ?? 0, body: Buffer.from(await this.bytes(length)) };
  }

  /** Bytes that have been read and not been asked for. */
  get pending(): number {
    return this.#buffer.length;
  }

  /** Gives unasked bytes back to the wire, for whoever reads it next. */
  giveBack(): void {
    this.#wire.unread(this.#buffer);
    this.#buffer = Buffer.alloc(0);
  }
}
