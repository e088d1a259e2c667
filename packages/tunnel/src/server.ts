import type { IncomingMessage } from 'node:http';
import http2 from 'node:http2';
import net, { type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { type AgentMessage, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { asAppError, Refusal } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { AgentControl } from './agent-control.ts';
import { CarriedAgentLink, type DialBacks } from './agent-link.ts';
import {
  type Carrier,
  type IncomingStream,
  STATUS_INTERNAL,
  STATUS_NOT_FOUND,
  STATUS_UNAUTHENTICATED,
  STATUS_UNIMPLEMENTED,
} from './carrier.ts';
import { sendControl } from './control.ts';
import { H2ServerCarrier, incomingH2 } from './h2-carrier.ts';
import type { AgentIdentity, AgentLink } from './link.ts';
import { MUX_ALPN, MUX_PREFACE, MuxCarrier } from './mux.ts';
import { H2_SESSION_MEMORY_MIB, H2_SETTINGS, type PulseLimits } from './settings.ts';
import { type StrangerLimits, Strangers } from './strangers.ts';
import type { FrameStream } from './stream.ts';
import { refuseUpgrade, WebSocketDoor } from './websocket.ts';

export interface TunnelServerOptions {
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** Who may speak without TLS: agents and users on this machine only, or anyone. */
  readonly plaintext: 'loopback' | 'anyone';
  readonly log: Log;
  /** Checks an agent's whole key. @throws Refusal */
  authenticateAgent(key: string): Promise<AgentIdentity>;
  onAgent(link: AgentLink): void;
  /** What an agent tells between its sessions. More than the named limits allow is dropped, and so is what cannot be read. */
  onMessage?(link: AgentLink, message: AgentMessage): void;
  /** An agent tells again what it sent before its last link broke. */
  onReplay?(agentId: string, stream: FrameStream): void;
  /** Checks the token of a user who proves who they are for the whole link. @throws Refusal */
  authenticateUser?(token: string): Promise<unknown>;
  /** A user's stream; it has proven nothing yet. */
  onClient(stream: FrameStream, request: ClientRequest): void;
  readonly pulse?: PulseLimits;
  readonly strangers?: StrangerLimits;
}

export interface ClientRequest {
  readonly token: string;
  readonly connection: string;
  /** `connect` or `exec`, as the client has it. */
  readonly verb: string;
  readonly peer: string;
  /** To be called when the token was found good: until then the link is held to what strangers may have. */
  proven(): void;
}

/** How a request for a WebSocket came to the API, where a proxy may stand in front. */
export interface UpgradeOrigin {
  /** The agent or user, as `address:port` or as far as it is known. */
  readonly peer: string;
  /** Whether nobody on the way could read along. */
  readonly isPrivate: boolean;
}

/** The gateway's end of the tunnel: one port for agents and for users, TLS or not, told apart by what they say first. */
export class TunnelServer {
  readonly #options: TunnelServerOptions;
  readonly #server: net.Server;
  readonly #tls: tls.Server | undefined;
  /** Connections in their TLS handshake, by their ends: Node.js does not tell which one a TLS socket stands on. */
  readonly #below = new Map<string, Socket>();
  readonly #sockets = new Set<Duplex>();
  readonly #strangers: Strangers;
  readonly #door = new WebSocketDoor();
  #isOpen = true;
  readonly #dialBacks: DialBacks = new Map();
  /** Whose carrier it is, once an agent's key was checked on it. */
  readonly #agents = new WeakMap<Carrier, string>();

  constructor(options: TunnelServerOptions) {
    this.#options = options;
    this.#strangers = new Strangers(options.strangers);
    this.#server = net.createServer((socket) => this.#sniff(socket));
    if (!options.tls) return;
    this.#tls = tls.createServer({ ...options.tls, minVersion: 'TLSv1.2', ALPNProtocols: [MUX_ALPN, 'h2'] }, (socket) => {
      const below = this.#below.get(fourTuple(socket)) ?? socket;
      if (socket.alpnProtocol === MUX_ALPN) this.#serveMux(socket, below);
      else this.#serveH2(socket, below);
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
    this.#isOpen = false;
    this.#server.close();
  }

  close(): void {
    this.stopAccepting();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes a request for a WebSocket, which came to another listener, or answers it with a no. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, from: UpgradeOrigin): void {
    const refusal = this.#refusalOf(request, from);
    if (refusal) {
      this.#options.log.info({ code: refusal.code, peer: from.peer }, 'A tunnel peer was refused');
      refuseUpgrade(socket, refusal);
      return;
    }
    if (!this.#hold(socket)) return;
    this.#door.open(request, socket, head, (bytes) => this.#serveMux(bytes, socket, from.peer));
  }

  #refusalOf(request: IncomingMessage, from: UpgradeOrigin) {
    if (!this.#isOpen) return { status: 503, code: 'draining', message: 'The gateway is going down; try again in a moment' };
    if (!from.isPrivate && this.#options.plaintext !== 'anyone') {
      const message = 'TLS is required from other machines; where a proxy ends TLS, its address belongs into TRUSTED_PROXIES';
      return { status: 403, code: 'tls_required', message };
    }
    return this.#door.faultOf(request);
  }

  /** Keeps account of a new connection; false when there are too many. */
  #hold(socket: Duplex): boolean {
    socket.on('error', () => socket.destroy());
    if (!this.#strangers.admit(socket)) {
      this.#options.log.warn('A tunnel peer was turned away: too many others have not proven who they are');
      return false;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return true;
  }

  #sniff(socket: Socket): void {
    if (!this.#hold(socket)) return;
    socket.setNoDelay(true);
    socket.once('data', (first: Buffer) => {
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
      if (isTls && this.#tls) this.#serveTls(this.#tls, socket);
      else if (first[0] === MUX_PREFACE[0]) this.#serveMux(socket, socket);
      else this.#serveH2(socket, socket);
    });
  }

  #serveTls(server: tls.Server, below: Socket): void {
    const name = fourTuple(below);
    this.#below.set(name, below);
    below.once('close', () => this.#below.delete(name));
    server.emit('connection', below);
  }

  /** @param below the connection that is held as a stranger's */
  #serveMux(bytes: Duplex, below: Duplex, peer?: string): void {
    const carrier: MuxCarrier = new MuxCarrier({
      socket: bytes,
      ...(peer === undefined ? {} : { peer }),
      dialled: false,
      stranger: true,
      pulse: this.#options.pulse,
      onStream: (incoming) => this.#onStream(carrier, incoming, below),
    });
  }

  #serveH2(socket: Socket, below: Duplex): void {
    const session = http2.performServerHandshake(socket, { settings: H2_SETTINGS, maxSessionMemory: H2_SESSION_MEMORY_MIB });
    session.on('error', (error) => this.#options.log.debug({ err: error }, 'A tunnel link failed'));
    const carrier = new H2ServerCarrier(session, socket, this.#options.pulse);
    session.on('stream', (stream, headers) => {
      const incoming = incomingH2(stream, headers);
      // A peer may give a stream up in the packet in which it opens it.
      if (carrier.admits() && !stream.destroyed && !stream.closed) this.#onStream(carrier, incoming, below);
    });
  }

  #trust(carrier: Carrier, below: Duplex): void {
    carrier.trust();
    this.#strangers.release(below);
  }

  #onStream(carrier: Carrier, incoming: IncomingStream, below: Duplex): void {
    const { path, headers } = incoming;
    if (path === TUNNEL_PATHS.control) void this.#onControl(carrier, incoming, below);
    else if (path === TUNNEL_PATHS.session) this.#onDialledBack(carrier, incoming);
    else if (path === TUNNEL_PATHS.replay) this.#onReplay(carrier, incoming);
    else if (path === TUNNEL_PATHS.user) void this.#onUser(carrier, incoming, below);
    else if (path === TUNNEL_PATHS.client) {
      this.#options.onClient(incoming.accept(), {
        token: bearer(headers),
        connection: headers['hoop-connection'] ?? '',
        verb: headers['hoop-verb'] ?? 'connect',
        peer: carrier.peer,
        proven: () => this.#trust(carrier, below),
      });
    } else incoming.refuse(STATUS_UNIMPLEMENTED, 'Unknown path');
  }

  async #onUser(carrier: Carrier, incoming: IncomingStream, below: Duplex): Promise<void> {
    if (!this.#options.authenticateUser) {
      incoming.refuse(STATUS_UNIMPLEMENTED, 'Users prove themselves with each stream here');
      return;
    }
    let stream: FrameStream;
    try {
      await this.#options.authenticateUser(bearer(incoming.headers));
      stream = incoming.accept();
    } catch (error) {
      this.#refuse(carrier, incoming, error, 'A user was refused');
      return;
    }
    this.#trust(carrier, below);
    stream.receive({ data: () => undefined, message: () => undefined, ended: () => undefined, broken: () => undefined });
    stream.end();
  }

  #refuse(carrier: Carrier, incoming: IncomingStream, error: unknown, what: string): void {
    const fault = asAppError(error);
    this.#options.log.info({ code: fault.code, peer: carrier.peer }, what);
    incoming.refuse(fault instanceof Refusal ? STATUS_UNAUTHENTICATED : STATUS_INTERNAL, fault.message, fault.code);
  }

  async #onControl(carrier: Carrier, incoming: IncomingStream, below: Duplex): Promise<void> {
    let identity: AgentIdentity;
    let stream: FrameStream;
    try {
      identity = await this.#options.authenticateAgent(bearer(incoming.headers));
      stream = incoming.accept();
    } catch (error) {
      this.#refuse(carrier, incoming, error, 'An agent was refused');
      return;
    }
    this.#agents.set(carrier, identity.agentId);
    try {
      const control = new AgentControl(stream, () => carrier.close());
      const hello = await control.hello;
      this.#trust(carrier, below);
      const link = new CarriedAgentLink({ ...identity, hello, carrier, control: stream, dialBacks: this.#dialBacks });
      const { onMessage } = this.#options;
      if (onMessage) control.receive((message) => onMessage(link, message));
      sendControl(stream, { type: 'welcome', agent: identity.agentId, name: identity.name });
      this.#options.onAgent(link);
    } catch (thrown) {
      const error = asAppError(thrown);
      this.#options.log.info({ code: error.code, peer: carrier.peer }, 'An agent left before it was welcome');
      if (error.kind === 'refusal') sendControl(stream, { type: 'goodbye', reason: error.message, code: error.code });
      stream.end();
      // The goodbye leaves in this turn's write.
      setImmediate(() => carrier.close());
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

const TLS_HANDSHAKE = 0x16;

function fourTuple({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

function bearer(headers: Readonly<Record<string, string>>): string {
  return (headers.authorization ?? '').replace(/^Bearer\s+/i, '');
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || (address ?? '').replace('::ffff:', '').startsWith('127.');
}
