import type { IncomingMessage } from 'node:http';
import { type Duplex, PassThrough, Writable } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { Channels } from './remote-command.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const RESIZE = 4;
/** The channel in which version 5 says that another one is at its end. */
const CLOSE = 255;

const VERSIONS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
export const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

/** What the library takes it for: a name with a slash is none, it says, but Kubernetes uses one. */
const STAND_IN = 'tunnel';

const server = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => (offered.has(STAND_IN) ? TUNNEL : (VERSIONS.find((each) => offered.has(each)) ?? false)),
});

export function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, take: (socket: WebSocket) => void): void {
  if (request.headers['sec-websocket-protocol'] === TUNNEL) request.headers['sec-websocket-protocol'] = STAND_IN;
  server.handleUpgrade(request, socket, head, take);
}

/** The bytes of SPDY that a client sends inside of a WebSocket. */
export function tunnelled(socket: WebSocket): Duplex {
  return createWebSocketStream(socket);
}

/** The channels of a WebSocket: the first byte of each message says which one it is for. */
export function channelsOf(socket: WebSocket): Channels {
  const stdin = new PassThrough();
  const resize = new PassThrough();
  const out = (channel: number): Writable =>
    new Writable({ write: (piece: Buffer, _encoding, done) => socket.send(Buffer.concat([Buffer.from([channel]), piece]), () => done()) });
  socket.on('error', () => undefined);
  socket.on('message', (message: Buffer) => {
    const piece = message.subarray(1);
    if (message[0] === STDIN) stdin.write(piece);
    else if (message[0] === RESIZE) resize.write(piece);
    else if (message[0] === CLOSE && piece[0] === STDIN) stdin.end();
  });
  socket.once('close', () => stdin.end());
  return {
    stdin,
    resize,
    stdout: out(STDOUT),
    stderr: out(STDERR),
    status: (status) => {
      socket.send(Buffer.concat([Buffer.from([STATUS]), Buffer.from(JSON.stringify(status))]));
      socket.close(1000);
    },
  };
}
