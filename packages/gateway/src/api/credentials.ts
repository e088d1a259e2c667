import type { DatabaseAccess } from '@hoop/contract/routes/credentials';
import { Refusal } from '@hoop/core/errors';
import type { ConnectionRow } from '@hoop/store/connections';
import type { CredentialRow } from '@hoop/store/credentials';
import { type Address, formatAddress } from '../address.ts';
import { protocolFor } from './connection-check.ts';
import { mustFind } from './connections.ts';
import { notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';

type Names = 'createCredential' | 'getCredential' | 'revokeCredential' | 'closeCredential' | 'listCredentials';

export function credentialHandlers(parts: ApiParts): Pick<Handlers, Names> {
  const { store, engine, credentials } = parts;
  const owned = async (connection: string, id: string, identity: Parameters<typeof credentials.owned>[1]): Promise<CredentialRow> => {
    const row = await credentials.owned(id, identity);
    if (row.connectionId !== (await mustFind(parts, connection)).id) throw notFound('credential');
    return row;
  };
  return {
    createCredential: async ({ params, body, identity }) => {
      const connection = await mustFind(parts, params.nameOrID);
      const address = nativeAddress(parts, connection);
      const database = await databaseOf(parts, connection);
      const { secret, row } = await credentials.mint(identity, connection, body.access_duration_seconds);
      return { body: { ...envelope(row, connection), connection_credentials: accessOf(parts, address, connection, database, secret) } };
    },
    getCredential: async ({ params, identity }) => {
      const connection = await mustFind(parts, params.nameOrID);
      const row = (await store.credentials.listOf(identity.userId)).find((each) => each.connectionId === connection.id);
      if (!row) throw notFound('credential');
      const database = await databaseOf(parts, connection);
      const shown = accessOf(parts, nativeAddress(parts, connection), connection, database, '');
      const { password: _, connection_string: __, proxy_token: ___, command: ____, ...access } = shown;
      return { body: { ...envelope(row, connection), connection_credentials: access } };
    },
    revokeCredential: async ({ params, identity }) => {
      const row = await owned(params.nameOrID, params.ID, identity);
      // The store first: who is thrown out must not come back in.
      await credentials.revoke(row.id, identity);
      engine.revokeCredential(row.id);
      return NO_BODY;
    },
    closeCredential: async ({ params, identity }) => {
      const { id } = await owned(params.nameOrID, params.ID, identity);
      engine.revokeCredential(id);
      await store.signals.publish({ kind: 'credential.ended', credentialId: id });
      return NO_BODY;
    },
    listCredentials: async ({ identity }) => {
      const rows = await store.credentials.listOf(identity.userId);
      const connections = new Map(
        (await store.connections.list({ ids: rows.map((row) => row.connectionId) })).map((each) => [each.id, each]),
      );
      const items = rows.flatMap((row) => {
        const connection = connections.get(row.connectionId);
        return connection ? [{ ...envelope(row, connection), connection_id: connection.id }] : [];
      });
      return { body: { items } };
    },
  };
}

function nativeAddress(parts: ApiParts, connection: ConnectionRow): Address {
  const protocol = protocolFor(parts.protocols, connection);
  const address = parts.nativeAddressOf(protocol.name);
  if (address) return address;
  throw new Refusal(
    'native_access_off',
    `This gateway has no native listener for ${protocol.name}. Use \`hoop connect ${connection.name}\``,
  );
}

function envelope(row: CredentialRow, connection: ConnectionRow) {
  return {
    id: row.id,
    connection_name: connection.name,
    connection_type: connection.type,
    connection_subtype: connection.subtype,
    session_id: row.sessionId ?? row.id,
    has_review: false as const,
    created_at: timeOf(row.createdAt),
    expire_at: row.expireAt === null ? null : timeOf(row.expireAt),
  };
}

/** The database that clients should ask for: the connection's default one, else the one that it is set up with, else the protocol's usual. */
async function databaseOf({ store, protocols }: ApiParts, connection: ConnectionRow): Promise<string> {
  if (connection.defaultDatabase) return connection.defaultDatabase;
  const encoded = (await store.connections.secretsOf(connection.id))['envvar:DB'] ?? '';
  return Buffer.from(encoded, 'base64').toString('utf8') || (protocolFor(protocols, connection).name === 'postgres' ? 'postgres' : '');
}

interface Way {
  readonly address: Address;
  readonly connection: ConnectionRow;
  readonly database: string;
  readonly secret: string;
}

type Told = Pick<DatabaseAccess, 'connection_string' | 'command' | 'known_host' | 'proxy_token'>;

/** How people go in, a line a protocol. Names of connections and secrets are made of characters that mean nothing in a URL or a shell. */
const TOLD: Readonly<Record<string, (way: Way, parts: ApiParts) => Told>> = {
  postgres: ({ address, connection, database, secret }) => ({
    connection_string: `postgres://${connection.name}:${secret}@${formatAddress(address)}/${encodeURIComponent(database)}?sslmode=require`,
  }),
  mysql: ({ address, connection, database, secret }) => ({
    connection_string: `mysql://${connection.name}:${secret}@${formatAddress(address)}/${encodeURIComponent(database)}`,
    command: `mariadb --ssl -h ${address.host} -P ${address.port} -u ${connection.name} -p${secret}${/^[\w-]+$/.test(database) ? ` ${database}` : ''}`,
  }),
  http: ({ address, secret }) => {
    const url = `https://${formatAddress(address)}`;
    const command = JSON.stringify({ curl: `curl -H 'Authorization: Bearer ${secret}' ${url}/`, browser: `${url}/${secret}/` });
    return { connection_string: url, proxy_token: secret, command };
  },
  ssh: ({ address, connection }, { server }) => {
    const hostKey = server.info().ssh_host_key;
    return {
      connection_string: `ssh://${connection.name}@${formatAddress(address)}`,
      command: `ssh -p ${address.port} ${connection.name}@${address.host}`,
      ...(hostKey === undefined ? {} : { known_host: `[${address.host}]:${address.port} ${hostKey}` }),
    };
  },
};

function accessOf(parts: ApiParts, address: Address, connection: ConnectionRow, database: string, secret: string): DatabaseAccess {
  const told = TOLD[protocolFor(parts.protocols, connection).name]?.({ address, connection, database, secret }, parts);
  return {
    hostname: address.host,
    port: String(address.port),
    username: connection.name,
    password: secret,
    database_name: database,
    connection_string: '',
    ...told,
  };
}
