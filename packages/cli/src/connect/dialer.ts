import { getServerInfo } from '@hoop/contract/routes/server';
import { loadStored, resolveConfig } from '../config.ts';
import type { Context } from '../context.ts';
import type { Gateway } from '../gateway.ts';
import type { DialGateway } from '../tunnel-port.ts';

/** What dials the tunnel that the configuration, or else the gateway itself, names. */
export async function dialerOf({ config, client }: Gateway, context: Context): Promise<DialGateway> {
  const info = await client.call(getServerInfo);
  // Loaded only now: most commands need no tunnel.
  const { dialWith, tunnelAddress } = await import('./dial.ts');
  return dialWith({
    address: tunnelAddress(config.grpcUrl ?? info.grpc_url),
    config,
    gatewayCa: info.tls_ca,
    token: () => (resolveConfig(context.env, loadStored(context.env.home)).token ?? config.token)?.reveal() ?? '',
  });
}
