import { ORG_ID } from '../org.ts';
import type { ColumnTypes, Migration } from './migration.ts';

/** Resources, the organization key, what gateways tell one another, and who is linked to which of them. */
export const fleet: Migration = {
  version: 2,
  name: 'fleet',
  statements: (types) => [...resources(types), ...columns(types), ...gateways(types)],
};

function resources({ text, int, end }: ColumnTypes): readonly string[] {
  return [
    `create table resources (
      id ${text} primary key,
      org_id ${text} not null default '${ORG_ID}',
      name ${text} not null,
      type ${text} not null,
      subtype ${text} not null,
      agent_id ${text} not null,
      env_keys_json ${text} not null,
      sealed_env ${text},
      automatic ${int} not null,
      created_at ${int} not null,
      updated_at ${int} not null,
      unique (name, org_id)
    )${end}`,
    `update connections set resource_name = name where resource_name = ''`,
    // Ids are random, so that of one of its connections does for a resource.
    `insert into resources (id, name, type, subtype, agent_id, env_keys_json, automatic, created_at, updated_at)
      select min(id), resource_name, min(type), min(subtype), '', '[]', 1, min(created_at), min(updated_at)
      from connections group by resource_name`,
    `create index connections_by_resource on connections (resource_name)`,
  ];
}

function columns({ text, int }: ColumnTypes): readonly string[] {
  return [
    `alter table agents add column sealed_key ${text}`,
    `alter table connections add column probed_at ${int}`,
    `alter table connections add column probe_error ${text}`,
  ];
}

function gateways({ text, int, serial, end }: ColumnTypes): readonly string[] {
  return [
    `create table signals (
      seq ${serial},
      kind ${text} not null,
      payload_json ${text} not null,
      created_at ${int} not null
    )${end}`,
    `create index signals_by_age on signals (created_at)`,
    `create table gateways (
      id ${text} primary key,
      seen_at ${int} not null
    )${end}`,
    `create table agent_links (
      gateway_id ${text} not null,
      agent_id ${text} not null,
      connection ${text} not null,
      since ${int} not null,
      primary key (gateway_id, agent_id, connection)
    )${end}`,
  ];
}
