import { Bug } from '@hoop/core/errors';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { storeFault } from './faults.ts';
import { checkParameters } from './parameters.ts';
import { SqliteFile, sqliteReason } from './sqlite-file.ts';
import { Turn } from './turn.ts';

/** How long a statement waits for a transaction of this process. Longer than any of ours takes, shorter than a client's patience. */
const TURN_MS_MAX = 15_000;

/** What Kysely needs to know of SQLite, apart from the driver. */
export abstract class SqliteDialectBase implements Dialect {
  abstract createDriver(): Driver;

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new OwnTurnAdapter();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the interface of Kysely has it.
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** Kysely's own lock for single connections has no deadline; the drivers' have. */
class OwnTurnAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/**
 * Kysely over Node's own SQLite. One connection: SQLite has one writer anyway, and one gateway process owns the file.
 * It is synchronous underneath, so every statement must be short; searches that may not be go to `SearchDialect`.
 */
export class SqliteDialect extends SqliteDialectBase {
  readonly #file: string;
  readonly #turn_ms: number;

  constructor(file: string, turn_ms = TURN_MS_MAX) {
    super();
    this.#file = file;
    this.#turn_ms = turn_ms;
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#file, this.#turn_ms);
  }
}

class SqliteDriver implements Driver {
  readonly #file: string;
  readonly #turn: Turn;
  #connection: SqliteConnection | undefined;

  constructor(file: string, turn_ms: number) {
    this.#file = file;
    this.#turn = new Turn(turn_ms);
  }

  async init(): Promise<void> {
    this.#connection = new SqliteConnection(faulty(() => SqliteFile.openForWriting(this.#file)));
  }

  async acquireConnection(): Promise<SqliteConnection> {
    await this.#turn.take();
    if (this.#connection) return this.#connection;
    this.#turn.give();
    throw new Bug('store_closed', 'The store is closed');
  }

  /** IMMEDIATE: a transaction that would write later must not find out then that another one came first. */
  async beginTransaction(connection: SqliteConnection): Promise<void> {
    connection.run('begin immediate');
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    connection.run('commit');
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    connection.rollback();
  }

  async releaseConnection(): Promise<void> {
    this.#turn.give();
  }

  async destroy(): Promise<void> {
    await this.#turn.take();
    this.#connection?.close();
    this.#connection = undefined;
    this.#turn.give();
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #file: SqliteFile;

  constructor(file: SqliteFile) {
    this.#file = file;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    checkParameters(query.parameters);
    const { rows, changes } = faulty(() => this.#file.execute(query.sql, query.parameters));
    return { rows: rows as R[], numAffectedRows: changes };
  }

  // biome-ignore lint/correctness/useYield: it exists to say no.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Bug('store_stream', 'Streaming would hold the only connection; read pages instead');
  }

  run(sql: string): void {
    faulty(() => this.#file.run(sql));
  }

  /** SQLite ends a transaction by itself on a full disk; a rollback after that is an error of no interest. */
  rollback(): void {
    if (this.#file.inTransaction) this.run('rollback');
  }

  close(): void {
    this.#file.close();
  }
}

function faulty<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeFault(sqliteReason(error), error);
  }
}
