import type { ClientHttp2Session, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { PeerFault, TargetFault } from '@hoop/core/errors';
import { type Carrier, type IncomingStream, type RefusalStatus, refusalOf, type StreamRequest } from './carrier.ts';
import { H2FrameStream } from './h2-stream.ts';
import { tend, widen } from './pulse.ts';
import { type PulseLimits, STRANGER_STREAMS_MAX } from './settings.ts';
import type { FrameStream } from './stream.ts';

/**
 * The dialling side of an HTTP/2 connection, with gRPC's framing and trailers: for networks where a load balancer that ends TLS
 * and knows gRPC stands in between. Without one the peers agree on `MuxCarrier`, which costs less.
 */
export class H2ClientCarrier implements Carrier {
  readonly peer: string;
  readonly canOpen = true;
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;

  constructor(session: ClientHttp2Session, socket: Socket, pulse?: PulseLimits) {
    this.#session = session;
    this.peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    session.on('error', () => undefined);
    this.closed = new Promise((resolve) => session.once('close', () => resolve()));
    widen(session);
    tend(session, socket, pulse);
  }

  open({ path, headers }: StreamRequest): Promise<FrameStream> {
    const encoded = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, encodeURIComponent(value)]));
    const h2 = this.#session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...encoded });
    h2.pause();
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new TargetFault('gateway_lost', 'The link to the gateway broke; it is dialled again'));
      h2.once('error', lost);
      h2.once('close', lost);
      h2.once('response', (reply) => {
        h2.off('error', lost).off('close', lost);
        const status = Number(reply['grpc-status'] ?? 0);
        if (status === 0) {
          resolve(new H2FrameStream(h2));
          return;
        }
        h2.on('error', () => undefined);
        const message = decoded(String(reply['grpc-message'] ?? 'Refused by the gateway'));
        reject(refusalOf(status, message, reply['hoop-code']));
      });
    });
  }

  close(): void {
    this.#session.destroy();
  }

  trust(): void {}
}

/** The answering side of HTTP/2: it cannot open streams, so the agent is asked to. */
export class H2ServerCarrier implements Carrier {
  readonly peer: string;
  readonly canOpen = false;
  readonly closed: Promise<void>;
  readonly #session: ServerHttp2Session;
  #isStranger = true;
  #strangerStreams = 0;

  constructor(session: ServerHttp2Session, socket: Socket, pulse?: PulseLimits) {
    this.#session = session;
    this.peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    this.closed = new Promise((resolve) => session.once('close', () => resolve()));
    tend(session, socket, pulse);
  }

  /** False, and the connection is over, where a stranger opened more than strangers may. */
  admits(): boolean {
    if (!this.#isStranger || ++this.#strangerStreams <= STRANGER_STREAMS_MAX) return true;
    this.#session.destroy();
    return false;
  }

  open(_request: StreamRequest): Promise<FrameStream> {
    return Promise.reject(new PeerFault('cannot_open', 'Streams are opened by the side that dialled'));
  }

  close(): void {
    this.#session.destroy();
  }

  trust(): void {
    if (!this.#isStranger) return;
    this.#isStranger = false;
    // Until now all streams together had no more than HTTP/2 gives at first, 64 KiB.
    if (!this.#session.destroyed) widen(this.#session);
  }
}

/** A request of an HTTP/2 client as an incoming stream. */
export function incomingH2(h2: ServerHttp2Stream, headers: IncomingHttpHeaders): IncomingStream {
  h2.on('error', () => undefined);
  const plain = Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, decoded(value)]] : []));
  return {
    path: String(headers[':path']),
    headers: Object.fromEntries(plain) as Record<string, string>,
    accept: () => {
      if (h2.destroyed || h2.closed) throw new PeerFault('stream_lost', 'The tunnel peer gave its stream up before it was taken');
      h2.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      h2.once('wantTrailers', () => h2.sendTrailers({ 'grpc-status': '0' }));
      return new H2FrameStream(h2);
    },
    refuse: (status: RefusalStatus, message: string, code?: string) => {
      if (h2.destroyed || h2.closed) return;
      const refusal = {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': String(status),
        'grpc-message': encodeURIComponent(message),
        ...(code === undefined ? {} : { 'hoop-code': code }),
      };
      h2.respond(refusal, { endStream: true });
    },
  };
}

/** Header values are escaped, because they are latin1 without line breaks. What nobody escaped rightly is taken as it is: peers send anything. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
