import { z } from 'zod';
import { route } from '../route.ts';
import { emptyOnly, Id, NameOrIdParams, ResourceName, readOnly, Switch, Time } from './common.ts';

export const ConnectionType = z.enum(['database', 'application', 'custom', 'httpproxy']);

export const SecretKey = z
  .string()
  .max(260)
  .regex(/^(envvar|filesystem):[A-Za-z_][A-Za-z0-9_]*$/, 'Write `envvar:NAME` or `filesystem:NAME`');

/** A connection's secret, base64 (standard alphabet). Never returned. */
export const SecretValue = z.base64('Encode the value as base64').max(1_400_000);

export const Secrets = z.record(SecretKey, SecretValue).refine((secrets) => Object.keys(secrets).length <= 100, 'At most 100 secrets');

export const ConnectionTags = z
  .record(z.string().min(1).max(64), z.string().min(1).max(256))
  .refine((tags) => Object.keys(tags).length <= 10, 'At most 10 tags');

export const Connection = z.object({
  id: z.string(),
  name: z.string(),
  resource_name: z.string(),
  type: ConnectionType,
  subtype: z.string(),
  command: z.array(z.string()),
  /** Its own agent; empty where it uses its resource's. */
  agent_id: z.string(),
  /** Its own agent, or its resource's. */
  effective_agent_id: z.string(),
  /** `online` while its agent is linked to a gateway, unless the last probe failed and nothing has succeeded since. */
  status: z.enum(['online', 'offline']),
  /** The last probe or session that reached, or did not reach, the target; null before the first one. */
  last_probe: z.object({ at: Time, success: z.boolean(), error: z.string() }).nullable(),
  /** `hoopagent` where an agent beside an application declared it. */
  managed_by: z.string().nullable(),
  /** Always empty: values go in and never come out. */
  secret: z.record(z.string(), z.string()),
  /** Which secrets are set. */
  secret_keys: z.array(z.string()),
  default_database: z.string(),
  access_mode_runbooks: Switch,
  access_mode_exec: Switch,
  access_mode_connect: Switch,
  access_schema: Switch,
  /** Ids of the guardrail rules that judge it. */
  guardrail_rules: z.array(z.string()),
  reviewers: z.array(z.string()),
  redact_enabled: z.boolean(),
  redact_types: z.array(z.string()),
  tags: z.array(z.string()),
  connection_tags: z.record(z.string(), z.string()),
  attributes: z.array(z.string()),
  created_at: Time,
  updated_at: Time,
});
export type Connection = z.infer<typeof Connection>;

const ignored = {
  id: readOnly,
  effective_agent_id: readOnly,
  status: readOnly,
  last_probe: readOnly,
  secret_keys: readOnly,
  effective_features: readOnly,
  managed_by: readOnly,
  secrets_updated_at: readOnly,
  created_at: readOnly,
  updated_at: readOnly,
};

const reserved = {
  redact_enabled: emptyOnly('Redaction switches of a connection (make a data masking rule instead)'),
  redact_types: emptyOnly('Redact types (make a data masking rule instead)'),
  tags: emptyOnly('Unnamed tags (write connection_tags instead)'),
  attributes: emptyOnly('Attributes'),
  mandatory_metadata_fields: emptyOnly('Mandatory metadata fields'),
  jira_issue_template_id: emptyOnly('Jira templates'),
  /** Of the resource that it belongs to; a new connection without one gets a resource of its own name. */
  resource_name: z.union([ResourceName, z.literal('')]).optional(),
};

const Command = z.array(z.string().max(65_536)).max(1_000);

/** Empty: that of its resource. */
const AgentId = z.union([Id, z.literal('')]);

const fields = {
  type: ConnectionType,
  subtype: z.string().max(64),
  command: Command,
  agent_id: AgentId,
  default_database: z.string().max(128),
  access_mode_runbooks: Switch,
  access_mode_exec: Switch,
  access_mode_connect: Switch,
  access_schema: Switch,
  guardrail_rules: z.array(Id).max(100),
  /** Groups that must approve: each script before it runs, each session before it opens. Empty: none. */
  reviewers: z.array(z.string().min(1).max(254)).max(100),
  connection_tags: ConnectionTags,
};

const whole = {
  ...ignored,
  ...reserved,
  ...fields,
  name: ResourceName,
  subtype: fields.subtype.default(''),
  agent_id: AgentId.default(''),
  command: Command.default([]),
  default_database: fields.default_database.default(''),
  access_mode_runbooks: Switch.default('enabled'),
  access_mode_exec: Switch.default('enabled'),
  access_mode_connect: Switch.default('enabled'),
  access_schema: Switch.optional(),
  guardrail_rules: fields.guardrail_rules.optional(),
  reviewers: fields.reviewers.optional(),
  connection_tags: ConnectionTags.default({}),
};

export const listConnections = route({
  method: 'GET',
  path: '/connections',
  summary: 'Lists the connections that the caller may use, sorted by name, without secrets',
  role: 'all',
  query: z.strictObject({
    name: z.string().max(128).optional(),
    type: z.string().max(64).optional(),
    subtype: z.string().max(64).optional(),
    agent_id: Id.optional(),
    /** `key=value` and `key!=value`, joined by commas; all must hold. */
    tag_selector: z.string().max(2_000).optional(),
    search: z.string().max(256).optional(),
  }),
  reply: z.array(Connection),
});

export const createConnection = route({
  method: 'POST',
  path: '/connections',
  summary: 'Creates a connection; its secrets are checked against what its protocol needs',
  role: 'admin',
  body: z.strictObject({ ...whole, secret: Secrets.default({}) }),
  reply: Connection,
  status: 201,
  audit: 'connection.create',
});

export const getConnection = route({
  method: 'GET',
  path: '/connections/:nameOrID',
  summary: 'Gets a connection, without secrets',
  role: 'all',
  params: NameOrIdParams,
  reply: Connection,
});

export const replaceConnection = route({
  method: 'PUT',
  path: '/connections/:nameOrID',
  summary: 'Replaces a connection; without `secret` or with an empty one the secrets stay as they are',
  role: 'admin',
  params: NameOrIdParams,
  body: z.strictObject({ ...whole, name: ResourceName.optional(), secret: Secrets.optional() }),
  reply: Connection,
  audit: 'connection.update',
});

export const patchConnection = route({
  method: 'PATCH',
  path: '/connections/:nameOrID',
  summary: 'Changes the fields that are given; a secret of null is removed, the others stay',
  role: 'admin',
  params: NameOrIdParams,
  body: z.strictObject({ ...reserved, secret: z.record(SecretKey, SecretValue.nullable()), ...fields }).partial(),
  reply: Connection,
  audit: 'connection.update',
});

export const deleteConnection = route({
  method: 'DELETE',
  path: '/connections/:nameOrID',
  summary: 'Deletes a connection; its credentials die and its open sessions end',
  role: 'admin',
  params: NameOrIdParams,
  status: 204,
  audit: 'connection.delete',
});

export const testConnection = route({
  method: 'GET',
  path: '/connections/:nameOrID/test',
  summary: 'Logs in to the target through the agent; 400 says why that failed',
  role: 'all',
  params: NameOrIdParams,
  reply: z.object({ success: z.literal(true) }),
});
