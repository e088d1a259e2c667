import { ORG_ID } from '../org.ts';
import type { ColumnTypes, Migration } from './migration.ts';

export const initial: Migration = {
  version: 1,
  name: 'initial',
  statements: (types) => [...people(types), ...resources(types), ...sessions(types), ...policy(types), ...server(types)],
};

function orgColumn({ text }: ColumnTypes): string {
  return `org_id ${text} not null default '${ORG_ID}'`;
}

function people(types: ColumnTypes): readonly string[] {
  const { text, int, end } = types;
  return [
    `create table users (
      id ${text} primary key,
      ${orgColumn(types)},
      email ${text} not null,
      name ${text} not null,
      status ${text} not null,
      verified ${int} not null,
      picture ${text} not null,
      slack_id ${text} not null,
      password_hash ${text},
      created_at ${int} not null,
      updated_at ${int} not null,
      unique (email, org_id)
    )${end}`,
    `create table groups (
      ${orgColumn(types)},
      name ${text} primary key,
      created_at ${int} not null
    )${end}`,
    `create table user_groups (
      user_id ${text} not null references users (id) on delete cascade,
      group_name ${text} not null references groups (name) on delete cascade,
      primary key (user_id, group_name)
    )${end}`,
    `create index user_groups_by_group on user_groups (group_name)`,
  ];
}

function resources(types: ColumnTypes): readonly string[] {
  const { text, int, end } = types;
  return [
    `create table agents (
      id ${text} primary key,
      ${orgColumn(types)},
      name ${text} not null,
      mode ${text} not null,
      key_hash ${text} not null unique,
      status ${text} not null,
      metadata_json ${text} not null,
      gateway_id ${text},
      seen_at ${int},
      created_at ${int} not null,
      updated_at ${int} not null,
      unique (name, org_id)
    )${end}`,
    // agent_id has no foreign key: a connection outlives its agent, and works again when one of the same name is made.
    `create table connections (
      id ${text} primary key,
      ${orgColumn(types)},
      name ${text} not null,
      resource_name ${text} not null,
      type ${text} not null,
      subtype ${text} not null,
      agent_id ${text} not null,
      command_json ${text} not null,
      default_database ${text} not null,
      access_connect ${int} not null,
      access_exec ${int} not null,
      access_runbooks ${int} not null,
      access_schema ${int} not null,
      secret_keys_json ${text} not null,
      secrets_updated_at ${int},
      reviewers_json ${text} not null,
      min_review_approvals ${int},
      force_approve_groups_json ${text} not null,
      access_max_duration_s ${int},
      redact_enabled ${int} not null,
      redact_types_json ${text} not null,
      mandatory_metadata_fields_json ${text} not null,
      attributes_json ${text} not null,
      tags_json ${text} not null,
      connection_tags_json ${text} not null,
      managed_by ${text},
      created_at ${int} not null,
      updated_at ${int} not null,
      unique (name, org_id)
    )${end}`,
    `create index connections_by_agent on connections (agent_id)`,
    `create table connection_secrets (
      connection_id ${text} primary key references connections (id) on delete cascade,
      sealed ${text} not null,
      updated_at ${int} not null
    )${end}`,
  ];
}

