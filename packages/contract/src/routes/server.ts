import { z } from 'zod';
import { route } from '../route.ts';

export const getHealth = route({
  method: 'GET',
  path: '/healthz',
  summary: 'Says that the process is alive',
  role: 'public',
  reply: z.object({ liveness: z.enum(['OK', 'ERR']) }),
});

export const getReadiness = route({
  method: 'GET',
  path: '/readyz',
  summary: 'Says whether new work is welcome: 503 while starting and draining',
  role: 'public',
  reply: z.object({ ready: z.boolean(), reason: z.string().optional() }),
});

export const getOpenApi = route({
  method: 'GET',
  path: '/openapiv3.json',
  summary: 'This API as an OpenAPI 3.1 document',
  role: 'public',
  reply: z.record(z.string(), z.unknown()),
});

export const getPublicServerInfo = route({
  method: 'GET',
  path: '/publicserverinfo',
  summary: 'How to log in, and whether the first user has to be made',
  role: 'public',
  reply: z.object({ auth_method: z.enum(['local', 'oidc', 'saml']), setup_required: z.boolean() }),
});

export const ServerInfo = z.object({
  version: z.string(),
  commit_sha: z.string(),
  log_level: z.string(),
  auth_method: z.enum(['local', 'oidc', 'saml']),
  tenancy_type: z.enum(['selfhosted', 'multitenant']),
  api_url: z.string(),
  /** Where agents and `hoop connect` dial, `grpcs://host:port`. */
  grpc_url: z.string(),
  /** PEM of the authority that signed the gateway's certificate; present when the gateway made it itself. */
  tls_ca: z.string().optional(),
  postgres_proxy_enabled: z.boolean(),
  redact_provider: z.string(),
  has_redact_credentials: z.boolean(),
  has_webhook_app_key: z.boolean(),
  has_idp_audience: z.boolean(),
  has_idp_custom_scopes: z.boolean(),
  has_ask_ai_credentials: z.boolean(),
  has_ssh_client_host_key: z.boolean(),
  /** What the gateway proves itself with to SSH clients: type and base64, as known_hosts has it. */
  ssh_host_key: z.string().optional(),
  disable_sessions_download: z.boolean(),
  disable_clipboard_copy_cut: z.boolean(),
  analytics_tracking: z.enum(['enabled', 'disabled']),
  feature_flags: z.record(z.string(), z.boolean()),
});
export type ServerInfo = z.infer<typeof ServerInfo>;

export const getServerInfo = route({
  method: 'GET',
  path: '/serverinfo',
  summary: 'Version, addresses and capabilities of this gateway',
  role: 'all',
  reply: ServerInfo,
});
