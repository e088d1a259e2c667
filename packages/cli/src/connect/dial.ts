import { TunnelClient, type TunnelTls } from '@hoop/tunnel/client';
import { StreamWire } from '@hoop/tunnel/stream-wire';
import { WEBSOCKET_PATH } from '@hoop/tunnel/websocket';
import type { Config } from '../config.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { DialGateway } from '../tunnel-port.ts';

interface Scheme {
  readonly secure: boolean;
  /** Where the address names none. */
  readonly port: number;
  /** A WebSocket on the API's port, where the tunnel's own cannot be reached. */
  readonly websocket?: boolean;
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  'grpc:': { secure: false, port: 8010 },
  'grpcs:': { secure: true, port: 8010 },
  'http:': { secure: false, port: 80, websocket: true },
  'https:': { secure: true, port: 443, websocket: true },
};

export interface TunnelAddress {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly websocket?: { readonly path: string };
}

/** Where the tunnel listens. @throws Failure `grpc_url_invalid` */
export function tunnelAddress(url: string): TunnelAddress {
  // URL knows host and port only of schemes that it knows itself.
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = parsed === undefined ? undefined : SCHEMES[parsed.protocol];
  if (parsed === undefined || scheme === undefined || parsed.hostname === '') {
    throw new Failure('grpc_url_invalid', `"${url}" is no tunnel address. Set HOOP_GRPCURL to one such as grpcs://hoop.example.com:8010`, {
      exitCode: EXIT.usage,
    });
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const websocket = scheme.websocket ? { websocket: { path: parsed.pathname.replace(/\/+$/, '') + WEBSOCKET_PATH } } : {};
  return { host, port: parsed.port === '' ? scheme.port : Number(parsed.port), secure: scheme.secure, ...websocket };
}

export interface DialWith {
  readonly address: TunnelAddress;
  readonly config: Pick<Config, 'tlsCa' | 'skipTlsVerify'>;
  /** The authority that the gateway made itself and told over the API; counts where the person gave none. */
  readonly gatewayCa: string | undefined;
  /** Read anew for each stream: `hoop login` in another terminal renews it. */
  token(): string;
}

/** Dials the gateway's tunnel as a user. */
export function dialWith({ address, config, gatewayCa, token }: DialWith): DialGateway {
  return async () => {
    const client = await TunnelClient.dial({
      host: address.host,
      port: address.port,
      tls: address.secure ? trust(config, gatewayCa) : undefined,
      ...(address.websocket ? { websocket: address.websocket } : {}),
    });
    // A link that proves nothing does not live long. A login that has run out is told where it is used, with each stream.
    await client.prove(token()).catch(() => undefined);
    return {
      closed: client.closed,
      close: () => client.close(),
      open: async (connection, verb) => new StreamWire(await client.openConnection(connection, token(), verb), 'gateway'),
    };
  };
}

function trust(config: Pick<Config, 'tlsCa' | 'skipTlsVerify'>, gatewayCa: string | undefined): TunnelTls {
  const ca = config.tlsCa ?? gatewayCa;
  return { skipVerify: config.skipTlsVerify, ...(ca === undefined ? {} : { ca }) };
}
