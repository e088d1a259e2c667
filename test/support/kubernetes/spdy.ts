import { Duplex } from 'node:stream';
import { SpdyHeaders } from './spdy-headers.ts';

const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
const FIN = 1;
const FRAME_HEADER_BYTES = 8;

/** One stream that the client has opened. What is written goes to the client; its end is the frame's FIN. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #send: (flags: number, data: Buffer) => void;

  constructor(id: number, headers: ReadonlyMap<string, string>, send: (flags: number, data: Buffer) => void) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#send = send;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#send(0, chunk);
    callback();
  }

  override _final(callback: () => void): void {
    this.#send(FIN, Buffer.alloc(0));
    callback();
  }

  override _read(): void {
    // There is no flow control: what comes is pushed.
  }
}

/** The server's side of a SPDY/3.1 connection, as far as kubectl uses it. */
export class SpdyConnection {
  readonly #bytes: Duplex;
  readonly #headers = new SpdyHeaders();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #onStream: (stream: SpdyStream) => void;
  #held: Buffer = Buffer.alloc(0);

  constructor(bytes: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#bytes = bytes;
    this.#onStream = onStream;
    bytes.on('error', () => undefined);
    this.#run()
      .catch(() => undefined)
      .finally(() => this.#close());
  }

  end(): void {
    this.#bytes.end();
  }

  async #run(): Promise<void> {
    for await (const chunk of this.#bytes) {
      this.#held = Buffer.concat([this.#held, chunk as Buffer]);
      while (this.#held.length >= FRAME_HEADER_BYTES) {
        const end = FRAME_HEADER_BYTES + this.#held.readUIntBE(5, 3);
        if (this.#held.length < end) break;
        const frame = this.#held.subarray(0, end);
        this.#held = this.#held.subarray(end);
        await this.#take(frame);
      }
    }
  }

  /** Not every kind of bytes closes at its end by itself; one inside of a WebSocket does not. */
  #close(): void {
    for (const stream of this.#streams.values()) stream.destroy();
    this.#bytes.destroy();
  }

  async #take(frame: Buffer): Promise<void> {
    const first = frame.readUInt32BE(0);
    const flags = frame[4] ?? 0;
    const body = frame.subarray(FRAME_HEADER_BYTES);
    if (first < 0x80000000) return this.#data(first, flags, body);
    const type = first & 0xffff;
    if (type === SYN_STREAM) await this.#opened(flags, body);
    else if (type === RST_STREAM) this.#streams.get(body.readUInt32BE(0))?.destroy();
    else if (type === PING) this.#control(PING, body);
    else if (type === GOAWAY) this.#bytes.end();
  }

  #data(id: number, flags: number, body: Buffer): void {
    const stream = this.#streams.get(id);
    if (body.length > 0) stream?.push(Buffer.from(body));
    if ((flags & FIN) !== 0) stream?.push(null);
  }

  async #opened(flags: number, body: Buffer): Promise<void> {
    const id = body.readUInt32BE(0);
    const headers = await this.#headers.read(Buffer.from(body.subarray(10)));
    const stream = new SpdyStream(id, headers, (streamFlags, data) => this.#frame(id, streamFlags, data));
    stream.on('error', () => undefined);
    this.#streams.set(id, stream);
    if ((flags & FIN) !== 0) stream.push(null);
    const about = Buffer.alloc(4);
    about.writeUInt32BE(id);
    this.#control(SYN_REPLY, Buffer.concat([about, await this.#headers.write(new Map())]));
    this.#onStream(stream);
  }

  #control(type: number, body: Buffer): void {
    this.#frame((0x80030000 | type) >>> 0, 0, body);
  }

  #frame(first: number, flags: number, body: Buffer): void {
    const header = Buffer.alloc(FRAME_HEADER_BYTES);
    header.writeUInt32BE(first);
    header[4] = flags;
    header.writeUIntBE(body.length, 5, 3);
    if (this.#bytes.writable) this.#bytes.write(Buffer.concat([header, body]));
  }
}
