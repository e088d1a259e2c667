import net from 'node:net';
import type { Duplex } from 'node:stream';
import { SpdyConnection, type SpdyStream } from './spdy.ts';

/** Two streams for each connection: one that carries it, one for what went wrong. The pod's ports are those of this machine. */
export function forwardPorts(bytes: Duplex): void {
  const errors = new Map<string, SpdyStream>();
  new SpdyConnection(bytes, (stream) => {
    const request = stream.headers.get('requestid') ?? '';
    if (stream.headers.get('streamtype') === 'error') {
      errors.set(request, stream);
      return;
    }
    const error = errors.get(request);
    const socket = net.connect({ port: Number(stream.headers.get('port')), host: '127.0.0.1', allowHalfOpen: true });
    socket.once('error', ({ message }) => {
      error?.end(message);
      stream.end();
    });
    socket.once('close', () => error?.end());
    // A client that is gone says no end of its streams: then nobody is left to take what is under way.
    stream.once('close', () => (stream.readableEnded ? socket.destroySoon() : socket.destroy()));
    stream.pipe(socket).pipe(stream);
  });
}
