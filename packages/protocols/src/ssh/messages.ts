import { PeerFault } from '@hoop/core/errors';

/** Message numbers that travel on the cleartext stream. (RFC 4253, section 12; RFC 4254, section 9) */
export const MESSAGE = {
  disconnect: 1,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  openConfirmation: 91,
  openFailure: 92,
  windowAdjust: 93,
  data: 94,
  extendedData: 95,
  eof: 96,
  close: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const;

/** The first message of the connection layer; what is below belongs to the transport and to the login. */
export const CONNECTION_LAYER = 80;

/** What a key exchange begins with. (RFC 4253, section 7.1) */
export const KEXINIT = 20;

/** Messages that say nothing: IGNORE, UNIMPLEMENTED and DEBUG. (RFC 4253, section 11) */
export const NOTHINGS: ReadonlySet<number> = new Set([2, 3, 4]);

/** Why a channel is not opened. (RFC 4254, section 5.1) */
export const OPEN_FAILURE = { prohibited: 1, connectFailed: 2, unknownType: 3, shortage: 4 } as const;

export const STDERR = 1;

/** Reads the fields of one message. (RFC 4251, section 5) */
export class Fields {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++] ?? 0;
  }

  boolean(): boolean {
    return this.byte() !== 0;
  }

  u32(): number {
    this.#need(4);
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  u64(): bigint {
    this.#need(8);
    const value = this.#bytes.readBigUInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  bytes(): Buffer {
    const length = this.u32();
    this.#need(length);
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  /** @throws PeerFault when something is left */
  end(): void {
    if (this.left > 0) throw badMessage('has bytes behind its end');
  }

  #need(count: number): void {
    if (count > this.left) throw badMessage('is cut off');
  }
}

export function badMessage(what: string): PeerFault {
  return new PeerFault('bad_message', `An SSH message ${what}`);
}

/** A field to be written: a number is 4 bytes, text and bytes get their length in front. */
type Field = number | boolean | string | Buffer;

/** Writes one message of a number and fields. */
export function encodeMessage(type: number, ...fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [Buffer.from([type])];
  for (const field of fields) {
    if (typeof field === 'boolean') parts.push(Buffer.from([field ? 1 : 0]));
    else if (typeof field === 'number') parts.push(u32(field));
    else {
      const bytes = typeof field === 'string' ? Buffer.from(field) : field;
      parts.push(u32(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface ChannelOpen {
  readonly type: string;
  readonly sender: number;
  readonly window: number;
  readonly packetBytesMax: number;
  /** Where the window stands in the message. */
  readonly windowAt: number;
  readonly rest: Fields;
}

/** (RFC 4254, section 5.1) */
export function decodeOpen(message: Buffer): ChannelOpen {
  const fields = new Fields(message, 1);
  const type = fields.text();
  const sender = fields.u32();
  const windowAt = fields.at;
  return { type, sender, windowAt, window: fields.u32(), packetBytesMax: fields.u32(), rest: fields };
}

/** Host and port that a forward leads to, and who asks. (RFC 4254, section 7.2) */
export function decodeForward(fields: Fields): { readonly host: string; readonly port: number; readonly origin: string } {
  const host = fields.text();
  const port = fields.u32();
  const origin = `${fields.text()}:${fields.u32()}`;
  fields.end();
  if (port > 65_535) throw badMessage('names a port that cannot be');
  return { host, port, origin };
}

/** The channel that a message is about, as its receiver numbers it. */
export function recipientOf(message: Buffer): number {
  if (message.length < 5) throw badMessage('is cut off');
  return message.readUInt32BE(1);
}

/** How the sender of a confirmation numbers the channel that it has opened. @throws PeerFault when it is cut off (RFC 4254, section 5.1) */
export function senderOf(message: Buffer): number {
  const fields = new Fields(message, 5);
  const sender = fields.u32();
  // The window, and how long a packet may be; what follows is the channel type's own.
  fields.u32();
  fields.u32();
  return sender;
}

export interface Request {
  readonly name: string;
  readonly wantReply: boolean;
  readonly fields: Fields;
}

/** A channel's request (RFC 4254, section 5.4), or with `at` 1 one of the session itself (section 4). */
export function decodeRequest(message: Buffer, at: 1 | 5): Request {
  const fields = new Fields(message, at);
  return { name: fields.text(), wantReply: fields.boolean(), fields };
}

/** The bytes of a data message, without a copy. @throws PeerFault when its length is not that of the message */
export function dataOf(message: Buffer): Buffer {
  const fields = new Fields(message, 5);
  const bytes = fields.bytes();
  fields.end();
  return bytes;
}

/** The bytes of an extended data message, without a copy. */
export function extendedDataOf(message: Buffer): { readonly kind: number; readonly bytes: Buffer } {
  const fields = new Fields(message, 5);
  const kind = fields.u32();
  const bytes = fields.bytes();
  fields.end();
  return { kind, bytes };
}
