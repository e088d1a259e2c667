import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Ask, Served } from './ask.ts';
import { only, pairsOf } from './headers.ts';
import { HEADER_BYTES_MAX, KEEP_ALIVE_MS, UNWANTED_BODY_MS_MAX } from './limits.ts';
import type { AnswerHead, HeaderList } from './message.ts';

/** Serves HTTP/1.1 on one connection. Node's parser is the strict one: both lengths at once, folded lines and bare line feeds are errors. */
export function serveH1(stream: Duplex, onAsk: (ask: Ask) => void): Served {
  const options = {
    maxHeaderSize: HEADER_BYTES_MAX,
    insecureHTTPParser: false,
    requireHostHeader: true,
    joinDuplicateHeaders: false,
    // What clients are told, a little less than what is kept: a request must not meet the end of its connection.
    keepAliveTimeout: KEEP_ALIVE_MS - 5_000,
    shouldUpgradeCallback: mayUpgrade,
  };
  const server: Server = createServer(options);
  // None is dropped in silence: too many are refused.
  server.maxHeadersCount = 0;
  const open = new Set<ServerResponse>();
  let closing = false;
  const endStream = (): void => {
    stream.once('finish', () => letFinish(stream));
    stream.end();
  };
  server.on('request', (request, response) => {
    open.add(response);
    response.once('close', () => {
      open.delete(response);
      if (closing && open.size === 0) endStream();
    });
    // Node's parser forgets what it has read already behind one that asked for another protocol.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    const wrong = faultOf(request);
    if (wrong === undefined) onAsk(plainAsk(request, response));
    else response.writeHead(400, { connection: 'close', 'content-type': 'text/plain; charset=utf-8' }).end(`${wrong}\n`);
  });
  server.on('upgrade', (request, socket, head) => {
    const wrong = faultOf(request);
    if (head.length > 0) socket.unshift(head);
    // An answer that is still owed would come in the middle of what is spoken then.
    if (open.size > 0) socket.destroy();
    else if (wrong === undefined) onAsk(upgradeAsk(request, socket));
    else endWith(socket, `HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: ${wrong.length + 1}\r\n\r\n${wrong}\n`);
  });
  server.on('connect', (_request, socket) => {
    endWith(socket, 'HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    const words = status.startsWith('431') ? 'The headers are too long\n' : 'This is not spoken here, or not well: HTTP is\n';
    if (socket.writable) endWith(socket, `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: ${words.length}\r\n\r\n${words}`);
    else socket.destroy();
  });
  server.emit('connection', stream);
  const close = (): void => {
    closing = true;
    if (open.size === 0) endStream();
  };
  return { close };
}

/** What would be more requests, which nobody would judge: HTTP/2 in clear text, and TLS in which HTTP goes on. */
const HTTP_AGAIN = /(^|,)\s*(h2c|http|tls)\b/i;

/**
 * Whether a request that asks for another protocol is passed on as such. Else it is one as any other, as for a server that does not know the
 * protocol: Java's client asks for HTTP/2 with whatever it sends first, and has a body there that must not get lost.
 */
function mayUpgrade({ headers }: IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
  return !hasBody && !HTTP_AGAIN.test(headers.upgrade ?? '');
}

/** What Node's parser lets pass and others read in another way. */
function faultOf(request: IncomingMessage): string | undefined {
  const headers = pairsOf(request.rawHeaders);
  if (!request.url?.startsWith('/') && !(request.method === 'OPTIONS' && request.url === '*')) return 'The request target must be a path';
  if (only(headers, 'host') === undefined) return 'There must be one Host header';
  const coding = headers.filter(([name]) => name === 'transfer-encoding');
  const length = headers.filter(([name]) => name === 'content-length');
  if (length.length > 1 || coding.length > 1 || (length.length > 0 && coding.length > 0)) return 'The length of the body is not clear';
  if (coding.length === 1 && coding[0]?.[1].trim().toLowerCase() !== 'chunked') return 'The only transfer coding is chunked';
  return undefined;
}

function common(request: IncomingMessage): Pick<Ask, 'method' | 'path' | 'headers' | 'bodyKind'> {
  const headers: HeaderList = pairsOf(request.rawHeaders);
  const length = only(headers, 'content-length');
  const hasCoding = headers.some(([name]) => name === 'transfer-encoding');
  return {
    method: request.method ?? 'GET',
    path: request.url === '*' ? '/*' : (request.url ?? '/'),
    headers,
    bodyKind: hasCoding ? 'stream' : length !== undefined && length !== '0' ? 'length' : 'none',
  };
}

function plainAsk(request: IncomingMessage, response: ServerResponse): Ask {
  response.once('finish', () => {
    if (request.complete) return;
    request.unpipe();
    request.resume();
    const timer = setTimeout(() => request.socket.destroy(), UNWANTED_BODY_MS_MAX);
    request.once('close', () => clearTimeout(timer));
  });
  return {
    ...common(request),
    upgrade: undefined,
    body: request,
    answer: ({ status, headers }) => {
      response.writeHead(status, headers.flat());
      // What follows may take its time, as with events, and the client waits for the head.
      setImmediate(() => {
        if (!response.writableEnded) response.flushHeaders();
      });
      return response;
    },
    onGone: (listener) => void response.once('close', listener),
    abort: () => request.socket.destroy(),
  };
}

/** Says the last of a connection, and lets the client finish what it is saying: else it would not hear it. */
function endWith(socket: Duplex, text: string): void {
  socket.end(text);
  letFinish(socket);
}

function letFinish(socket: Duplex): void {
  socket.on('error', () => undefined);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), UNWANTED_BODY_MS_MAX);
  socket.once('close', () => clearTimeout(timer));
}

function upgradeAsk(request: IncomingMessage, socket: Duplex): Ask {
  let answered = false;
  socket.on('error', () => undefined);
  // Nobody reads it until it is answered, so nobody would meet its end.
  socket.once('gone', () => {
    if (!answered) socket.destroy();
  });
  return {
    ...common(request),
    bodyKind: 'none',
    upgrade: request.headers.upgrade ?? '',
    body: socket,
    answer: (head) => {
      answered = true;
      socket.write(headText(head));
      if (head.status !== 101) socket.once('finish', () => letFinish(socket));
      return socket;
    },
    onGone: (listener) => void socket.once('close', listener),
    abort: () => socket.destroy(),
  };
}

/** After an upgrade there is no response object: the head is written by hand. Whatever is not an upgrade is the last answer of its connection. */
function headText({ status, headers }: AnswerHead): string {
  const lines = headers.filter(([name]) => status === 101 || name !== 'connection').map(([name, value]) => `${name}: ${value}\r\n`);
  const last = status === 101 ? '' : 'connection: close\r\n';
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}${last}\r\n`;
}
