import { type Address, formatAddress, isWildcard } from './address.ts';
import type { GatewayConfig } from './config.ts';

/** Where a gateway can be reached, once it listens. */
export interface Addresses {
  /** Without a slash at its end. */
  readonly apiUrl: string;
  readonly tunnel: Address & { readonly scheme: 'grpc' | 'grpcs' };
  readonly grpcUrl: string;
  /** What native clients dial, by protocol. */
  readonly native: ReadonlyMap<string, Address>;
}

export interface Ports {
  readonly api: number;
  readonly tunnel: number;
  readonly native: ReadonlyMap<string, number>;
}

/** What to tell the world: what was configured, else what the listeners are bound to. */
export function addressesOf(config: GatewayConfig, ports: Ports): Addresses {
  const scheme = config.apiTls === 'off' ? 'http' : 'https';
  const apiUrl = config.apiUrl ?? `${scheme}://${formatAddress({ host: reachable(config.apiListen.host, '127.0.0.1'), port: ports.api })}`;
  const publicHost = new URL(apiUrl).hostname.replace(/^\[|\]$/g, '');
  const bound = (listen: Address, port: number): Address => ({ host: reachable(listen.host, publicHost), port });
  const tunnel = {
    scheme: config.grpcUrl?.scheme ?? ('grpcs' as const),
    ...(config.grpcUrl?.address ?? bound(config.tunnelListen, ports.tunnel)),
  };
  const native = new Map<string, Address>();
  for (const [protocol, port] of ports.native) {
    const access = config.native.get(protocol);
    if (access) native.set(protocol, access.public ?? bound(access.listen, port));
  }
  return { apiUrl, tunnel, grpcUrl: `${tunnel.scheme}://${formatAddress(tunnel)}`, native };
}

function reachable(host: string, instead: string): string {
  return isWildcard(host) ? instead : host;
}
