import { type Pack, rule } from './pack.ts';

/** MySQL and MariaDB: the same ends by their own means. */
export const MYSQL_PACKS: readonly Pack[] = [
  {
    id: 'mysql-unsafe-writes',
    name: 'MySQL: unsafe writes',
    version: 1,
    description: 'UPDATE and DELETE of every row of a table, also in what is prepared from a text or stands in a routine',
    fits: 'mysql',
    rules: [
      rule({
        type: 'operation',
        operations: ['update_without_where', 'delete_without_where'],
        message: 'This changes every row of the table',
      }),
    ],
  },
  {
    id: 'mysql-destructive-ddl',
    name: 'MySQL: destructive definitions',
    version: 1,
    description: 'DROP and TRUNCATE of anything',
    fits: 'mysql',
    rules: [rule({ type: 'operation', operations: ['drop', 'truncate'], message: 'This destroys data or definitions' })],
  },
  {
    id: 'mysql-privileges',
    name: 'MySQL: rights',
    version: 1,
    description: 'GRANT, REVOKE, users, roles and passwords',
    fits: 'mysql',
    rules: [rule({ type: 'operation', operations: ['grants', 'set_role'], message: 'This changes who may do what' })],
  },
  {
    id: 'mysql-files-and-programs',
    name: 'MySQL: files and programs of the server',
    version: 2,
    description: 'LOAD DATA, OUTFILE, DUMPFILE, LOAD_FILE, tables in files and on other servers, settings of files, plugins and libraries',
    fits: 'mysql',
    rules: [
      rule({
        type: 'operation',
        operations: ['program', 'file_read', 'file_write'],
        message: "This reaches the server's files or programs",
      }),
      rule({
        type: 'function',
        functions: ['load_file', 'sys_exec', 'sys_eval', 'sys_get', 'sys_set', 'lib_mysqludf_*'],
        message: "This reaches the server's files or programs",
      }),
    ],
  },
  {
    id: 'mysql-secrets',
    name: 'MySQL: where secrets are',
    version: 1,
    description: 'Tables that hold passwords or their hashes',
    fits: 'mysql',
    rules: [
      rule({
        type: 'table',
        tables: [
          'mysql.user',
          'mysql.global_priv',
          'mysql.db',
          'mysql.proxies_priv',
          'mysql.servers',
          'mysql.slave_master_info',
          'mysql.password_history',
        ],
        message: 'This holds secrets of the server',
      }),
    ],
  },
];
