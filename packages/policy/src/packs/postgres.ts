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
    version: 2,
    description: 'GRANT, REVOKE, roles, owners, row-level security, SET ROLE, and changes of the catalogue of roles',
    fits: 'postgres',
    rules: [
      rule({ type: 'operation', operations: ['grants', 'set_role'], message: 'This changes who may do what' }),
      rule({
        type: 'table',
        tables: ['pg_catalog.pg_authid', 'pg_catalog.pg_auth_members'],
        access: 'write',
        message: 'This changes who may do what',
      }),
    ],
  },
  {
    id: 'postgres-files-and-programs',
    name: 'PostgreSQL: files and programs of the server',
    version: 2,
    description:
      'COPY with files and programs, functions and settings that read, write and run them, large objects in files, and links to other servers',
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
          '*_fdw_*',
          'query_export_to_s3',
          'table_import_from_s3',
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
    version: 2,
    description: 'Tables, views and functions that show passwords or their hashes, or pages and changes of any table',
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
          'information_schema.user_mapping_options',
          'information_schema._pg_user_mappings',
        ],
        message: 'This holds secrets of the server',
      }),
      rule({
        type: 'function',
        functions: ['pg_hba_file_rules', 'get_raw_page', 'pg_logical_slot_*_changes', 'pg_get_wal_*'],
        message: 'This holds secrets of the server',
      }),
    ],
  },
];
