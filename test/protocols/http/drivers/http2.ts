import { once } from 'node:events';
import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';
import { type Channel, enter, type Heard, type Said } from './driver.ts';

/** HTTP/2 over TLS. */
export const secureHttp2: ClientKind = {
  name: 'node:http2',
  skills: new Set(['vanish', 'stall', 'last-words', 'notices the end']),
  open: (place) => enter(new Http2(place)),
};

class Http2 implements Channel {
  readonly #session: ClientHttp2Session;
  readonly #secret: string;
  readonly closed: Promise<void>;
  #stalled = false;

  constructor({ host, port, secret }: Place) {
    this.#secret = secret;
    this.#session = http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false });
    this.#session.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.#session.once('close', resolve));
  }

  async send({ method, path, body }: Said): Promise<Heard> {
    const type = body === '' ? {} : { 'content-type': 'text/plain' };
    const asked = { ':method': method, ':path': path, authorization: `Bearer ${this.#secret}`, ...type };
    const stream = this.#session.request(asked, { endStream: body === '' });
    stream.on('error', () => undefined);
    if (body !== '') stream.end(body);
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
    if (this.#stalled) await new Promise(() => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return { status: headers[':status'] ?? 0, body: Buffer.concat(chunks).toString() };
  }

  stall(): void {
    this.#stalled = true;
  }

  destroy(): void {
    this.#session.destroy();
  }
}
