import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@hoop/core/log';
import pg from 'pg';
import { openStore, type Store, type StoreOptions } from '../store.ts';
import { readTestEnv } from './env.ts';
import { ThrowawayPostgres } from './throwaway-postgres.ts';

/** What `openStore` needs to find one store again. */
export type Place = Pick<StoreOptions, 'home' | 'postgresUri' | 'encryptionKey'>;

/** A kind of database that every store test runs on. */
export interface DatabaseUnderTest {
  readonly name: 'SQLite' | 'PostgreSQL';
  /** A place for a new store. */
  place(): Promise<Place>;
  /** The same database from another directory, as a second gateway has it. Undefined where gateways cannot share one. */
  neighbour(place: Place): Place | undefined;
  /** Opens a new, empty store; it is closed by `stop` at the latest. */
  store(options?: Partial<StoreOptions>): Promise<Store>;
  /** Closes what was opened and removes every trace. To be called when a suite ends. */
  stop(): Promise<void>;
}

/** The databases to run a suite on. A suite that has no PostgreSQL server fails. */
export function databases(): readonly DatabaseUnderTest[] {
  return [new SqliteUnderTest(), new PostgresUnderTest()];
}

class Homes {
  readonly #homes: string[] = [];

  make(): string {
    const home = mkdtempSync(join(tmpdir(), 'hoop-store-'));
    this.#homes.push(home);
    return home;
  }

  remove(): void {
    for (const home of this.#homes) rmSync(home, { recursive: true, force: true });
  }
}

class Opened {
  readonly #stores: Store[] = [];

  async open(place: Place, options: Partial<StoreOptions>): Promise<Store> {
    const store = await openStore({ log: silentLog(), ...place, ...options });
    this.#stores.push(store);
    return store;
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close();
  }
}

class SqliteUnderTest implements DatabaseUnderTest {
  readonly name = 'SQLite';
  readonly #homes = new Homes();
  readonly #opened = new Opened();

  async place(): Promise<Place> {
    return { home: this.#homes.make(), encryptionKey: randomBytes(32) };
  }

  neighbour(): undefined {
    return undefined;
  }

  async store(options: Partial<StoreOptions> = {}): Promise<Store> {
    return this.#opened.open(await this.place(), options);
  }

  async stop(): Promise<void> {
    await this.#opened.close();
    this.#homes.remove();
  }
}

interface Server {
  readonly uri: string;
  stop(): Promise<void>;
}

class PostgresUnderTest implements DatabaseUnderTest {
  readonly name = 'PostgreSQL';
  readonly #homes = new Homes();
  readonly #opened = new Opened();
  readonly #made: string[] = [];
  #server: Promise<Server> | undefined;

  async place(): Promise<Place> {
    const server = await (this.#server ??= startServer());
    const name = `hoop_test_${randomUUID().replaceAll('-', '')}`;
    await asAdmin(server.uri, `create database ${name}`);
    this.#made.push(name);
    const uri = new URL(server.uri);
    uri.pathname = `/${name}`;
    return { home: this.#homes.make(), postgresUri: uri.href, encryptionKey: randomBytes(32) };
  }

  neighbour(place: Place): Place {
    return { ...place, home: this.#homes.make() };
  }

  async store(options: Partial<StoreOptions> = {}): Promise<Store> {
    return this.#opened.open(await this.place(), options);
  }

  async stop(): Promise<void> {
    await this.#opened.close();
    this.#homes.remove();
    const server = await this.#server;
    if (!server) return;
    for (const name of this.#made) await asAdmin(server.uri, `drop database if exists ${name} with (force)`);
    await server.stop();
  }
}

async function startServer(): Promise<Server> {
  const { postgresUri } = readTestEnv();
  return postgresUri === undefined ? ThrowawayPostgres.start() : { uri: postgresUri, stop: async () => {} };
}

async function asAdmin(uri: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: uri });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
