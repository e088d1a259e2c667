import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type Socket } from 'node:net';
import type { SessionAction } from '@hoop/contract/routes/sessions';
import { TunnelClient } from '@hoop/tunnel/client';
import { LocalPort } from '../../support/local-port.ts';
import type { Kind, Policy } from '../../support/office.ts';
import { System } from '../../support/system.ts';

export const HTTP: Kind = { type: 'application', subtype: 'httpproxy' };

/** A way to a target as `hoop connect` opens it. */
export interface Way {
  readonly connection: string;
  readonly url: string;
  readonly port: number;
}

/** A system, and targets that are made up for a test. */
export class HttpLab {
  readonly system: System;
  readonly #tunnel: TunnelClient;
  readonly #open: { close(): void }[] = [];

  private constructor(system: System, tunnel: TunnelClient) {
    this.system = system;
    this.#tunnel = tunnel;
  }

  static async start(): Promise<HttpLab> {
    const system = await System.start({ agent: 'tunnel' });
    const { host, port } = system.gateway.addresses.tunnel;
    return new HttpLab(system, await TunnelClient.dial({ host, port, tls: { skipVerify: true } }));
  }

  /** A target that does something with each request. */
  async target(serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<http.Server & { port: number }> {
    const server = http.createServer({ keepAliveTimeout: 0 }, serve);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    this.#open.push({ close: () => server.close().closeAllConnections() });
    // The server lets go of those that are upgraded.
    server.on('connection', (socket) => this.#open.push({ close: () => socket.destroy() }));
    return Object.assign(server, { port: (server.address() as net.AddressInfo).port });
  }

  /** A target that speaks by hand: it is called with each connection's first bytes. */
  async rawTarget(serve: (socket: Socket, request: string) => void): Promise<number> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#open.push({ close: () => socket.destroy() });
      socket.on('error', () => undefined);
      socket.once('data', (bytes) => serve(socket, bytes.toString('latin1')));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    this.#open.push(server);
    return (server.address() as net.AddressInfo).port;
  }

  async wayTo(port: number, more: Readonly<Record<string, string>> = {}, policy?: Policy): Promise<Way> {
    return this.open(await this.system.connection({ REMOTE_URL: `http://127.0.0.1:${port}`, ...more }, policy, HTTP));
  }

  /** A local port to a connection, as `hoop connect` opens it. */
  async open(connection: string): Promise<Way> {
    const local = await LocalPort.open(this.#tunnel, connection, this.system.office.token);
    this.#open.push(local);
    return { connection, url: `http://127.0.0.1:${local.port}`, port: local.port };
  }

  dial(port: number): Socket {
    const socket = net.connect(port, '127.0.0.1').on('error', () => undefined);
    this.#open.push({ close: () => socket.destroy() });
    return socket;
  }

  /** Everything that a connection did, as the audit has it now. */
  async actions(connection: string): Promise<SessionAction[]> {
    const sessions = await this.system.office.sessions(connection);
    return (await Promise.all(sessions.map(({ id }) => this.system.office.actions(id)))).flat();
  }

  tidyUp(): void {
    for (const each of this.#open.splice(0)) each.close();
  }

  async close(): Promise<void> {
    this.tidyUp();
    this.#tunnel.close();
    await this.system.close();
  }
}

/** Everything that is heard until the connection closes. */
export async function heardUntilClose(socket: Socket): Promise<string> {
  let heard = '';
  for await (const chunk of socket.setEncoding('latin1')) heard += chunk;
  return heard;
}

export async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
