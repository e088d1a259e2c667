import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Ask, Served } from './ask.ts';
import { pairsOf, toRecord } from './headers.ts';
import { EXCHANGES_MAX, HEADER_BYTES_MAX, HEADERS_MAX, UNWANTED_BODY_MS_MAX, WINDOW_BYTES } from './limits.ts';
import type { HeaderList } from './message.ts';

/** Streams that a client may give up at once in a second before it is taken for an attack (CVE-2023-44487). */
const RESETS_PER_SECOND_MAX = 200;

/** Serves HTTP/2 on one connection. */
export function serveH2(stream: Duplex, onAsk: (ask: Ask) => void): Served {
  const session = http2.performServerHandshake(stream, {
    settings: {
      initialWindowSize: WINDOW_BYTES,
      maxConcurrentStreams: EXCHANGES_MAX,
      maxHeaderListSize: HEADER_BYTES_MAX,
      enablePush: false,
    },
    maxSessionInvalidFrames: 100,
    maxHeaderListPairs: HEADERS_MAX,
  });
  let resets = 0;
  let since_ms = performance.now();
  session.on('error', () => session.destroy());
  session.on('stream', (h2, headers, flags, rawHeaders) => {
    h2.on('error', () => undefined);
    h2.once('aborted', () => {
      const now_ms = performance.now();
      if (now_ms - since_ms > 1_000) {
        since_ms = now_ms;
        resets = 0;
      }
      if (++resets > RESETS_PER_SECOND_MAX) session.destroy();
    });
    // A client may give a request up in the packet in which it makes it: nothing can be said to it.
    if (h2.destroyed || h2.closed) return;
    if (headers[':method'] === 'CONNECT') {
      h2.respond({ ':status': 405 }, { endStream: true });
      return;
    }
    // Node does so by itself for HTTP/1.1 only.
    if (/^100-continue$/i.test(headers.expect ?? '')) h2.additionalHeaders({ ':status': 100 });
    onAsk(askOf(h2, headers, pairsOf(rawHeaders as unknown as string[]), (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0));
  });
  endWithClient(session, stream);
  const close = (): void => {
    if (session.destroyed) return;
    const timer = setTimeout(() => session.destroy(), UNWANTED_BODY_MS_MAX);
    session.close(() => clearTimeout(timer));
  };
  return { close };
}

/** Behind a client's GOAWAY Node may read no more, and then never hears that the client has left. */
function endWithClient(session: ServerHttp2Session, stream: Duplex): void {
  let isGone = false;
  const look = (): void => {
    if (!isGone || !session.closed) return;
    session.destroy();
    // A session that was closing only ends its side.
    stream.destroy();
  };
  stream.once('gone', () => {
    isGone = true;
    look();
  });
  // It is closed after this was told.
  session.on('goaway', () => void setImmediate(look));
}

function askOf(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders & { ':method'?: string; ':path'?: string },
  raw: HeaderList,
  bodiless: boolean,
): Ask {
  const host = raw.find(([name]) => name === ':authority')?.[1] ?? raw.find(([name]) => name === 'host')?.[1] ?? '';
  const plain = raw.filter(([name]) => !name.startsWith(':') && name !== 'host');
  const length = headers['content-length'];
  return {
    method: headers[':method'] ?? 'GET',
    path: headers[':path'] ?? '/',
    headers: [['host', host], ...plain],
    bodyKind: bodiless ? 'none' : length === undefined ? 'stream' : 'length',
    upgrade: undefined,
    body: stream,
    answer: ({ status, headers: answered }) => {
      // Who gave it up hears nothing more, and while nobody reads the rest of its body it would not be gone either.
      if (stream.closed) stream.destroy();
      else if (!stream.headersSent && !stream.destroyed) stream.respond({ ':status': status, ...toRecord(answered) });
      return stream;
    },
    onGone: (listener) => void stream.once('close', listener),
    // Closing it would say first that the answer is complete.
    abort: () => void stream.destroy(new Error('There is no whole answer')),
  };
}
