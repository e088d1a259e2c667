import { lookup as lookupAddress } from 'node:dns';
import net, { BlockList, type LookupFunction, type Socket } from 'node:net';
import tls from 'node:tls';
import { TargetFault } from '@hoop/core/errors';
import { TARGET_CONNECT_MS_MAX } from '@hoop/core/limits';
import type { HttpSettings } from './settings.ts';

/** Where clouds keep the credentials of the machine itself. No service that people use is there. */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');
LINK_LOCAL.addAddress('fd00:ec2::254', 'ipv6');

/** Whether an address is link-local, in whatever way it is written. */
export function isLinkLocal(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address;
  return LINK_LOCAL.check(plain, net.isIPv6(plain) ? 'ipv6' : 'ipv4');
}

/**
 * A connection to the target, with TLS where its URL says so. The address that is dialled is the one that was checked.
 * @throws TargetFault `target_unreachable`, `target_certificate`
 */
export async function dialTarget(settings: HttpSettings): Promise<Socket> {
  const { url } = settings;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const socket = net.connect({ host, port, noDelay: true, lookup: checkedLookup(settings.linkLocal) });
  if (net.isIP(host) !== 0 && !settings.linkLocal && isLinkLocal(host)) socket.destroy(new Error(FORBIDDEN));
  const name = `${host}:${port}`;
  await opened(socket, 'connect', (why) => new TargetFault('target_unreachable', `The target ${name} cannot be reached: ${why}`));
  if (url.protocol !== 'https:') return socket;
  const secured = tls.connect({
    socket,
    // Whose certificate is wanted: of a socket that is given, nothing is known.
    host,
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: !settings.insecure,
    ...(settings.ca === '' ? {} : { ca: settings.ca }),
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
  });
  await opened(
    secured,
    'secureConnect',
    (why) =>
      new TargetFault(
        'target_certificate',
        `The target ${name} cannot be spoken to over TLS: ${why}; give its authority as CA, or set INSECURE`,
      ),
  );
  return secured;
}

const FORBIDDEN = 'its address is link-local, which is where clouds keep credentials (ALLOW_LINK_LOCAL lets it be)';

function checkedLookup(linkLocal: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookupAddress(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const allowed = linkLocal ? addresses : addresses.filter(({ address }) => !isLinkLocal(address));
      const [first] = allowed;
      if (!first) return callback(new Error(addresses.length > 0 ? FORBIDDEN : 'the host name has no address'), '', 0);
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ECONNRESET: 'the connection was reset',
};

function opened(socket: Socket, event: 'connect' | 'secureConnect', fault: (why: string) => TargetFault): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      socket.destroy();
      reject(fault(why));
    };
    const timer = setTimeout(() => fail(`no answer within ${TARGET_CONNECT_MS_MAX} ms`), TARGET_CONNECT_MS_MAX);
    const onError = (error: NodeJS.ErrnoException): void => {
      clearTimeout(timer);
      fail(WORDS[error.code ?? ''] ?? error.message);
    };
    socket.once('error', onError);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve();
    });
  });
}
