import type { Agent } from '@hoop/contract/routes/agents';
import type { Connection } from '@hoop/contract/routes/connections';
import type { ServerInfo } from '@hoop/contract/routes/server';
import type { Session } from '@hoop/contract/routes/sessions';
import type { User } from '@hoop/contract/routes/users';

/** Replies as a gateway gives them, with the parts that a test is about. */

export const AGENT_ID = '22ab1d2f-0000-5000-8000-000000000001';
export const CONNECTION_ID = '6f2b3c4d-0000-4000-8000-000000000002';
export const SESSION_ID = '0f9e8d7c-0000-4000-8000-000000000003';

export function agent(part: Partial<Agent> = {}): Agent {
  return {
    id: AGENT_ID,
    token: '',
    name: 'default',
    mode: 'standard',
    status: 'CONNECTED',
    metadata: {},
    hostname: '5601881aa15e',
    machine_id: '',
    kernel_version: '6.1',
    version: '0.1.0',
    goversion: '',
    compiler: '',
    platform: 'linux/arm64',
    ...part,
  };
}

export function connection(part: Partial<Connection> = {}): Connection {
  return {
    id: CONNECTION_ID,
    name: 'demo',
    resource_name: 'demo',
    type: 'database',
    subtype: 'postgres',
    command: [],
    agent_id: AGENT_ID,
    status: 'online',
    secret: {},
    secret_keys: ['envvar:HOST', 'envvar:PASS'],
    effective_agent_id: part.agent_id ?? AGENT_ID,
    last_probe: null,
    managed_by: null,
    default_database: '',
    access_mode_runbooks: 'enabled',
    access_mode_exec: 'enabled',
    access_mode_connect: 'enabled',
    access_schema: 'enabled',
    guardrail_rules: [],
    reviewers: [],
    redact_enabled: false,
    redact_types: [],
    tags: [],
    connection_tags: {},
    attributes: [],
    created_at: '2026-11-21T08:00:00.000Z',
    updated_at: '2026-11-21T08:00:00.000Z',
    ...part,
  };
}

export function session(part: Partial<Session> = {}): Session {
  return {
    id: SESSION_ID,
    org_id: 'org',
    user: 'ann@example.com',
    user_id: 'u1',
    user_name: 'Ann',
    connection: 'demo',
    type: 'database',
    connection_subtype: 'postgres',
    connection_tags: {},
    verb: 'connect',
    origin: 'hoop-cli/0.1.0',
    status: 'done',
    exit_code: 0,
    labels: {},
    metadata: {},
    metrics: {},
    script_size: 0,
    event_size: 1_229,
    end_reason: 'client_left',
    credential_id: null,
    correlation_id: null,
    session_batch_id: null,
    start_date: '2026-11-21T08:00:00.000Z',
    end_date: '2026-11-21T08:00:05.000Z',
    ...part,
  };
}

export function user(part: Partial<User> = {}): User {
  return {
    id: 'u1',
    name: 'Ann',
    email: 'ann@example.com',
    status: 'active',
    verified: true,
    role: 'admin',
    slack_id: '',
    picture: '',
    groups: ['admin'],
    ...part,
  };
}

export function serverInfo(part: Partial<ServerInfo> = {}): ServerInfo {
  return {
    version: '0.1.0',
    commit_sha: 'abc',
    log_level: 'info',
    auth_method: 'local',
    tenancy_type: 'selfhosted',
    api_url: 'http://127.0.0.1:8009',
    grpc_url: 'grpcs://127.0.0.1:8010',
    postgres_proxy_enabled: true,
    redact_provider: 'builtin',
    has_redact_credentials: false,
    has_webhook_app_key: false,
    has_idp_audience: false,
    has_idp_custom_scopes: false,
    has_ask_ai_credentials: false,
    has_ssh_client_host_key: false,
    disable_sessions_download: false,
    disable_clipboard_copy_cut: false,
    analytics_tracking: 'disabled',
    feature_flags: {},
    ...part,
  };
}
