import { randomUUID } from 'node:crypto';
import http2, { type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import net, { type Socket } from 'node:net';
import { AgentHello, FRAME_KINDS, type PolicyMessage, TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { asAppError, PeerFault, Refusal, TargetFault } from '@hoop/core/errors';
import { HANDSHAKE_MS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import { parseMessage, sendControl } from './control.ts';
import { H2FrameStream } from './h2-stream.ts';
import type { AgentLink } from './link.ts';
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
  /** A user's stream; it has proven nothing yet. */
  onClient(stream: FrameStream, request: ClientRequest): void;
}

export interface ClientRequest {
  readonly token: string;
  readonly connection: string;
  readonly peer: string;
}

/** How long an agent has to open the stream that it was asked for. */
const DIAL_BACK_MS_MAX = 10_000;

/** The gateway's end of the tunnel: one port for agents and for users, TLS or not, told apart by the first byte. */
export class TunnelServer {
  readonly #options: TunnelServerOptions;
  readonly #server: net.Server;
  readonly #plain: http2.Http2Server;
  readonly #secure: http2.Http2SecureServer | undefined;
  readonly #sessions = new Set<Http2Session>();
  readonly #awaited = new Map<string, { session: Http2Session; take(stream: FrameStream): void }>();

  constructor(options: TunnelServerOptions) {
    this.#options = options;
    const h2 = { settings: H2_SETTINGS, maxSessionMemory: H2_SESSION_MEMORY_MIB };
    this.#plain = http2.createServer(h2);
    this.#secure = options.tls && http2.createSecureServer({ ...h2, ...options.tls, minVersion: 'TLSv1.2' });
    for (const server of [this.#plain, this.#secure]) {
      server?.on('session', (session) => this.#onSession(session));
      server?.on('stream', (stream, headers) => this.#onStream(stream, headers));
    }
    this.#secure?.on('tlsClientError', (error) => this.#options.log.debug({ err: error }, 'A tunnel peer failed its TLS handshake'));
    this.#server = net.createServer((socket) => this.#sniff(socket));
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
    for (const session of this.#sessions) session.destroy();
  }

  #sniff(socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS_MAX);
    socket.once('close', () => clearTimeout(timer));
    socket.once('data', (first: Buffer) => {
      clearTimeout(timer);
      socket.pause();
      const isTls = first[0] === TLS_HANDSHAKE;
      const server = isTls ? this.#secure : this.#plain;
      const allowed = isTls || this.#options.plaintext === 'anyone' || isLoopback(socket.remoteAddress);
      if (!server || !allowed) {
        this.#options.log.warn(
          { peer: socket.remoteAddress, tls: isTls },
          'A tunnel peer was refused: TLS is required from other machines',
        );
        socket.destroy();
        return;
      }
      socket.unshift(first);
      server.emit('connection', socket);
    });
  }

  #onSession(session: Http2Session): void {
    this.#sessions.add(session);
    session.on('error', (error) => this.#options.log.debug({ err: error }, 'A tunnel link failed'));
    session.once('close', () => this.#sessions.delete(session));
    tend(session);
  }

  #onStream(h2: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    h2.on('error', () => undefined);
    const path = headers[':path'];
    if (path === TUNNEL_PATHS.control) void this.#onControl(h2, headers);
    else if (path === TUNNEL_PATHS.session) this.#onDialledBack(h2, headers);
    else if (path === TUNNEL_PATHS.client) this.#onClient(h2, headers);
    else refuse(h2, GRPC_UNIMPLEMENTED, 'Unknown path');
  }

  async #onControl(h2: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    try {
      const { agentId, name } = await this.#options.authenticateAgent(bearer(headers));
      if (h2.destroyed) return;
      respond(h2);
      const stream = new H2FrameStream(h2);
      const hello = await firstHello(stream, () => link.gone());
      const session = h2.session;
      if (!session) return;
      const link = new H2AgentLink(agentId, name, hello, session, stream, this.#awaited);
      sendControl(stream, { type: 'welcome', agent: agentId, name });
      this.#options.onAgent(link);
    } catch (error) {
      const fault = asAppError(error);
      this.#options.log.info({ code: fault.code }, 'An agent was refused');
      refuse(h2, fault instanceof Refusal ? GRPC_UNAUTHENTICATED : GRPC_INTERNAL, fault.message);
    }
  }

  #onDialledBack(h2: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const id = String(headers['hoop-stream'] ?? '');
    const awaited = this.#awaited.get(id);
    // The id is unguessable, and still only the link that was asked may answer.
    if (!awaited || awaited.session !== h2.session) {
      refuse(h2, GRPC_NOT_FOUND, 'Nobody waits for this stream');
      return;
    }
    this.#awaited.delete(id);
    respond(h2);
    awaited.take(new H2FrameStream(h2));
  }

  #onClient(h2: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    respond(h2);
    const socket = h2.session?.socket;
    this.#options.onClient(new H2FrameStream(h2), {
      token: bearer(headers),
      connection: decodeURIComponent(String(headers['hoop-connection'] ?? '')),
      peer: `${socket?.remoteAddress ?? 'unknown'}:${socket?.remotePort ?? 0}`,
    });
  }
}

