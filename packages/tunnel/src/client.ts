import http2 from 'node:http2';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { type Carrier, type IncomingStream, STATUS_UNIMPLEMENTED } from './carrier.ts';
import { type DialOptions, dialGateway, unreachable } from './dial.ts';
import { H2ClientCarrier } from './h2-carrier.ts';
import { MuxCarrier } from './mux.ts';
import { DIAL_MS_MAX, H2_SESSION_MEMORY_MIB, H2_SETTINGS, STREAMS_PER_LINK_MAX } from './settings.ts';
import type { FrameStream } from './stream.ts';

export type { DialOptions, TunnelTls } from './dial.ts';
export { publicKeyPin } from './public-key-pin.ts';

/** A link to the gateway, from an agent or from a user's machine. */
export class TunnelClient {
  readonly #carrier: Carrier;
  /** Resolves when the link is gone, whoever ended it. */
  readonly closed: Promise<void>;

  private constructor(carrier: Carrier) {
    this.#carrier = carrier;
    this.closed = carrier.closed;
  }

  /**
   * @param onStream streams that the gateway opens; refused where nobody takes them
   * @throws TargetFault `gateway_unreachable`, `proxy_unreachable`, `proxy_refused`; Misconfigured `gateway_certificate`, `proxy_login`
   */
  static async dial(options: DialOptions, onStream: (incoming: IncomingStream) => void = refuseAll): Promise<TunnelClient> {
    const { bytes, socket } = await dialGateway(options);
    const peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    const isH2 = bytes instanceof tls.TLSSocket && bytes.alpnProtocol === 'h2';
    if (isH2) return new TunnelClient(await h2Carrier(socket, options));
    return new TunnelClient(new MuxCarrier({ socket: bytes, peer, dialled: true, onStream, pulse: options.pulse }));
  }

  /**
   * Opens a stream; resolves when the gateway has taken it.
   * @throws Refusal with the gateway's code and words, TargetFault when the link broke.
   */
  open(path: string, headers: Readonly<Record<string, string>>): Promise<FrameStream> {
    return this.#carrier.open({ path, headers });
  }

  /**
   * Proves who the user is, once for the link: one that proves nothing is ended after a while, also when it only waits for clients.
   * @throws Refusal with the gateway's code and words
   */
  async prove(token: string): Promise<void> {
    const stream = await this.open(TUNNEL_PATHS.user, { authorization: `Bearer ${token}` });
    stream.receive({ data: () => undefined, message: () => undefined, ended: () => undefined, broken: () => undefined });
    stream.end();
  }

  /** One local client's stream to a connection, for `hoop connect`; for `hoop exec` the verb says so. */
  openConnection(connection: string, token: string, verb: 'connect' | 'exec' = 'connect'): Promise<FrameStream> {
    return this.open(TUNNEL_PATHS.client, { authorization: `Bearer ${token}`, 'hoop-connection': connection, 'hoop-verb': verb });
  }

  close(): void {
    this.#carrier.close();
  }
}

function refuseAll(incoming: IncomingStream): void {
  incoming.refuse(STATUS_UNIMPLEMENTED, 'No streams are taken here');
}

async function h2Carrier(socket: Socket, options: DialOptions): Promise<Carrier> {
  const session = http2.connect(`https://${options.host}:${options.port}`, {
    createConnection: () => socket,
    settings: H2_SETTINGS,
    maxSessionMemory: H2_SESSION_MEMORY_MIB,
    peerMaxConcurrentStreams: STREAMS_PER_LINK_MAX,
  });
  const carrier = new H2ClientCarrier(session, socket, options.pulse);
  const timer = setTimeout(() => session.destroy(), options.timeout_ms ?? DIAL_MS_MAX);
  await new Promise<void>((resolve, reject) => {
    session.once('remoteSettings', () => resolve());
    session.once('close', () => reject(unreachable(options, 'it does not speak the tunnel’s protocol')));
  }).finally(() => clearTimeout(timer));
  return carrier;
}
