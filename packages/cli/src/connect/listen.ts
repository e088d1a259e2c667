import { createServer, type Server, type Socket } from 'node:net';
import { EXIT } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';

/** Only this machine: whoever reaches the port acts as the user who is logged in. */
export const LOCAL_HOST = '127.0.0.1';

/** Neighbours of the usual port that are tried before the system picks any. */
const NEIGHBOURS_MAX = 20;

export interface LocalListener {
  readonly server: Server;
  readonly port: number;
  /** The usual port was taken, so this is another one. */
  readonly moved: boolean;
}

/**
 * Listens on this machine. A port that was asked for is taken or the command fails;
 * the usual one of a protocol gives way to the next free one.
 * @throws Failure `port_taken`
 */
export async function listenLocally(asked: number | undefined, usual: number, onSocket: (socket: Socket) => void): Promise<LocalListener> {
  if (asked !== undefined) {
    const server = await tryPort(asked, onSocket);
    if (server) return { server, port: portOf(server), moved: false };
    throw new Failure('port_taken', `Port ${asked} is taken or not allowed. Leave --port out for a free one, or choose another`, {
      exitCode: EXIT.failed,
    });
  }
  const ports = [...Array.from({ length: NEIGHBOURS_MAX }, (_, step) => usual + step), 0];
  for (const port of ports) {
    const server = await tryPort(port, onSocket);
    if (server) return { server, port: portOf(server), moved: portOf(server) !== usual };
  }
  throw new Failure('port_taken', `No port of ${LOCAL_HOST} is free`);
}

/** `--port` as a number. @throws Failure when it is none. */
export function portOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw usage(`--port "${text}" is no port. Give a number from 1 to 65535`);
  return port;
}

function tryPort(port: number, onSocket: (socket: Socket) => void): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    // A client may send its last words and half-close; the answer must still reach it.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, onSocket);
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen({ host: LOCAL_HOST, port, exclusive: true }, () => {
      server.removeAllListeners('error');
      resolve(server);
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
