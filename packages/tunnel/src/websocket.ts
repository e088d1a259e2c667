import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { PeerFault, TargetFault } from '@hoop/core/errors';
import WebSocket, { WebSocketServer } from 'ws';
import {
  ANSWER_BYTES_MAX,
  WEBSOCKET_BUFFER_BYTES,
  WEBSOCKET_CLOSE_MS_MAX,
  WEBSOCKET_FRAGMENTS_MAX,
  WEBSOCKET_MESSAGE_BYTES_MAX,
} from './settings.ts';

/** What both sides must name as subprotocol (RFC 6455, 1.9): the tunnel's frames of this version, as binary messages cut anywhere. */
export const WEBSOCKET_PROTOCOL = 'hoop-tunnel-1';

/** Where the gateway takes the tunnel as a WebSocket, below the API's own path. */
export const WEBSOCKET_PATH = '/api/tunnel';

const COMMON = {
  perMessageDeflate: false,
  maxPayload: WEBSOCKET_MESSAGE_BYTES_MAX,
  maxFragments: WEBSOCKET_FRAGMENTS_MAX,
  closeTimeout: WEBSOCKET_CLOSE_MS_MAX,
  skipUTF8Validation: true,
};

/**
 * The binary messages of a WebSocket as a stream of bytes. Written chunks are cut, because the peer's `ws` keeps a message until it is
 * whole, and a write is done when the socket below has taken it: a slow network holds the writer back.
 */
class WebSocketBytes extends Duplex {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    super({ writableHighWaterMark: WEBSOCKET_BUFFER_BYTES, readableHighWaterMark: WEBSOCKET_BUFFER_BYTES, allowHalfOpen: false });
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      if (!isBinary) this.destroy(new PeerFault('bad_frame', 'The tunnel peer sent text where only bytes belong'));
      else if (!this.push(data as Buffer)) socket.pause();
    });
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.push(null));
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let at = 0;
    for (; chunk.length - at > WEBSOCKET_MESSAGE_BYTES_MAX; at += WEBSOCKET_MESSAGE_BYTES_MAX) {
      this.#socket.send(chunk.subarray(at, at + WEBSOCKET_MESSAGE_BYTES_MAX));
    }
    this.#socket.send(chunk.subarray(at), (error) => done(error));
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#socket.readyState === WebSocket.CLOSED) {
      done();
      return;
    }
    this.#socket.once('close', () => done());
    this.#socket.close();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.terminate();
    done(error);
  }
}

/**
 * Asks for a WebSocket on a connection that is already open.
 * @param url with the path; its host goes into the request and nothing is dialled
 * @throws TargetFault `gateway_unreachable` when somebody else than a gateway answers
 */
export function requestWebSocket(socket: Duplex, url: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const websocket = new WebSocket(url, [WEBSOCKET_PROTOCOL], { ...COMMON, createConnection: () => socket, followRedirects: false });
    // Whoever spoke to a proxy on it has paused it.
    socket.resume();
    const { host } = new URL(url);
    const fail = (why: string, cause?: Error): void => {
      socket.destroy();
      reject(new TargetFault('gateway_unreachable', `The gateway ${host} cannot be reached: ${why}`, { cause }));
    };
    websocket.once('error', (error) => fail(error.message, error));
    websocket.once('unexpected-response', (_, response) => {
      readAnswer(response).then(
        (words) => fail(`it answers HTTP ${response.statusCode}${words === '' ? '' : `: ${words}`}`),
        (error: Error) => fail(`it answers HTTP ${response.statusCode}`, error),
      );
    });
    websocket.once('open', () => {
      websocket.removeAllListeners('error');
      resolve(new WebSocketBytes(websocket));
    });
  });
}

/** The words of a gateway's refusal; nothing of a page that somebody in between has made. */
async function readAnswer(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    if (text.length > ANSWER_BYTES_MAX) return '';
  }
  if (!response.headers['content-type']?.startsWith('application/json')) return '';
  const { message } = JSON.parse(text) as { message?: unknown };
  return typeof message === 'string' ? message.replace(/\p{Cc}+/gu, ' ').slice(0, 500) : '';
}

/** The gateway's side: answers requests for a WebSocket. */
export class WebSocketDoor {
  readonly #server = new WebSocketServer({ ...COMMON, noServer: true, clientTracking: false, handleProtocols: () => WEBSOCKET_PROTOCOL });

  /** Why this request is none for the tunnel; undefined when it is one. */
  faultOf(request: IncomingMessage): { readonly status: number; readonly code: string; readonly message: string } | undefined {
    // Browsers always say from which page they come, and no page has business here.
    if (request.headers.origin !== undefined)
      return { status: 403, code: 'forbidden', message: 'The tunnel is for agents and the command line, not for browsers' };
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    if (!offered.includes(WEBSOCKET_PROTOCOL))
      return { status: 400, code: 'bad_request', message: `The tunnel speaks ${WEBSOCKET_PROTOCOL}; update the agent or the gateway` };
    return undefined;
  }

  /** Answers with 101. A request that is no right one is answered with 4xx, and `take` is not called. */
  open(request: IncomingMessage, socket: Duplex, head: Buffer, take: (bytes: Duplex) => void): void {
    this.#server.handleUpgrade(request, socket, head, (websocket) => take(new WebSocketBytes(websocket)));
  }
}

/** Answers a request for an upgrade with a no, and hangs up. */
export function refuseUpgrade(socket: Duplex, refusal: { readonly status: number; readonly code: string; readonly message: string }): void {
  const { status, code, message } = refusal;
  const body = JSON.stringify({ code, message });
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Refused'}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'x-content-type-options: nosniff',
    'connection: close',
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

const REASONS: Readonly<Record<number, string>> = { 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' };
