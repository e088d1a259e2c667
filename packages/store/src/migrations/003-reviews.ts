import { ORG_ID } from '../org.ts';
import type { Migration } from './migration.ts';

/** What waits for people's approval, and what they said. */
export const reviews: Migration = {
  version: 3,
  name: 'reviews',
  statements: ({ text, int, end }) => [
    `create table reviews (
      id ${text} primary key,
      org_id ${text} not null default '${ORG_ID}',
      session_id ${text} not null,
      seq ${int} not null,
      gateway_id ${text} not null,
      connection ${text} not null,
      connection_id ${text} not null,
      type ${text} not null,
      via ${text} not null,
      text ${text} not null,
      text_bytes ${int} not null,
      is_cut ${int} not null,
      text_hash ${text} not null,
      rule ${text} not null,
      message ${text} not null,
      groups_json ${text} not null,
      requester_id ${text} not null,
      requester_email ${text} not null,
      requester_name ${text} not null,
      status ${text} not null,
      decider_id ${text},
      decider_email ${text},
      decider_name ${text},
      decided_at ${int},
      reason ${text} not null,
      created_at ${int} not null,
      expires_at ${int} not null,
      unique (session_id, seq)
    )${end}`,
    `create index reviews_by_age on reviews (created_at, id)`,
    `create index reviews_open on reviews (gateway_id, status)`,
    `create table review_texts (
      review_id ${text} primary key references reviews (id) on delete cascade,
      text ${text} not null
    )${end}`,
  ],
};
