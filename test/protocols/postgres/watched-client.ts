import type { Socket } from 'node:net';
import pg from 'pg';
import type { Access } from '../../support/office.ts';

export interface WatchedClient {
  readonly client: pg.Client;
  /** Everything that it was sent, byte by byte as Latin-1. */
  seen(): string;
}

/** A client through the system, and everything that it was ever sent. */
export async function watchedClient({ host, port, connection: user, secret: password }: Access, database: string): Promise<WatchedClient> {
  const client = new pg.Client({ host, port, user, password, database });
  const seen: Buffer[] = [];
  await client.connect();
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
  stream.on('data', (bytes: Buffer) => seen.push(bytes));
  return { client, seen: () => Buffer.concat(seen).toString('latin1') };
}
