import { Misconfigured } from '@hoop/core/errors';

/** What `hoop run` can offer beside commands. */
export const DATABASES = ['postgres', 'mysql', 'mssql', 'mongodb'] as const;
export type Database = (typeof DATABASES)[number];

const SCHEMES: Readonly<Record<string, Database>> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  mssql: 'mssql',
  sqlserver: 'mssql',
  mongodb: 'mongodb',
  'mongodb+srv': 'mongodb',
};

/** The kind of database that a URI is about, by its scheme. @throws Misconfigured `database_uri` */
export function databaseOf(uri: string): Database {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase() ?? '';
  const database = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (!database) throw fault(`begins with none of ${Object.keys(SCHEMES).join('://, ')}://`);
  return database;
}

/**
 * The settings of a connection (`HOST`, `PORT`, `USER`, `PASS`, `DB` …) that a database's URI stands for.
 * @throws Misconfigured `database_uri`; the URI, which holds a password, is never shown
 */
export function settingsOfUri(database: Database, uri: string): Record<string, string> {
  if (databaseOf(uri) !== database) throw fault(`is none of ${database}`);
  // A cluster's members, and options beyond counting: the driver's own form is kept whole.
  if (database === 'mongodb') return { CONNECTION_STRING: uri };
  const url = parse(uri);
  const options = new URLSearchParams(url.searchParams);
  const settings: Record<string, string> = {
    HOST: url.hostname.replace(/^\[(.*)\]$/, '$1') || (options.get('host') ?? ''),
    ...present('PORT', url.port || options.get('port')),
    ...present('USER', decoded(url.username) || options.get('user')),
    ...present('PASS', decoded(url.password) || options.get('password')),
    ...present('DB', decoded(url.pathname.replace(/^\//, '')) || options.get('database') || options.get('dbname')),
  };
  if (settings.HOST === '' || settings.HOST?.startsWith('/')) throw fault('names no host: sockets of the local kind are not dialled');
  return { ...settings, ...tlsOf(database, options) };
}

/** How the connection is encrypted, in the words of the connection's settings. */
function tlsOf(database: Database, options: URLSearchParams): Record<string, string> {
  if (database === 'postgres') {
    const mode = options.get('sslmode');
    // Both mean: whatever the server prefers.
    return present('SSLMODE', mode === 'allow' ? 'prefer' : mode);
  }
  if (database === 'mssql') return options.get('trustservercertificate')?.toLowerCase() === 'true' ? { INSECURE: 'true' } : {};
  return {};
}

function parse(uri: string): URL {
  try {
    return new URL(uri);
  } catch {
    throw fault(
      'is not <scheme>://<user>:<password>@<host>:<port>/<database>; characters such as # and / in a password are written as %23 and %2F',
    );
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault('has a % that begins no character; write it as %25');
  }
}

function present(name: string, value: string | null): Record<string, string> {
  return value ? { [name]: value } : {};
}

function fault(why: string): Misconfigured {
  return new Misconfigured('database_uri', `The URI of the database ${why}`);
}
