import http2, { type ServerHttp2Session } from 'node:http2';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { AgentHello, FRAME_KINDS, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { asAppError, PeerFault, Refusal } from '@hoop/core/errors';
import { HANDSHAKE_MS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import { CarriedAgentLink, type DialBacks } from './agent-link.ts';
import {
  type Carrier,
  type IncomingStream,
  STATUS_INTERNAL,
  STATUS_NOT_FOUND,
  STATUS_UNAUTHENTICATED,
  STATUS_UNIMPLEMENTED,
  type StreamRequest,
} from './carrier.ts';
import { parseMessage, sendControl } from './control.ts';
import { incomingH2 } from './h2-carrier.ts';
import type { AgentLink } from './link.ts';
import { MUX_ALPN, MUX_PREFACE, MuxCarrier } from './mux.ts';
import { H2_SESSION_MEMORY_MIB, H2_SETTINGS, tend } from './settings.ts';
import type { FrameStream } from './stream.ts';

export interface TunnelServerOptions {
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** Who may speak without TLS: agents and users on this machine only, or anyone. */
  readonly plaintext: 'loopback' | 'anyone';
  readonly log: Log;
  /** Checks an agent's whole key. @throws Refusal */
  authenticateAgent(key: string): Promise<{ agentId: string; name: string }>;
  onAgent(link: AgentLink): void;
  /** An agent tells again what it sent before its last link broke. */
  onReplay?(agentId: string, stream: FrameStream): void;
  /** A user's stream; it has proven nothing yet. */
  onClient(stream: FrameStream, request: ClientRequest): void;
}

export interface ClientRequest {
  readonly token: string;
  readonly connection: string;
  readonly peer: string;
}

/** The gateway's end of the tunnel: one port for agents and for users, TLS or not, told apart by what they say first. */
export class TunnelServer {
  readonly #options: TunnelServerOptions;
  readonly #server: net.Server;
  readonly #tls: tls.Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #dialBacks: DialBacks = new Map();
  /** Whose carrier it is, once an agent's key was checked on it. */
  readonly #agents = new WeakMap<Carrier, string>();

  constructor(options: TunnelServerOptions) {
    this.#options = options;
    this.#server = net.createServer((socket) => this.#sniff(socket));
    if (!options.tls) return;
    this.#tls = tls.createServer({ ...options.tls, minVersion: 'TLSv1.2', ALPNProtocols: [MUX_ALPN, 'h2'] }, (socket) => {
      if (socket.alpnProtocol === MUX_ALPN) this.#serveMux(socket);
      else this.#serveH2(socket);
    });
    this.#tls.on('tlsClientError', (error) => options.log.debug({ err: error }, 'A tunnel peer failed its TLS handshake'));
  }

  /** @returns the port, for `port` 0. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as net.AddressInfo).port);
      });
    });
  }

  /** No new links; those that are open stay. */
  stopAccepting(): void {
    this.#server.close();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #sniff(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS_MAX);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      clearTimeout(timer);
    });
    socket.once('data', (first: Buffer) => {
      clearTimeout(timer);
      socket.pause();
      const isTls = first[0] === TLS_HANDSHAKE;
      const allowed = isTls ? this.#tls !== undefined : this.#options.plaintext === 'anyone' || isLoopback(socket.remoteAddress);
      if (!allowed) {
        this.#options.log.warn(
          { peer: socket.remoteAddress, tls: isTls },
          'A tunnel peer was refused: TLS is required from other machines',
        );
        socket.destroy();
        return;
      }
      socket.unshift(first);
      if (isTls) this.#tls?.emit('connection', socket);
      else if (first[0] === MUX_PREFACE[0]) this.#serveMux(socket);
      else this.#serveH2(socket);
    });
  }

  #serveMux(socket: Socket): void {
    const carrier: MuxCarrier = new MuxCarrier({ socket, dialled: false, onStream: (incoming) => this.#onStream(carrier, incoming) });
  }

  #serveH2(socket: Socket): void {
    const session = http2.performServerHandshake(socket, { settings: H2_SETTINGS, maxSessionMemory: H2_SESSION_MEMORY_MIB });
    session.on('error', (error) => this.#options.log.debug({ err: error }, 'A tunnel link failed'));
    tend(session);
    const carrier = new H2ServerCarrier(session);
    session.on('stream', (stream, headers) => this.#onStream(carrier, incomingH2(stream, headers)));
  }

  #onStream(carrier: Carrier, incoming: IncomingStream): void {
    if (incoming.path === TUNNEL_PATHS.control) void this.#onControl(carrier, incoming);
    else if (incoming.path === TUNNEL_PATHS.session) this.#onDialledBack(carrier, incoming);
    else if (incoming.path === TUNNEL_PATHS.replay) this.#onReplay(carrier, incoming);
    else if (incoming.path === TUNNEL_PATHS.client) {
      const { headers } = incoming;
      this.#options.onClient(incoming.accept(), {
        token: bearer(headers),
        connection: headers['hoop-connection'] ?? '',
        peer: carrier.peer,
      });
    } else incoming.refuse(STATUS_UNIMPLEMENTED, 'Unknown path');
  }

  async #onControl(carrier: Carrier, incoming: IncomingStream): Promise<void> {
    let identity: { agentId: string; name: string };
    try {
      identity = await this.#options.authenticateAgent(bearer(incoming.headers));
    } catch (error) {
      const fault = asAppError(error);
      this.#options.log.info({ code: fault.code, peer: carrier.peer }, 'An agent was refused');
      incoming.refuse(fault instanceof Refusal ? STATUS_UNAUTHENTICATED : STATUS_INTERNAL, fault.message);
      return;
    }
    this.#agents.set(carrier, identity.agentId);
    try {
      const stream = incoming.accept();
      const hello = await firstHello(stream, () => carrier.close());
      const link = new CarriedAgentLink({ ...identity, hello, carrier, control: stream, dialBacks: this.#dialBacks });
      sendControl(stream, { type: 'welcome', agent: identity.agentId, name: identity.name });
      this.#options.onAgent(link);
    } catch (error) {
      this.#options.log.info({ code: asAppError(error).code, peer: carrier.peer }, 'An agent left before it was welcome');
      carrier.close();
    }
  }

  #onReplay(carrier: Carrier, incoming: IncomingStream): void {
    const agentId = this.#agents.get(carrier);
    if (agentId === undefined || !this.#options.onReplay) incoming.refuse(STATUS_UNIMPLEMENTED, 'Nothing is replayed here');
    else this.#options.onReplay(agentId, incoming.accept());
  }

  #onDialledBack(carrier: Carrier, incoming: IncomingStream): void {
    const id = incoming.headers['hoop-stream'] ?? '';
    const awaited = this.#dialBacks.get(id);
    // The id is unguessable, and still only the link that was asked may answer.
    if (!awaited || awaited.carrier !== carrier) {
      incoming.refuse(STATUS_NOT_FOUND, 'Nobody waits for this stream');
      return;
    }
    this.#dialBacks.delete(id);
    awaited.take(incoming.accept());
  }
}

