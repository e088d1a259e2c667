import type { IncomingMessage } from 'node:http';
import { type Duplex, PassThrough } from 'node:stream';
import type { Channels } from './remote-command.ts';
import { SpdyConnection, type SpdyStream } from './spdy.ts';

export const SPDY = 'SPDY/3.1';

const VERSIONS = ['v4.channel.k8s.io', 'portforward.k8s.io'];

/** Agrees to a client's wish for SPDY, in the first version that both know. */
export function acceptSpdy(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const offered = (request.headers['x-stream-protocol-version'] ?? '').toString();
  const version = VERSIONS.find((each) => offered.includes(each)) ?? '';
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${SPDY}\r\nX-Stream-Protocol-Version: ${version}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
}

/** What a client of exec and attach wants to open beside the channel of its end. */
export interface Wanted {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** The streams that a client of exec opens one by one, once all are there. */
export function gatherChannels(socket: Duplex, { tty, ...asked }: Wanted, run: (channels: Channels) => void): void {
  const names = Object.entries(asked).flatMap(([name, wanted]) => (wanted ? [name] : []));
  const missing = new Set(['error', ...names, ...(tty ? ['resize'] : [])]);
  const streams = new Map<string, SpdyStream>();
  const connection = new SpdyConnection(socket, (stream) => {
    const type = stream.headers.get('streamtype') ?? '';
    streams.set(type, stream);
    if (!missing.delete(type) || missing.size > 0) return;
    const status = (text: object): void => {
      streams.get('stdout')?.end();
      streams.get('stderr')?.end();
      streams.get('error')?.end(JSON.stringify(text), () => connection.end());
    };
    const said = streams.get('stdin');
    const stdin = said?.pipe(new PassThrough());
    said?.once('close', () => stdin?.end());
    run({ stdin, stdout: streams.get('stdout'), stderr: streams.get('stderr'), resize: streams.get('resize'), status });
  });
}
