import type { Protocol } from '@hoop/core/protocol';
import { accept } from './accept.ts';
import { readCatalogue } from './catalogue.ts';
import { connect } from './connect.ts';
import { execute } from './execute.ts';
import { PostgresSettings } from './settings.ts';
import { fatalWords } from './words.ts';

/** PostgreSQL's frontend/backend protocol, version 3. */
export const postgres: Protocol<PostgresSettings> = {
  name: 'postgres',
  abilities: { actions: 'parsed', deny: 'answer', hold: true, mask: 'cells', cancel: true, answers: ['rows', 'forbids', 'hides'] },
  dialect: 'postgres',
  settings: PostgresSettings,
  ports: { native: 15432, local: 5433 },
  refuse: fatalWords,
  accept,
  connect,
  catalogue: readCatalogue,
  execute,
};
