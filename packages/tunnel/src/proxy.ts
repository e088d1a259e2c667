import net from 'node:net';
import type { Duplex } from 'node:stream';
import { Misconfigured, TargetFault } from '@hoop/core/errors';
import { Secret } from '@hoop/core/secret';
import { ANSWER_BYTES_MAX } from './settings.ts';

/** A proxy that opens connections with CONNECT (RFC 9110, 9.3.6). */
export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  /** Whether the proxy itself is spoken to over TLS. */
  readonly secure: boolean;
  /** Value of `Proxy-Authorization`. */
  readonly authorization: Secret | undefined;
}

/** What the environment says of proxies. */
export interface ProxyEnv {
  /** For gateways that are dialled with TLS. */
  readonly httpsProxy: string | undefined;
  /** For those without. */
  readonly httpProxy: string | undefined;
  /** Hosts that are dialled without a proxy, joined by commas. */
  readonly noProxy: string | undefined;
}

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

/**
 * Which proxy leads to a gateway, if one does. This machine's own addresses are never asked of a proxy.
 * @throws Misconfigured `proxy_url` without showing any of it: there may be a password in it
 */
export function proxyFor(target: ProxyTarget, env: ProxyEnv): HttpProxy | undefined {
  const text = (target.secure ? env.httpsProxy : env.httpProxy)?.trim();
  if (!text || isLoopback(target.host) || isExempt(target, env.noProxy ?? '')) return undefined;
  return parseProxy(text, target.secure ? 'HTTPS_PROXY' : 'HTTP_PROXY');
}

function parseProxy(text: string, variable: string): HttpProxy {
  const full = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new Misconfigured('proxy_url', `${variable} must be http://[user:password@]host:port; the password with %-escapes`);
  }
  const secure = url.protocol === 'https:';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 443 : 80),
    secure,
    authorization: url.username === '' ? undefined : basic(url, variable),
  };
}

function basic({ username, password }: URL, variable: string): Secret {
  try {
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return new Secret(`Basic ${Buffer.from(login, 'utf8').toString('base64')}`);
  } catch {
    throw new Misconfigured('proxy_url', `${variable} has a user or password with a % that begins no escape; write it as %25`);
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));
}

/** As curl and Go read NO_PROXY: names with everything below them, addresses, networks, `*`, each with a port if it likes. */
function isExempt(target: ProxyTarget, list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => entry !== '' && isNamedBy(entry.toLowerCase(), target));
}

function isNamedBy(entry: string, { host, port }: ProxyTarget): boolean {
  if (entry === '*') return true;
  const [, v6, name = '', digits] = /^(?:\[([^\]]+)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  if (digits !== undefined && Number(digits) !== port) return false;
  const named = v6 ?? name;
  if (net.isIP(host)) return holds(named, host);
  const domain = named.replace(/^\*?\./, '');
  const wanted = host.toLowerCase().replace(/\.$/, '');
  return domain !== '' && (wanted === domain || wanted.endsWith(`.${domain}`));
}

function holds(network: string, address: string): boolean {
  const [base = '', bits] = network.split('/');
  const family = net.isIP(base);
  if (family === 0 || family !== net.isIP(address)) return false;
  const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new net.BlockList();
  list.addSubnet(base, prefix, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Asks a proxy, on a connection to it, for one to the gateway.
 * @throws Misconfigured `proxy_login` when the proxy wants another login, TargetFault `proxy_refused`, `proxy_lost`
 */
export function throughProxy(socket: Duplex, proxy: HttpProxy, target: ProxyTarget): Promise<void> {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  const login = proxy.authorization ? `Proxy-Authorization: ${proxy.authorization.reveal()}\r\n` : '';
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`);
  const who = `The proxy ${proxy.host}:${proxy.port}`;
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const settle = (error?: Error): void => {
      socket.off('data', onData).off('close', onClose);
      if (error) reject(error);
      else resolve();
    };
    const onClose = (): void => settle(new TargetFault('proxy_lost', `${who} hung up; is it a proxy?`));
    const onData = (chunk: Buffer): void => {
      answer = Buffer.concat([answer, chunk]);
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0) {
        if (answer.length > ANSWER_BYTES_MAX) settle(new TargetFault('proxy_refused', `${who} does not answer as a proxy does`));
        return;
      }
      socket.pause();
      const rest = answer.subarray(end + 4);
      if (rest.length > 0) socket.unshift(rest);
      settle(faultOf(answer.toString('latin1', 0, end), who, proxy, target));
    };
    socket.on('data', onData).once('close', onClose);
  });
}

function faultOf(head: string, who: string, proxy: HttpProxy, target: ProxyTarget): Error | undefined {
  const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(head)?.[1] ?? 0);
  if (status >= 200 && status < 300) return undefined;
  if (status === 407) {
    const variable = target.secure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
    const what = proxy.authorization ? 'does not take the user and password' : 'wants a user and password';
    return new Misconfigured('proxy_login', `${who} ${what}; set them in ${variable} as http://user:password@host:port`);
  }
  const said = status === 0 ? 'does not answer as a proxy does' : `answers ${status} when asked for ${target.host}:${target.port}`;
  return new TargetFault('proxy_refused', `${who} ${said}`);
}

/** The words for a proxy that cannot be reached at all. */
export function proxyDown(proxy: HttpProxy, why: string, cause?: Error): TargetFault {
  return new TargetFault('proxy_unreachable', `The proxy ${proxy.host}:${proxy.port} cannot be reached: ${why}`, { cause });
}