/** The answering side of HTTP/2: it cannot open streams, so the agent is asked to. */
class H2ServerCarrier implements Carrier {
  readonly peer: string;
  readonly canOpen = false;
  readonly closed: Promise<void>;
  readonly #session: ServerHttp2Session;

  constructor(session: ServerHttp2Session) {
    this.#session = session;
    this.peer = `${session.socket.remoteAddress ?? 'unknown'}:${session.socket.remotePort ?? 0}`;
    this.closed = new Promise((resolve) => session.once('close', () => resolve()));
  }

  open(_request: StreamRequest): Promise<FrameStream> {
    return Promise.reject(new PeerFault('cannot_open', 'Streams are opened by the side that dialled'));
  }

  close(): void {
    this.#session.destroy();
  }
}

function firstHello(stream: FrameStream, onOver: () => void): Promise<AgentHello> {
  return new Promise((resolve, reject) => {
    let said = false;
    const over = (): void => {
      if (said) onOver();
      else reject(new PeerFault('agent_left', 'The agent left before it said hello'));
    };
    stream.receive({
      data: () => undefined,
      message: (kind, payload) => {
        if (kind !== FRAME_KINDS.control || said) return;
        said = true;
        try {
          resolve(parseMessage(AgentHello, payload));
        } catch (error) {
          reject(error);
        }
      },
      ended: over,
      broken: over,
    });
  });
}

const TLS_HANDSHAKE = 0x16;

function bearer(headers: Readonly<Record<string, string>>): string {
  return (headers.authorization ?? '').replace(/^Bearer\s+/i, '');
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || (address ?? '').replace('::ffff:', '').startsWith('127.');
}
