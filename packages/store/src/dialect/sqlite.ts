import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
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
import { type FaultReason, storeFault } from './faults.ts';
import { checkParameters } from './parameters.ts';
import { Turn } from './turn.ts';

/** How long a statement waits for another process that holds the file, such as a backup. */
const BUSY_MS = 5_000;

/** How long a statement waits for a transaction of this process. Longer than any of ours takes, shorter than a client's patience. */
const TURN_MS_MAX = 15_000;

/** Prepared statements that are kept. The store has fewer distinct ones, except for lists with many filters. */
const STATEMENTS_MAX = 256;

/** Bytes of write-ahead log that stay on disk after a checkpoint. */
const WAL_BYTES_KEPT = 64 * 1024 * 1024;

/**
 * Kysely over Node's own SQLite. One connection: SQLite has one writer anyway, and one gateway process owns the file.
 * It is synchronous underneath, so every statement must be short.
 */
export class SqliteDialect implements Dialect {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#file);
  }

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

/** Kysely's own lock for single connections has no deadline; the driver's has. */
class OwnTurnAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

class SqliteDriver implements Driver {
  readonly #file: string;
  readonly #turn = new Turn(TURN_MS_MAX);
  #connection: SqliteConnection | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  async init(): Promise<void> {
    this.#connection = new SqliteConnection(openDatabase(this.#file));
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
  readonly #db: DatabaseSync;
  /** In order of last use, the oldest first. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    checkParameters(query.parameters);
    try {
      const statement = this.#prepare(query.sql);
      const parameters = query.parameters.map(toSqlite);
      if (statement.columns().length > 0) return { rows: statement.all(...parameters) as R[] };
      const { changes } = statement.run(...parameters);
      return { rows: [], numAffectedRows: BigInt(changes) };
    } catch (error) {
      throw storeFault(reasonOf(error), error);
    }
  }

  // biome-ignore lint/correctness/useYield: it exists to say no.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Bug('store_stream', 'Streaming would hold the only connection; read pages instead');
  }

  run(sql: string): void {
    try {
      this.#db.exec(sql);
    } catch (error) {
      throw storeFault(reasonOf(error), error);
    }
  }

  /** SQLite ends a transaction by itself on a full disk; a rollback after that is an error of no interest. */
  rollback(): void {
    if (this.#db.isTransaction) this.run('rollback');
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    const statement = known ?? this.#db.prepare(sql);
    if (known) this.#statements.delete(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > STATEMENTS_MAX) {
      const [oldest] = this.#statements.keys();
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    return statement;
  }
}

/** @throws AppError `store_full` when the file cannot be opened. */
function openDatabase(file: string): DatabaseSync {
  try {
    // SQLite gives its helper files the mode of the main one, so this is the one place where it is decided.
    closeSync(openSync(file, 'a', 0o600));
    const db = new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: true, defensive: true });
    db.exec('pragma journal_mode = wal');
    db.exec('pragma synchronous = full');
    db.exec(`pragma journal_size_limit = ${WAL_BYTES_KEPT}`);
    db.exec('pragma trusted_schema = off');
    return db;
  } catch (error) {
    throw storeFault(reasonOf(error), error);
  }
}

/** Node binds every number as a float; an integer column deserves an integer. */
function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  return value as SQLInputValue;
}

const SQLITE_REASONS: ReadonlyMap<number, FaultReason> = new Map([
  [1555, 'unique'], // SQLITE_CONSTRAINT_PRIMARYKEY
  [2067, 'unique'], // SQLITE_CONSTRAINT_UNIQUE
  [787, 'reference'], // SQLITE_CONSTRAINT_FOREIGNKEY
  [3091, 'out_of_range'], // SQLITE_CONSTRAINT_DATATYPE
  [18, 'out_of_range'], // SQLITE_TOOBIG
]);

/** By primary result code: the low byte. */
const SQLITE_PRIMARY_REASONS: ReadonlyMap<number, FaultReason> = new Map([
  [5, 'busy'], // SQLITE_BUSY
  [6, 'busy'], // SQLITE_LOCKED
  [8, 'full'], // SQLITE_READONLY
  [10, 'full'], // SQLITE_IOERR
  [13, 'full'], // SQLITE_FULL
  [14, 'full'], // SQLITE_CANTOPEN
]);

function reasonOf(error: unknown): FaultReason {
  if (!(error instanceof Error)) return 'other';
  if ('errcode' in error && typeof error.errcode === 'number') {
    return SQLITE_REASONS.get(error.errcode) ?? SQLITE_PRIMARY_REASONS.get(error.errcode & 0xff) ?? 'other';
  }
  return 'syscall' in error ? 'full' : 'other';
}
