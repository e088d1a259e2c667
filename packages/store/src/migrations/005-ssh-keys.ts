import { ORG_ID } from '../org.ts';
import type { Migration } from './migration.ts';

/** Users' own public keys for SSH: what tells them apart, and not the keys. */
export const sshKeys: Migration = {
  version: 5,
  name: 'ssh keys',
  statements: ({ text, int, end }) => [
    `create table ssh_keys (
      id ${text} primary key,
      org_id ${text} not null default '${ORG_ID}',
      user_id ${text} not null references users (id) on delete cascade,
      name ${text} not null,
      type ${text} not null,
      fingerprint ${text} not null unique,
      created_at ${int} not null,
      used_at ${int}
    )${end}`,
    `create index ssh_keys_by_user on ssh_keys (user_id, created_at)`,
  ],
};
