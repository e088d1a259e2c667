import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { AppError, Misconfigured, TargetFault } from '@hoop/core/errors';
import { MUX_ALPN } from './mux.ts';
import { type HttpProxy, proxyDown, throughProxy } from './proxy.ts';
import { publicKeyPin } from './public-key-pin.ts';
import { race } from './race.ts';
import { DIAL_MS_MAX, type PulseLimits } from './settings.ts';
import { requestWebSocket } from './websocket.ts';

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
  /** What to offer in TLS, best first; both carriers unless told otherwise. A WebSocket is always asked for in HTTP/1.1. */
  readonly alpn?: readonly string[];
  /** A WebSocket at this path of the API, instead of a connection to the tunnel's own port. */
  readonly websocket?: { readonly path: string };
  /** Opens the connection for us. What is checked of the gateway stays the same. */
  readonly proxy?: HttpProxy;
  readonly pulse?: PulseLimits;
}

/** A connection to a gateway, checked, over which the tunnel's first byte can be sent. */
export interface Dialled {
  readonly bytes: Duplex;
  /** The connection below it. */
  readonly socket: Socket;
}

/** @throws TargetFault `gateway_unreachable`, `proxy_unreachable`, `proxy_refused`; Misconfigured `gateway_certificate`, `proxy_login` */
export function dialGateway(options: DialOptions): Promise<Dialled> {
  return race({
    start: (signal, answered) => attempt(options, signal, answered),
    isFinal: (error) => error instanceof AppError && error.kind === 'misconfigured',
    timeout_ms: options.timeout_ms ?? DIAL_MS_MAX,
    timedOut: () => unreachable(options, 'no answer in time'),
  });
}

async function attempt(options: DialOptions, signal: AbortSignal, answered: () => void): Promise<Dialled> {
  const { proxy } = options;
  const tcp = net.connect(proxy ? { host: proxy.host, port: proxy.port } : { host: options.host, port: options.port });
  const sockets: Duplex[] = [tcp];
  const giveUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  signal.addEventListener('abort', giveUp);
  try {
    tcp.setNoDelay(true);
    await opened(tcp, 'connect', (why, error) => (proxy ? proxyDown(proxy, why, error) : unreachable(options, why, error)));
    answered();
    let socket: Socket = tcp;
    if (proxy) {
      if (proxy.secure) sockets.push((socket = await proxyTls(tcp, proxy)));
      await throughProxy(socket, proxy, { host: options.host, port: options.port, secure: options.tls !== undefined });
    }
    if (options.tls) sockets.push((socket = await gatewayTls(socket, options, options.tls)));
    if (!options.websocket) return { bytes: socket, socket };
    return { bytes: await requestWebSocket(socket, urlOf(options, options.websocket.path)), socket };
  } catch (error) {
    giveUp();
    throw error;
  }
}

/** Waits for an event of a socket that is being opened. @throws what `fault` makes of the socket's error, or of its end */
async function opened(socket: Socket, event: 'connect' | 'secureConnect', fault: (why: string, error: Error) => AppError): Promise<void> {
  // Whoever gets the socket next listens for its end; nobody needs to hear why.
  socket.on('error', () => undefined);
  const closed = new AbortController();
  const onClose = (): void => closed.abort(new Error('closed'));
  socket.once('close', onClose);
  try {
    await once(socket, event, { signal: closed.signal });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw fault(closed.signal.aborted ? 'it hung up' : (code ?? message), error as Error);
  } finally {
    socket.off('close', onClose);
  }
}

async function proxyTls(tcp: Socket, proxy: HttpProxy): Promise<Socket> {
  const name = net.isIP(proxy.host) ? {} : { servername: proxy.host };
  const socket = tls.connect({ socket: tcp, minVersion: 'TLSv1.2', ...name });
  await opened(socket, 'secureConnect', (why, error) => proxyDown(proxy, why, error));
  return socket;
}

async function gatewayTls(below: Socket, options: DialOptions, given: TunnelTls): Promise<Socket> {
  const socket = tls.connect(tlsOptions(below, options, given));
  await opened(socket, 'secureConnect', (why, error) =>
    isCertificateError(error) ? untrusted(options, error) : unreachable(options, why, error),
  );
  if (given.pin && !hasPin(socket, given.pin)) {
    throw new Misconfigured(
      'gateway_certificate',
      'The gateway shows another certificate than the key was made for; make a new key, or find out who answers',
    );
  }
  return socket;
}

function tlsOptions(socket: Socket, options: DialOptions, given: TunnelTls): tls.ConnectionOptions {
  const serverName = given.serverName ?? (net.isIP(options.host) ? undefined : options.host);
  return {
    socket,
    // The name or address that the certificate is checked against, where no server name is told.
    host: options.host,
    ALPNProtocols: options.websocket ? ['http/1.1'] : [...(options.alpn ?? [MUX_ALPN, 'h2'])],
    minVersion: 'TLSv1.2',
    // With a pin the public key itself is checked, and no authority has a say.
    rejectUnauthorized: !given.skipVerify && !given.pin,
    ...(given.ca ? { ca: given.ca } : {}),
    ...(serverName ? { servername: serverName } : {}),
  };
}

function urlOf(options: DialOptions, path: string): string {
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return `${options.tls ? 'wss' : 'ws'}://${host}:${options.port}${path}`;
}

function hasPin(socket: Socket, pin: string): boolean {
  const certificate = socket instanceof tls.TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return certificate !== undefined && publicKeyPin(certificate.publicKey.export({ type: 'spki', format: 'der' })) === pin;
}

function isCertificateError(error: NodeJS.ErrnoException): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(error.code ?? '');
}

/** The words for a gateway that does not answer as one. */
export function unreachable(options: DialOptions, why: string, cause?: Error): TargetFault {
  return new TargetFault('gateway_unreachable', `The gateway ${options.host}:${options.port} cannot be reached: ${why}`, { cause });
}

function untrusted(options: DialOptions, cause: Error): Misconfigured {
  return new Misconfigured(
    'gateway_certificate',
    `The certificate of ${options.host}:${options.port} is not trusted (${cause.message}); give its authority in HOOP_TLSCA`,
    { cause },
  );
}
