import { PeerFault } from '@hoop/core/errors';

/** Stands where a length would be. */
export const NULL_CELL = 0xfb;

/** Reads the fields of one payload, in order. (MySQL Internals, "Protocol Basics") */
export class Fields {
  readonly #payload: Buffer;
  #at: number;

  constructor(payload: Buffer, at = 0) {
    this.#payload = payload;
    this.#at = at;
  }

  get left(): number {
    return this.#payload.length - this.#at;
  }

  get at(): number {
    return this.#at;
  }

  /** @throws PeerFault `bad_message`, as all of these */
  bytes(length: number): Buffer {
    if (length > this.left) throw tooShort();
    const taken = this.#payload.subarray(this.#at, this.#at + length);
    this.#at += length;
    return taken;
  }

  /** An unsigned number of `size` bytes, least significant first. */
  int(size: 1 | 2 | 3 | 4 | 6): number {
    if (size > this.left) throw tooShort();
    this.#at += size;
    return this.#payload.readUIntLE(this.#at - size, size);
  }

  int64(): bigint {
    return this.bytes(8).readBigUInt64LE(0);
  }

  /** A number of variable length. Those over 2^53 are only approximate; as a length they are too long for any payload. */
  lenenc(): number {
    const first = this.int(1);
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.int(2);
    if (first === 0xfd) return this.int(3);
    if (first === 0xfe) return Number(this.int64());
    throw new PeerFault('bad_message', 'A packet holds a length that is none');
  }

  /** A text with its length in front. */
  lenencBytes(): Buffer {
    return this.bytes(this.lenenc());
  }

  /** A value of a row in the text format; null for NULL. */
  cell(): Buffer | null {
    if (this.#payload[this.#at] !== NULL_CELL) return this.lenencBytes();
    this.#at++;
    return null;
  }

  /** Goes over a value of a row in the text format: it ends at `at` then, and begins where this says; -1 for NULL. */
  cellStart(): number {
    if (this.#payload[this.#at] === NULL_CELL) {
      this.#at++;
      return -1;
    }
    const length = this.lenenc();
    if (length > this.left) throw tooShort();
    const start = this.#at;
    this.#at += length;
    return start;
  }

  /** A text up to a zero byte. */
  zeroEnded(): string {
    const end = this.#payload.indexOf(0, this.#at);
    if (end < 0) throw tooShort();
    const text = this.#payload.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** A text up to a zero byte, or to the end where a program leaves that out. */
  zeroOrEnd(): string {
    return this.#payload.indexOf(0, this.#at) < 0 ? this.rest().toString('utf8') : this.zeroEnded();
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }
}

function tooShort(): PeerFault {
  return new PeerFault('bad_message', 'A packet has less in it than it says');
}

export function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function zeroEnded(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

/** A number of variable length. */
export function lenenc(value: number): Buffer {
  if (value < 0xfb) return Buffer.from([value]);
  if (value <= 0xffff) return Buffer.concat([Buffer.from([0xfc]), int16(value)]);
  if (value <= 0xffffff) return Buffer.from([0xfd, value & 0xff, (value >>> 8) & 0xff, value >>> 16]);
  const bytes = Buffer.alloc(9, 0xfe);
  bytes.writeBigUInt64LE(BigInt(value), 1);
  return bytes;
}

export function lenencBytes(bytes: Buffer): Buffer {
  return Buffer.concat([lenenc(bytes.length), bytes]);
}
