import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { type FrameKind, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import type { AppError } from '@hoop/core/errors';
import { Refusal } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { testCertificate } from '@hoop/core/testing/certificate';
import { type DialOptions, TunnelClient } from '../client.ts';
import { memoryStreams } from '../memory.ts';
import { MUX_ALPN } from '../mux.ts';
import { type ClientRequest, TunnelServer, type TunnelServerOptions } from '../server.ts';
import type { FrameStream, StreamHandler } from '../stream.ts';
import { WEBSOCKET_PATH } from '../websocket.ts';

export type Transport = 'memory' | Carried;

type Carried = 'own, over TLS' | 'HTTP/2, over TLS' | 'own, in plain text' | 'WebSocket, over TLS' | 'WebSocket, in plain text';

export const TRANSPORTS: readonly Transport[] = [
  'memory',
  'own, over TLS',
  'HTTP/2, over TLS',
  'own, in plain text',
  'WebSocket, over TLS',
  'WebSocket, in plain text',
];

/** How each is dialled. */
export const DIALS: Readonly<Record<Carried, Omit<DialOptions, 'host' | 'port'>>> = {
  'own, over TLS': { tls: { skipVerify: true }, alpn: [MUX_ALPN] },
  'HTTP/2, over TLS': { tls: { skipVerify: true }, alpn: ['h2'] },
  'own, in plain text': { tls: undefined },
  'WebSocket, over TLS': { tls: { skipVerify: true }, websocket: { path: WEBSOCKET_PATH } },
  'WebSocket, in plain text': { tls: undefined, websocket: { path: WEBSOCKET_PATH } },
};

/** A place where pairs of streams come from. */
export interface Link {
  /** Two ends of a new stream. */
  streams(): Promise<[near: FrameStream, far: FrameStream]>;
  /** Cuts the connection, where there is one. */
  cut?(): void;
  close(): void;
}

export async function openLink(transport: Transport): Promise<Link> {
  if (transport === 'memory') return { streams: async () => memoryStreams(), close: () => undefined };
  const opened: ((stream: FrameStream) => void)[] = [];
  const server = new TunnelServer({
    ...serverOptions(),
    onClient: (stream, request) => {
      request.proven();
      opened.shift()?.(stream);
    },
  });
  const dial = DIALS[transport];
  const port = dial.websocket ? await listenWebSocket(server, dial.tls !== undefined) : await server.listen('127.0.0.1', 0);
  const relay = await CuttableRelay.start(port);
  const client = await TunnelClient.dial({ host: '127.0.0.1', port: relay.port, ...dial });
  return {
    streams: async () => {
      const far = new Promise<FrameStream>((resolve) => opened.push(resolve));
      const near = await client.open(TUNNEL_PATHS.client, { authorization: 'Bearer x', 'hoop-connection': 'x' });
      return [near, await far];
    },
    cut: () => relay.cut(),
    close: () => {
      client.close();
      server.close();
      relay.close();
    },
  };
}

/** A server that knows one agent, by the key `good`. */
export function serverOptions(): TunnelServerOptions {
  return {
    tls: testCertificate(),
    plaintext: 'loopback',
    log: silentLog(),
    authenticateAgent: async (key) => {
      if (key === 'good') return { agentId: 'agent-1', name: 'one' };
      throw new Refusal('agent_key_invalid', 'The agent’s key is unknown: “größer”');
    },
    onAgent: () => undefined,
    onClient: (_stream: FrameStream, _request: ClientRequest) => undefined,
    onReplay: () => undefined,
  } as TunnelServerOptions;
}

/** An HTTP server as the API's, which takes WebSockets for the tunnel, and closes when the tunnel does. */
export async function listenWebSocket(tunnel: TunnelServer, secure: boolean, port = 0): Promise<number> {
  const server = secure ? https.createServer(testCertificate()) : http.createServer();
  server.on('upgrade', (request, socket, head) => {
    const { remoteAddress, remotePort } = request.socket;
    tunnel.upgrade(request, socket, head, { peer: `${remoteAddress}:${remotePort}`, isPrivate: true });
  });
  const close = tunnel.close.bind(tunnel);
  tunnel.close = () => {
    server.close();
    close();
  };
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return (server.address() as net.AddressInfo).port;
}

export type Direction = 'to the gateway' | 'to the agent';

/** Stands between two processes as a network does: what goes through it can be cut, or vanish without a word. */
export class CuttableRelay {
  readonly port: number;
  /** Where new connections lead to; a name may come to mean another machine. */
  target_port: number;
  /** Connections that were asked for so far. */
  dials = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #swallowed: readonly Direction[] = [];
  /** Bytes that came when nothing passed. */
  #lost = new Set<net.Socket>();

  private constructor(server: net.Server, target_port: number) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    this.target_port = target_port;
  }

  static async start(target_port: number): Promise<CuttableRelay> {
    const server = net.createServer({ noDelay: true });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const relay = new CuttableRelay(server, target_port);
    server.on('connection', (near) => relay.#connect(near));
    return relay;
  }

  get connections(): number {
    return this.#sockets.size / 2;
  }

  get hasLost(): boolean {
    return this.#lost.size > 0;
  }

  /** Ends every connection as a cable that is pulled does, once somebody notices. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** From now on nothing passes in these directions, also on new connections, and nobody is told. */
  swallow(...directions: readonly Direction[]): void {
    this.#swallowed = directions.length > 0 ? directions : ['to the gateway', 'to the agent'];
  }

  /** Everything passes again. A connection that lost something is reset: its numbers do not fit any more. */
  restore(): void {
    this.#swallowed = [];
    for (const socket of this.#lost) socket.resetAndDestroy();
    this.#lost.clear();
  }

  /** New connections pass again; those that lost something stay as they are, and nobody is told. */
  forget(): void {
    this.#swallowed = [];
    for (const socket of this.#lost) socket.removeAllListeners('data');
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(near: net.Socket): void {
    this.dials++;
    const far = net.connect({ host: '127.0.0.1', port: this.target_port, noDelay: true });
    this.#pass(near, far, 'to the gateway');
    this.#pass(far, near, 'to the agent');
  }

  #pass(from: net.Socket, to: net.Socket, direction: Direction): void {
    this.#sockets.add(from);
    from.on('error', () => undefined);
    from.once('close', () => {
      this.#sockets.delete(from);
      this.#lost.delete(from);
      // The end of a connection is told by packets as well.
      if (!this.#swallowed.includes(direction)) to.destroy();
      else this.#lost.add(to);
    });
    from.on('data', (chunk: Buffer) => {
      if (this.#swallowed.includes(direction)) this.#lost.add(from);
      else if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
  }
}

/** What one end of a stream has heard. */
export class Listener implements StreamHandler {
  data: (bytes: Buffer) => void | Promise<void> = (bytes) => {
    this.text += bytes.toString('latin1');
  };
  text = '';
  messages: string[] = [];
  hasEnded = false;
  error: AppError | undefined;
  onChange: () => void = () => undefined;

  message(kind: FrameKind, payload: Buffer): void {
    this.messages.push(`${kind} ${payload.toString('latin1')}`);
    this.onChange();
  }

  ended(): void {
    this.hasEnded = true;
    this.onChange();
  }

  broken(error: AppError): void {
    this.error = error;
    this.onChange();
  }
}

/** Waits until something holds, turn by turn. */
export async function eventually(what: string, holds: () => boolean, patience_ms = 10_000): Promise<void> {
  const deadline = performance.now() + patience_ms;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