class H2AgentLink implements AgentLink {
  readonly agentId: string;
  readonly name: string;
  readonly hello: AgentHello;
  readonly closed: Promise<void>;
  readonly #session: Http2Session;
  readonly #control: FrameStream;
  readonly #awaited: Map<string, { session: Http2Session; take(stream: FrameStream): void }>;

  constructor(
    agentId: string,
    name: string,
    hello: AgentHello,
    session: Http2Session,
    control: FrameStream,
    awaited: Map<string, { session: Http2Session; take(stream: FrameStream): void }>,
  ) {
    this.agentId = agentId;
    this.name = name;
    this.hello = hello;
    this.#session = session;
    this.#control = control;
    this.#awaited = awaited;
    this.closed = new Promise((resolve) => {
      if (session.destroyed) resolve();
      else session.once('close', () => resolve());
    });
  }

  openStream(): Promise<FrameStream> {
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      const fail = (code: string, message: string): void => {
        clearTimeout(timer);
        this.#awaited.delete(id);
        reject(new TargetFault(code, message));
      };
      const timer = setTimeout(
        () => fail('agent_timeout', `Agent ${this.name} did not answer in time; check its machine's load and its log`),
        DIAL_BACK_MS_MAX,
      );
      const onClose = (): void => fail('agent_offline', `Agent ${this.name} went offline`);
      this.#session.once('close', onClose);
      this.#awaited.set(id, {
        session: this.#session,
        take: (stream) => {
          clearTimeout(timer);
          this.#session.off('close', onClose);
          resolve(stream);
        },
      });
      sendControl(this.#control, { type: 'dial', stream: id });
    });
  }

  cancel(session: string): void {
    sendControl(this.#control, { type: 'cancel', session });
  }

  changePolicy(sessions: readonly string[], policy: PolicyMessage): void {
    sendControl(this.#control, { type: 'policy', sessions, policy });
  }

  close(reason: string): void {
    sendControl(this.#control, { type: 'goodbye', reason });
    this.#control.end();
    // The goodbye leaves in this turn's write; the link must not outlive it by more than that.
    setImmediate(() => this.#session.destroy());
  }

  gone(): void {
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
const GRPC_NOT_FOUND = 5;
const GRPC_UNIMPLEMENTED = 12;
const GRPC_INTERNAL = 13;
const GRPC_UNAUTHENTICATED = 16;

function bearer(headers: IncomingHttpHeaders): string {
  return (headers.authorization ?? '').replace(/^Bearer\s+/i, '');
}

function respond(h2: ServerHttp2Stream): void {
  h2.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  h2.once('wantTrailers', () => h2.sendTrailers({ 'grpc-status': '0' }));
}

/** Header values are latin1 without line breaks: an error text of ours must fit. */
function refuse(h2: ServerHttp2Stream, status: number, message: string): void {
  if (h2.destroyed) return;
  const headers = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(status),
    'grpc-message': encodeURIComponent(message),
  };
  if (!h2.headersSent) h2.respond(headers, { endStream: true });
  else h2.close();
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || (address ?? '').replace('::ffff:', '').startsWith('127.');
}
