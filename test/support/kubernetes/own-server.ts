import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { ownCertificate } from './certificate.ts';

/** A server of HTTPS on a port that the system gives, with a certificate of its own. */
export interface OwnServer {
  readonly server: https.Server;
  readonly port: number;
  /** PEM; it is its own authority. */
  readonly cert: string;
  /** Ends its connections too. */
  close(): void;
}

export async function listen(name: string): Promise<OwnServer> {
  const { key, cert } = await ownCertificate(name);
  const server = https.createServer({ key, cert });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { server, port: (server.address() as AddressInfo).port, cert, close };
}
