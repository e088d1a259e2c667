import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';
import { type Channel, enter, type Heard, type Said } from './driver.ts';

/** HTTP/1.1 over TLS, on one kept connection. */
export const http1: ClientKind = {
  name: 'node:https',
  skills: new Set(['vanish', 'stall', 'last-words', 'notices the end']),
  open: (place) => enter(new Http1(place)),
};

class Http1 implements Channel {
  readonly #place: Place;
  readonly #agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  readonly #closed = Promise.withResolvers<void>();
  #socket: Socket | undefined;
  #stalled = false;

  constructor(place: Place) {
    this.#place = place;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async send({ method, path, body }: Said): Promise<Heard> {
    const { host, port, secret } = this.#place;
    const headers = { authorization: `Bearer ${secret}`, ...(body === '' ? {} : { 'content-type': 'text/plain' }) };
    const request = https.request({ agent: this.#agent, host, port, method, path, headers });
    request.on('socket', (socket) => {
      if (this.#socket) return;
      this.#socket = socket;
      socket.once('close', () => this.#closed.resolve());
    });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (this.#stalled) await new Promise(() => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
  }

  stall(): void {
    this.#stalled = true;
  }

  destroy(): void {
    this.#agent.destroy();
    this.#socket?.destroy();
  }
}
