import type { Protocol } from '@hoop/core/protocol';
import { accept } from './accept.ts';
import { connect } from './connect.ts';
import { execute } from './execute.ts';
import { PostgresSettings } from './settings.ts';

/** PostgreSQL's frontend/backend protocol, version 3. */
export const postgres: Protocol<PostgresSettings> = {
  name: 'postgres',
  abilities: { actions: 'parsed', deny: 'answer', hold: true, mask: 'cells', cancel: true },
  settings: PostgresSettings,
  ports: { native: 15432, local: 5433 },
  accept,
  connect,
  execute,
};
