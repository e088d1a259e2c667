import { type Pack, rule } from './pack.ts';

/** SQL Server. */
export const MSSQL_PACKS: readonly Pack[] = [
  {
    id: 'mssql-unsafe-writes',
    name: 'SQL Server: unsafe writes',
    version: 1,
    description: 'UPDATE and DELETE of every row of a table, also in what sp_executesql runs',
    fits: 'mssql',
    rules: [
      rule({
        type: 'operation',
        operations: ['update_without_where', 'delete_without_where'],
        message: 'This changes every row of the table',
      }),
    ],
  },
  {
    id: 'mssql-destructive-ddl',
    name: 'SQL Server: destructive definitions',
    version: 1,
    description: 'DROP and TRUNCATE of anything',
    fits: 'mssql',
    rules: [rule({ type: 'operation', operations: ['drop', 'truncate'], message: 'This destroys data or definitions' })],
  },
  {
    id: 'mssql-privileges',
    name: 'SQL Server: rights',
    version: 1,
    description: 'GRANT, DENY, REVOKE, logins, users, roles, and EXECUTE AS',
    fits: 'mssql',
    rules: [rule({ type: 'operation', operations: ['grants', 'set_role'], message: 'This changes who may do what' })],
  },
  {
    id: 'mssql-files-and-programs',
    name: 'SQL Server: files and programs of the server',
    version: 1,
    description: 'xp_cmdshell and its kin, OLE automation, assemblies, BULK INSERT, OPENROWSET, BACKUP and RESTORE',
    fits: 'mssql',
    rules: [
      rule({
        type: 'operation',
        operations: ['program', 'file_read', 'file_write'],
        message: "This reaches the server's files or programs",
      }),
      rule({
        type: 'function',
        functions: [
          'xp_*',
          'sp_oa*',
          'sp_configure',
          'sp_execute_external_script',
          'sp_addlinkedserver',
          'openrowset',
          'openquery',
          'opendatasource',
          'sp_add_job*',
          'sp_start_job',
        ],
        message: "This reaches the server's files, programs or neighbours",
      }),
    ],
  },
  {
    id: 'mssql-secrets',
    name: 'SQL Server: where secrets are',
    version: 1,
    description: 'Tables and views that hold passwords or their hashes',
    fits: 'mssql',
    rules: [
      rule({
        type: 'table',
        tables: [
          'sys.sql_logins',
          'sys.syslogins',
          'dbo.syslogins',
          'dbo.sysxlogins',
          'sys.linked_logins',
          'sys.credentials',
          'sys.remote_logins',
          'sys.syscreds',
          'sys.sysxlgns',
        ],
        message: 'This holds secrets of the server',
      }),
    ],
  },
];
