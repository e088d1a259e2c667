import { once } from 'node:events';
import net from 'node:net';
import { type FrameKind, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import type { AppError } from '@hoop/core/errors';
import { Refusal } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { testCertificate } from '@hoop/core/testing/certificate';
import { TunnelClient, type TunnelTls } from '../client.ts';
import { memoryStreams } from '../memory.ts';
import { MUX_ALPN } from '../mux.ts';
import { type ClientRequest, TunnelServer, type TunnelServerOptions } from '../server.ts';
import type { FrameStream, StreamHandler } from '../stream.ts';

export type Transport = 'memory' | 'own, over TLS' | 'HTTP/2, over TLS' | 'own, in plain text' | 'HTTP/2, in plain text';

export const TRANSPORTS: readonly Transport[] = ['memory', 'own, over TLS', 'HTTP/2, over TLS', 'own, in plain text'];

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
    onClient: (stream) => opened.shift()?.(stream),
  });
  const port = await server.listen('127.0.0.1', 0);
  const relay = await CuttableRelay.start(port);
  const alpn = transport.startsWith('HTTP/2') ? ['h2'] : [MUX_ALPN];
  const tls: TunnelTls | undefined = transport.endsWith('TLS') ? { skipVerify: true } : undefined;
  const client = await TunnelClient.dial({ host: '127.0.0.1', port: relay.port, tls, alpn });
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

/** Stands between two processes; can go silent, and can cut what goes through it. */
export class CuttableRelay {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
  }

  static async start(target_port: number): Promise<CuttableRelay> {
    const server = net.createServer({ noDelay: true });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const relay = new CuttableRelay(server);
    server.on('connection', (near) => {
      const far = net.connect({ host: '127.0.0.1', port: target_port, noDelay: true });
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        relay.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.once('close', () => {
          relay.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    return relay;
  }

  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Ends every connection as a cable that is pulled does, once somebody notices. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** From now on nothing passes, and nobody is told. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
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
