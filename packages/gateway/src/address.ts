import net from 'node:net';

/** A host and a port. Port 0 of a listener: any free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or `[v6]:port`; undefined when it is neither. */
export function parseAddress(text: string): Address | undefined {
  const [, v6, name, digits = ''] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (v6 !== undefined && !net.isIPv6(v6))) return undefined;
  return { host, port };
}

/** Writes `host:port`, a version 6 address in brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** True where only this machine can connect. Takes host names of URLs too, where a version 6 address stands in brackets. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (net.isIPv4(bare) && bare.startsWith('127.'));
}

/** True for the address that stands for every interface. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** True for an IP address and for a network such as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = net.isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