/** Sessions refer to nothing: they are history, and stay when users and connections go. */
function sessions(types: ColumnTypes): readonly string[] {
  const { text, int, end } = types;
  return [
    `create table sessions (
      id ${text} primary key,
      ${orgColumn(types)},
      user_id ${text} not null,
      user_email ${text} not null,
      user_name ${text} not null,
      connection ${text} not null,
      connection_id ${text},
      type ${text} not null,
      subtype ${text} not null,
      connection_tags_json ${text} not null,
      verb ${text} not null,
      origin ${text} not null,
      status ${text} not null,
      exit_code ${int},
      end_reason ${text},
      gateway_id ${text} not null,
      agent_id ${text},
      credential_id ${text},
      identity_type ${text} not null,
      batch_id ${text},
      correlation_id ${text},
      labels_json ${text} not null,
      metadata_json ${text} not null,
      metrics_json ${text},
      guardrails_info_json ${text} not null,
      script_size ${int} not null,
      audit_head ${text},
      started_at ${int} not null,
      ended_at ${int}
    )${end}`,
    // Each list is "the newest of …": the filter first, then the order of the page.
    `create index sessions_by_time on sessions (started_at desc, id desc)`,
    `create index sessions_by_user on sessions (user_id, started_at desc, id desc)`,
    `create index sessions_by_email on sessions (user_email, started_at desc, id desc)`,
    `create index sessions_by_connection on sessions (connection, started_at desc, id desc)`,
    `create index sessions_by_type on sessions (type, started_at desc, id desc)`,
    `create index sessions_by_batch on sessions (batch_id, started_at desc, id desc) where batch_id is not null`,
    `create index sessions_by_correlation on sessions (correlation_id, started_at desc, id desc) where correlation_id is not null`,
    `create index sessions_not_done on sessions (gateway_id, started_at) where status <> 'done'`,
    `create table session_inputs (
      session_id ${text} primary key references sessions (id) on delete cascade,
      script ${text} not null
    )${end}`,
    `create table credentials (
      id ${text} primary key,
      ${orgColumn(types)},
      user_id ${text} not null references users (id) on delete cascade,
      connection_id ${text} not null references connections (id) on delete cascade,
      protocol ${text} not null,
      secret_hash ${text} not null unique,
      session_id ${text},
      created_at ${int} not null,
      expire_at ${int},
      revoked_at ${int}
    )${end}`,
    `create index credentials_by_user on credentials (user_id, created_at desc)`,
    `create index credentials_by_connection on credentials (connection_id)`,
  ];
}

function policy(types: ColumnTypes): readonly string[] {
  const { text, int, real, end } = types;
  const attachment = (rules: string): string => `
      rule_id ${text} not null references ${rules} (id) on delete cascade,
      connection_id ${text} not null references connections (id) on delete cascade,
      primary key (rule_id, connection_id)`;
  return [
    `create table guardrails (
      id ${text} primary key,
      ${orgColumn(types)},
      name ${text} not null,
      description ${text} not null,
      input_json ${text} not null,
      output_json ${text} not null,
      attributes_json ${text} not null,
      managed_by ${text},
      created_at ${int} not null,
      updated_at ${int} not null,
      unique (name, org_id)
    )${end}`,
    `create table guardrail_connections (${attachment('guardrails')})${end}`,
    `create index guardrail_connections_by_connection on guardrail_connections (connection_id)`,
    `create table masking_rules (
      id ${text} primary key,
      ${orgColumn(types)},
      name ${text} not null,
      description ${text} not null,
      supported_entity_types_json ${text} not null,
      custom_entity_types_json ${text} not null,
      attributes_json ${text} not null,
      score_threshold ${real},
      managed_by ${text},
      created_at ${int} not null,
      updated_at ${int} not null,
      unique (name, org_id)
    )${end}`,
    `create table masking_rule_connections (
      active ${int} not null,${attachment('masking_rules')}
    )${end}`,
    `create index masking_rule_connections_by_connection on masking_rule_connections (connection_id)`,
  ];
}

function server({ text, int, serial, end }: ColumnTypes): readonly string[] {
  return [
    `create table counters (name ${text} primary key, value ${int} not null)${end}`,
    `insert into counters (name, value) values ('policy', 1), ('first_user', 0)`,
    `create table settings (
      key ${text} primary key,
      value_json ${text},
      sealed ${text},
      updated_at ${int} not null
    )${end}`,
    `create table outbox (
      seq ${serial},
      kind ${text} not null,
      payload_json ${text} not null,
      created_at ${int} not null,
      attempts ${int} not null,
      claimed_until ${int} not null
    )${end}`,
    `create index outbox_by_claim on outbox (claimed_until, seq)`,
  ];
}
