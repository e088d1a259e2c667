import { VERSION } from '@hoop/core/version';
import type { Addresses } from './addresses.ts';
import { invalid } from './api/failures.ts';
import type { ServerFacts } from './api/parts.ts';
import type { ServerCertificate } from './certificate.ts';
import type { GatewayConfig } from './config.ts';

export interface FactSources {
  readonly config: GatewayConfig;
  readonly certificate: ServerCertificate;
  /** The public half of the SSH host key. */
  readonly hostKey: string;
}

/** What the API tells of the gateway itself. */
export function serverFacts({ config, certificate, hostKey }: FactSources, addresses: () => Addresses): ServerFacts {
  return {
    info: () => ({
      version: VERSION,
      commit_sha: '',
      log_level: config.logLevel,
      auth_method: 'local',
      tenancy_type: 'selfhosted',
      api_url: addresses().apiUrl,
      grpc_url: addresses().grpcUrl,
      ...(certificate.ca === undefined ? {} : { tls_ca: certificate.ca }),
      postgres_proxy_enabled: addresses().native.has('postgres'),
      redact_provider: config.presidioUrl === undefined ? 'local' : 'mspresidio',
      has_redact_credentials: true,
      has_webhook_app_key: false,
      has_idp_audience: false,
      has_idp_custom_scopes: false,
      has_ask_ai_credentials: false,
      has_ssh_client_host_key: false,
      ssh_host_key: hostKey,
      disable_sessions_download: false,
      disable_clipboard_copy_cut: false,
      analytics_tracking: 'disabled',
      feature_flags: {},
    }),
    agentDsn: (transport) => {
      if (transport === 'http') return overHttp(new URL(addresses().apiUrl), config.apiTls === 'off' ? undefined : certificate.pin);
      const { scheme, host, port } = addresses().tunnel;
      return { scheme, host, port, pin: scheme === 'grpcs' ? certificate.pin : undefined };
    },
  };
}

function overHttp(url: URL, pin: string | undefined): ReturnType<ServerFacts['agentDsn']> {
  if (url.pathname !== '/') throw invalid('transport', 'A key cannot say the path in API_URL; make one for the tunnel’s own port');
  const isSecure = url.protocol === 'https:';
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  return { scheme: isSecure ? 'https' : 'http', host: url.hostname.replace(/^\[|\]$/g, ''), port, pin: isSecure ? pin : undefined };
}
