import type { Protocol } from '@hoop/core/protocol';
import { accept } from './accept.ts';
import { readCatalogue } from './catalogue.ts';
import { connect } from './connect.ts';
import { execute } from './execute.ts';
import { MysqlSettings } from './settings.ts';
import { fatalWords } from './words.ts';

/** The client/server protocol of MySQL and MariaDB, version 10. */
export const mysql: Protocol<MysqlSettings> = {
  name: 'mysql',
  abilities: { actions: 'parsed', deny: 'answer', hold: true, mask: 'cells', cancel: true, answers: ['rows', 'forbids', 'hides'] },
  settings: MysqlSettings,
  dialect: 'mysql',
  ports: { native: 13306, local: 3307 },
  refuse: fatalWords,
  accept,
  connect,
  catalogue: readCatalogue,
  execute,
};
