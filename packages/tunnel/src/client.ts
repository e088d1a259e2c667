import { createHash } from 'node:crypto';
import http2 from 'node:http2';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { TUNNEL_PATHS } from '@hoop/contract/tunnel';
import { Misconfigured, TargetFault } from '@hoop/core/errors';
import { type Carrier, type IncomingStream, STATUS_UNIMPLEMENTED } from './carrier.ts';
import { H2ClientCarrier } from './h2-carrier.ts';
import { MUX_ALPN, MuxCarrier } from './mux.ts';
import { H2_SESSION_MEMORY_MIB, H2_SETTINGS, STREAMS_PER_LINK_MAX } from './settings.ts';
import type { FrameStream } from './stream.ts';

export interface TunnelTls {
  /** PEM of the authority to trust, instead of the system's. */
  readonly ca?: string;
  /** Base64url SHA-256 of the server's public key; when given it alone decides. */
  readonly pin?: string;
  readonly serverName?: string;
  readonly skipVerify?: boolean;
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: plaintext. */
  readonly tls: TunnelTls | undefined;
  readonly timeout_ms?: number;
  /** What to offer in TLS, best first; both transports unless told otherwise. */
  readonly alpn?: readonly string[];
}

const DIAL_MS_MAX = 10_000;

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
   * @throws TargetFault `gateway_unreachable`, Misconfigured `gateway_certificate`
   */
  static async dial(options: DialOptions, onStream: (incoming: IncomingStream) => void = refuseAll): Promise<TunnelClient> {
    const socket = await openSocket(options);
    const isH2 = socket instanceof tls.TLSSocket && socket.alpnProtocol === 'h2';
    return new TunnelClient(isH2 ? await h2Carrier(socket, options) : new MuxCarrier({ socket, dialled: true, onStream }));
  }

  /**
   * Opens a stream; resolves when the gateway has taken it.
   * @throws Refusal `unauthenticated` or another with the gateway's words, TargetFault when the link broke.
   */
  open(path: string, headers: Readonly<Record<string, string>>): Promise<FrameStream> {
    return this.#carrier.open({ path, headers });
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
  const carrier = new H2ClientCarrier(session);
  await new Promise<void>((resolve, reject) => {
    session.once('remoteSettings', () => resolve());
    session.once('close', () =>
      reject(new TargetFault('gateway_unreachable', `${options.host}:${options.port} does not speak the tunnel's protocol`)),
    );
  });
  return carrier;
}

/** Hash of a certificate's public key, as `TunnelTls.pin` has it. */
export function publicKeyPin(spki: Buffer): string {
  return createHash('sha256').update(spki).digest('base64url');
}

function openSocket(options: DialOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = options.tls ? tls.connect(tlsOptions(options, options.tls)) : net.connect({ host: options.host, port: options.port });
    socket.setNoDelay(true);
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(unreachable(options, 'no answer in time')), options.timeout_ms ?? DIAL_MS_MAX);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(isCertificateError(error) ? untrusted(options, error) : unreachable(options, error.code ?? error.message, error));
    });
    socket.once(options.tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      const pin = options.tls?.pin;
      if (pin && socket instanceof tls.TLSSocket && !hasPin(socket, pin)) {
        fail(
          new Misconfigured(
            'gateway_certificate',
            'The gateway shows another certificate than the key was made for; make a new key, or find out who answers',
          ),
        );
        return;
      }
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function tlsOptions(options: DialOptions, given: TunnelTls): tls.ConnectionOptions {
  const serverName = given.serverName ?? (net.isIP(options.host) ? undefined : options.host);
  return {
    host: options.host,
    port: options.port,
    ALPNProtocols: options.alpn ? [...options.alpn] : [MUX_ALPN, 'h2'],
    minVersion: 'TLSv1.2',
    // With a pin the public key itself is checked, and no authority has a say.
    rejectUnauthorized: !given.skipVerify && !given.pin,
    ...(given.ca ? { ca: given.ca } : {}),
    ...(serverName ? { servername: serverName } : {}),
  };
}

function hasPin(socket: tls.TLSSocket, pin: string): boolean {
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && publicKeyPin(certificate.publicKey.export({ type: 'spki', format: 'der' })) === pin;
}

function isCertificateError(error: NodeJS.ErrnoException): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(error.code ?? '');
}

function unreachable(options: DialOptions, why: string, cause?: Error): TargetFault {
  return new TargetFault('gateway_unreachable', `The gateway ${options.host}:${options.port} cannot be reached: ${why}`, { cause });
}

function untrusted(options: DialOptions, cause: Error): Misconfigured {
  return new Misconfigured(
    'gateway_certificate',
    `The certificate of ${options.host}:${options.port} is not trusted (${cause.message}); give its authority in HOOP_TLSCA`,
    { cause },
  );
}
