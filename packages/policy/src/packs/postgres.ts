import { type Pack, rule } from './pack.ts';

/** PostgreSQL: changes of whole tables, what destroys, rights, files and programs, and where passwords are kept. */
export const POSTGRES_PACKS: readonly Pack[] = [
  {
    id: 'postgres-unsafe-writes',
    name: 'PostgreSQL: unsafe writes',
    version: 1,
    description: 'UPDATE and DELETE of every row of a table, also inside a WITH, a DO block, a function, or behind EXPLAIN ANALYZE',
    fits: 'postgres',
    rules: [
      rule({
        type: 'operation',
        operations: ['update_without_where', 'delete_without_where'],
        message: 'This changes every row of the table',
      }),
    ],
  },
  {
    id: 'postgres-destructive-ddl',
    name: 'PostgreSQL: destructive definitions',
    version: 1,
    description: 'DROP and TRUNCATE of anything',
    fits: 'postgres',
    rules: [rule({ type: 'operation', operations: ['drop', 'truncate'], message: 'This destroys data or definitions' })],
  },
  {
    id: 'postgres-privileges',
    name: 'PostgreSQL: rights',
    version: 1,
    description: 'GRANT, REVOKE, roles, owners, row-level security, and SET ROLE',
    fits: 'postgres',
    rules: [rule({ type: 'operation', operations: ['grants', 'set_role'], message: 'This changes who may do what' })],
  },
  {
    id: 'postgres-files-and-programs',
    name: 'PostgreSQL: files and programs of the server',
    version: 1,
    description: 'COPY with files and programs, functions that read and write files, large objects in files, and links to other servers',
    fits: 'postgres',
    rules: [
      rule({
        type: 'operation',
        operations: ['program', 'file_read', 'file_write'],
        message: "This reaches the server's files or programs",
      }),
      rule({
        type: 'function',
        functions: [
          'pg_read_file',
          'pg_read_binary_file',
          'pg_read_server_files',
          'pg_ls_*',
          'pg_stat_file',
          'pg_current_logfile',
          'pg_file_*',
          'pg_logdir_ls',
          'lo_import*',
          'lo_export',
          'be_lo_*port',
          'dblink*',
          'postgres_fdw_*',
          'pg_execute_server_program',
          'pg_reload_conf',
          'pg_rotate_logfile*',
          'pg_terminate_backend',
        ],
        message: "This reaches the server's files, programs or neighbours",
      }),
    ],
  },
  {
    id: 'postgres-secrets',
    name: 'PostgreSQL: where secrets are',
    version: 1,
    description: 'Tables and views that hold passwords or their hashes',
    fits: 'postgres',
    rules: [
      rule({
        type: 'table',
        tables: [
          'pg_catalog.pg_authid',
          'pg_catalog.pg_shadow',
          'pg_catalog.pg_user_mapping',
          'pg_catalog.pg_user_mappings',
          'pg_catalog.pg_subscription',
          'pg_catalog.pg_hba_file_rules',
          'pg_catalog.pg_largeobject',
          'pg_catalog.pg_statistic',
        ],
        message: 'This holds secrets of the server',
      }),
    ],
  },
];
