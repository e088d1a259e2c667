import type { IncomingMessage } from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { TunnelServer, UpgradeOrigin } from '@hoop/tunnel/server';
import { refuseUpgrade, WEBSOCKET_PATH } from '@hoop/tunnel/websocket';
import type { FastifyInstance } from 'fastify';
import { isLoopback } from '../address.ts';

export interface TunnelUpgradeOptions {
  readonly tunnel: Pick<TunnelServer, 'upgrade'>;
  /** Path in front of `/api`, without a slash at its end. */
  readonly prefix: string;
  /** Addresses and networks of proxies whose word on a request is believed. */
  readonly trustedProxies: readonly string[];
  /** Ends the links; the listener cannot close before its last connection does. */
  beforeClose(): Promise<void>;
}

/** Lets agents and users come in on the API's port, for networks that let nothing else out: the tunnel as a WebSocket. */
export function acceptTunnels(app: FastifyInstance, options: TunnelUpgradeOptions): void {
  const path = options.prefix + WEBSOCKET_PATH;
  const trusted = networks(options.trustedProxies);
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url?.split('?', 1)[0] !== path) refuseUpgrade(socket, NOTHING_HERE);
    else options.tunnel.upgrade(request, socket, head, originOf(request, trusted));
  });
  app.addHook('preClose', () => options.beforeClose());
}

const NOTHING_HERE = { status: 404, code: 'not_found', message: 'There is nothing at this address' };

function networks(list: readonly string[]): net.BlockList {
  const trusted = new net.BlockList();
  for (const each of list) {
    const [address = '', bits] = each.split('/');
    const is4 = net.isIPv4(address);
    trusted.addSubnet(address, bits === undefined ? (is4 ? 32 : 128) : Number(bits), is4 ? 'ipv4' : 'ipv6');
  }
  return trusted;
}

/** Who asks, and whether the way here is private: TLS up to us, this machine only, or up to a proxy that we trust. */
function originOf(request: IncomingMessage, trusted: net.BlockList): UpgradeOrigin {
  const address = plain(request.socket.remoteAddress ?? '');
  const isTls = 'encrypted' in request.socket && request.socket.encrypted === true;
  if (!isIn(trusted, address)) return { peer: `${address}:${request.socket.remotePort ?? 0}`, isPrivate: isTls || isLoopback(address) };
  const hops = lastHeader(request, 'x-forwarded-for').split(',');
  const client = hops.map((hop) => plain(hop.trim())).findLast((hop) => net.isIP(hop) && !isIn(trusted, hop));
  // Without a word on it, what counts is how the proxy itself came.
  const proto = lastHeader(request, 'x-forwarded-proto').split(',').at(-1)?.trim().toLowerCase();
  const isPrivate = proto ? proto === 'https' || proto === 'wss' : isTls || isLoopback(address);
  return { peer: client ?? address, isPrivate };
}

function isIn(list: net.BlockList, address: string): boolean {
  const family = net.isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function plain(address: string): string {
  return address.replace(/^::ffff:/i, '');
}

function lastHeader(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value.at(-1) : value) ?? '';
}
