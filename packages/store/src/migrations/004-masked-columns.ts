import type { Migration } from './migration.ts';

/** What masking rules say about columns, and what they show instead of values. */
export const maskedColumns: Migration = {
  version: 4,
  name: 'masked-columns',
  statements: ({ text, int }) => [
    `alter table masking_rules add column columns_json ${text} not null default '[]'`,
    `alter table masking_rules add column strategy ${text}`,
    `alter table masking_rules add column keep ${int}`,
  ],
};
