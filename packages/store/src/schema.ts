import type { Generated, Kysely } from 'kysely';

/**
 * The tables, as the newest migration leaves them. Portable on purpose: text, whole numbers and floats only.
 * Times are milliseconds since 1970; truth values are 0 or 1; `_json` columns hold JSON text; `sealed` ones hold what `SecretBox` made.
 */
export interface Schema {
  readonly migrations: { version: number; name: string; applied_at: number };
  readonly counters: { name: string; value: number };
  readonly users: UsersTable;
  readonly groups: { org_id: Generated<string>; name: string; created_at: number };
  readonly user_groups: { user_id: string; group_name: string };
  readonly agents: AgentsTable;
  readonly connections: ConnectionsTable;
  readonly connection_secrets: { connection_id: string; sealed: string; updated_at: number };
  readonly sessions: SessionsTable;
  readonly session_inputs: { session_id: string; script: string };
  readonly credentials: CredentialsTable;
  readonly ssh_keys: SshKeysTable;
  readonly guardrails: GuardrailsTable;
  readonly guardrail_connections: { rule_id: string; connection_id: string };
  readonly masking_rules: MaskingRulesTable;
  readonly masking_rule_connections: { rule_id: string; connection_id: string; active: number };
  readonly settings: { key: string; value_json: string | null; sealed: string | null; updated_at: number };
  readonly outbox: OutboxTable;
  readonly resources: ResourcesTable;
  readonly signals: { seq: Generated<number>; kind: string; payload_json: string; created_at: number };
  readonly gateways: { id: string; seen_at: number };
  readonly reviews: ReviewsTable;
  readonly review_texts: { review_id: string; text: string };
  readonly agent_links: { gateway_id: string; agent_id: string; connection: string; since: number };
}

/** A database, or a transaction on it: aggregates do not care which. */
export type Db = Kysely<Schema>;

interface Row {
  id: string;
  org_id: Generated<string>;
}

interface UsersTable extends Row {
  email: string;
  name: string;
  status: string;
  verified: number;
  picture: string;
  slack_id: string;
  password_hash: string | null;
  created_at: number;
  updated_at: number;
}

interface AgentsTable extends Row {
  name: string;
  mode: string;
  key_hash: string;
  /** Only of the organization key, which can be seen again. */
  sealed_key: Generated<string | null>;
  status: string;
  metadata_json: string;
  gateway_id: string | null;
  seen_at: number | null;
  created_at: number;
  updated_at: number;
}

interface ConnectionsTable extends Row {
  name: string;
  resource_name: string;
  type: string;
  subtype: string;
  agent_id: string;
  command_json: string;
  default_database: string;
  access_connect: number;
  access_exec: number;
  access_runbooks: number;
  access_schema: number;
  secret_keys_json: string;
  secrets_updated_at: number | null;
  reviewers_json: string;
  min_review_approvals: number | null;
  force_approve_groups_json: string;
  access_max_duration_s: number | null;
  redact_enabled: number;
  redact_types_json: string;
  mandatory_metadata_fields_json: string;
  attributes_json: string;
  tags_json: string;
  connection_tags_json: string;
  managed_by: string | null;
  probed_at: Generated<number | null>;
  probe_error: Generated<string | null>;
  created_at: number;
  updated_at: number;
}

interface ResourcesTable extends Row {
  name: string;
  type: string;
  subtype: string;
  agent_id: string;
  env_keys_json: string;
  sealed_env: string | null;
  /** Made for a connection that named none; it goes with its last connection. */
  automatic: number;
  created_at: number;
  updated_at: number;
}

interface SessionsTable extends Row {
  user_id: string;
  user_email: string;
  user_name: string;
  connection: string;
  connection_id: string | null;
  type: string;
  subtype: string;
  connection_tags_json: string;
  verb: string;
  origin: string;
  status: string;
  exit_code: number | null;
  end_reason: string | null;
  gateway_id: string;
  agent_id: string | null;
  credential_id: string | null;
  identity_type: string;
  batch_id: string | null;
  correlation_id: string | null;
  labels_json: string;
  metadata_json: string;
  metrics_json: string | null;
  guardrails_info_json: string;
  script_size: number;
  audit_head: string | null;
  started_at: number;
  ended_at: number | null;
}

interface CredentialsTable extends Row {
  user_id: string;
  connection_id: string;
  protocol: string;
  secret_hash: string;
  session_id: string | null;
  created_at: number;
  expire_at: number | null;
  revoked_at: number | null;
}

interface SshKeysTable extends Row {
  user_id: string;
  name: string;
  type: string;
  fingerprint: string;
  created_at: number;
  used_at: number | null;
}

interface GuardrailsTable extends Row {
  name: string;
  description: string;
  input_json: string;
  output_json: string;
  attributes_json: string;
  managed_by: string | null;
  created_at: number;
  updated_at: number;
}

interface MaskingRulesTable extends Row {
  name: string;
  description: string;
  supported_entity_types_json: string;
  custom_entity_types_json: string;
  attributes_json: string;
  columns_json: Generated<string>;
  score_threshold: number | null;
  strategy: Generated<string | null>;
  keep: Generated<number | null>;
  managed_by: string | null;
  created_at: number;
  updated_at: number;
}

interface ReviewsTable extends Row {
  session_id: string;
  seq: number;
  gateway_id: string;
  connection: string;
  connection_id: string;
  type: string;
  via: string;
  text: string;
  text_bytes: number;
  is_cut: number;
  text_hash: string;
  rule: string;
  message: string;
  groups_json: string;
  requester_id: string;
  requester_email: string;
  requester_name: string;
  status: string;
  decider_id: string | null;
  decider_email: string | null;
  decider_name: string | null;
  decided_at: number | null;
  reason: string;
  created_at: number;
  expires_at: number;
}

interface OutboxTable {
  seq: Generated<number>;
  kind: string;
  payload_json: string;
  created_at: number;
  attempts: number;
  /** Nobody else may take it before this time. */
  claimed_until: number;
}
