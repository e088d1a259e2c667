import { PeerFault } from '@hoop/core/errors';

/** Reads the body of one message. Every read is checked: a body is from a peer, and peers lie. */
export class Fields {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  get left(): number {
    return this.#body.length - this.#at;
  }

  /** @throws PeerFault `bad_message` */
  cstring(): string {
    const end = this.#body.indexOf(0, this.#at);
    if (end < 0) throw malformed('a text without its end');
    const text = this.#body.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  int32(): number {
    const at = this.#take(4);
    return this.#body.readInt32BE(at);
  }

  int16(): number {
    const at = this.#take(2);
    return this.#body.readInt16BE(at);
  }

  byte(): number {
    return this.#body[this.#take(1)] ?? 0;
  }

  bytes(length: number): Buffer {
    if (length < 0) throw malformed('a negative length');
    const at = this.#take(length);
    return this.#body.subarray(at, at + length);
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** A body must be consumed exactly. */
  end(): void {
    if (this.left !== 0) throw malformed('bytes after its end');
  }

  #take(length: number): number {
    if (length > this.left) throw malformed('a field past its end');
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

export function malformed(what: string): PeerFault {
  return new PeerFault('bad_message', `A message has ${what}`);
}
