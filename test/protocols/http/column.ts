import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Column, Target, Texts } from '../column.ts';
import type { Place, TargetPlace } from '../place.ts';
import { http1 } from './drivers/http1.ts';
import { secureHttp2 } from './drivers/http2.ts';
import { bodyOf, HTTP, heardUntilClose } from './lab.ts';

const texts: Texts = {
  answer: (word) => `POST /answer\n\n${word}`,
  answerLate: (word, delay_ms) => `POST /answer?delay=${delay_ms}\n\n${word}`,
  rows: (count, bytes = 8) => `GET /rows/${count}/${bytes}`,
  endless: () => 'GET /endless',
  mark: (word) => `POST /marks\n\n${word}`,
  failing: { text: 'GET /nowhere-at-all', words: 'nowhere-at-all is not here' },
  change: (rows) => `PUT /numbers\n\n${rows}`,
};

const TOKEN = 'Bearer of-the-target';

/** A service with one token, on a port of its own. */
class HttpPlace implements TargetPlace {
  readonly settings: Record<string, string>;
  readonly quickest: Record<string, string>;
  readonly wrongPassword: Record<string, string>;
  readonly #server: http.Server;
  readonly #marks: string[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(server: http.Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.settings = { REMOTE_URL: url, HEADER_AUTHORIZATION: TOKEN };
    this.quickest = this.settings;
    this.wrongPassword = { REMOTE_URL: url, HEADER_AUTHORIZATION: 'Bearer not-the-token' };
  }

  static async start(): Promise<HttpPlace> {
    const server = http.createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new HttpPlace(server);
  }

  async marks(): Promise<string[]> {
    return this.#marks;
  }

  async sessions(): Promise<number> {
    return this.#sockets.size;
  }

  close(): void {
    this.#server.close().closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = (await bodyOf(request)).toString();
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://here');
    response.setHeader('content-type', 'text/plain');
    if (request.headers.authorization !== TOKEN) return void response.writeHead(401).end('Who are you?\n');
    const [, what, count = '', bytes = ''] = pathname.split('/');
    if (what === 'rows') return sendLines(response, Number(count), Number(bytes));
    if (what === 'endless') return;
    if (what === 'answer') {
      await pause(Number(searchParams.get('delay') ?? 0));
      response.end(`${body}\n`);
    } else if (what === 'marks') {
      this.#marks.push(body);
      response.end();
    } else if (what === 'numbers' || what === '') response.end();
    else response.writeHead(404).end(`${what} is not here\n`);
  }
}

/** So many lines, as fast as they are taken. */
function sendLines(response: ServerResponse, count: number, bytes: number): void {
  const line = `${'x'.repeat(bytes)}\n`;
  const at_once = Math.max(1, Math.floor(65_536 / line.length));
  let left = count;
  const send = (): void => {
    while (left > 0 && !response.destroyed) {
      const lines = Math.min(left, at_once);
      left -= lines;
      if (!response.write(line.repeat(lines))) return void response.once('drain', send);
    }
    response.end();
  };
  send();
}

class HttpTarget implements Target {
  readonly #places: HttpPlace[] = [];

  async place(): Promise<TargetPlace> {
    const place = await HttpPlace.start();
    this.#places.push(place);
    return place;
  }

  nowhere(): Record<string, string> {
    // Port 1 is nobody's.
    return { REMOTE_URL: 'http://127.0.0.1:1' };
  }

  async close(): Promise<void> {
    for (const place of this.#places) place.close();
  }
}

async function heardAfter({ host, port }: Place, bytes: string): Promise<string> {
  const socket = net.connect(port, host);
  socket.write(bytes);
  return heardUntilClose(socket);
}

export const httpColumn: Column = {
  protocol: 'http',
  kind: HTTP,
  clients: [http1, secureHttp2],
  texts,
  counted: () => 0,
  startTarget: async () => new HttpTarget(),
  // What is too long is a request of its own, and is refused alone: see unusual.test.ts.
  breaks: { 'garbage before login': (place) => heardAfter(place, 'SSH-2.0-OpenSSH_9.2\r\n') },
  words: {
    'target down': /cannot be reached: connection refused/,
    'wrong target password': /Who are you\?/,
    'agent offline': /agent of this connection is offline/,
    'unknown secret': /secret is unknown or was revoked/,
    killed: /The session was ended by admin@example.test/,
    revoked: /The credential of this session was revoked/,
    expired: /secret has expired/,
    oversize: /too many headers/,
    cancelled: /given up/,
  },
};
