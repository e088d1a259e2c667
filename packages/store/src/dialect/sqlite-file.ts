import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { FaultReason } from './faults.ts';

/** How long a statement waits for another process that holds the file, such as a backup. */
const BUSY_MS = 5_000;

/** Prepared statements that are kept. The store has fewer distinct ones, except for lists with many filters. */
const STATEMENTS_MAX = 256;

/** Bytes of write-ahead log that stay on disk after a checkpoint. */
const WAL_BYTES_KEPT = 64 * 1024 * 1024;

export interface SqliteResult {
  readonly rows: unknown[];
  readonly changes: bigint;
}

/** One connection to an SQLite file, with its prepared statements. Errors are the driver's own: see `sqliteReason`. */
export class SqliteFile {
  readonly #db: DatabaseSync;
  /** In order of last use, the oldest first. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** The one connection that writes. Makes the file where there is none. */
  static openForWriting(file: string): SqliteFile {
    makePrivate(file);
    const db = new DatabaseSync(file, { timeout: BUSY_MS, enableForeignKeyConstraints: true, defensive: true });
    db.exec('pragma journal_mode = wal');
    db.exec('pragma synchronous = full');
    db.exec(`pragma journal_size_limit = ${WAL_BYTES_KEPT}`);
    db.exec('pragma trusted_schema = off');
    return new SqliteFile(db);
  }

  static openForReading(file: string): SqliteFile {
    const db = new DatabaseSync(file, { timeout: BUSY_MS, readOnly: true, defensive: true });
    db.exec('pragma trusted_schema = off');
    return new SqliteFile(db);
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  execute(sql: string, parameters: readonly unknown[]): SqliteResult {
    const statement = this.#prepare(sql);
    const values = parameters.map(toSqlite);
    if (statement.columns().length > 0) return { rows: statement.all(...values), changes: 0n };
    return { rows: [], changes: BigInt(statement.run(...values).changes) };
  }

  run(sql: string): void {
    this.#db.exec(sql);
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

/**
 * Makes the file, for its owner only, where there is none. SQLite gives its helper files the mode of the main one.
 * A file that exists is not even opened: closing any descriptor of it would drop the locks that this process holds (POSIX).
 */
export function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** Node binds every number as a float; an integer column deserves an integer. */
function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  return value as SQLInputValue;
}

const REASONS: ReadonlyMap<number, FaultReason> = new Map([
  [1555, 'unique'], // SQLITE_CONSTRAINT_PRIMARYKEY
  [2067, 'unique'], // SQLITE_CONSTRAINT_UNIQUE
  [787, 'reference'], // SQLITE_CONSTRAINT_FOREIGNKEY
  [3091, 'out_of_range'], // SQLITE_CONSTRAINT_DATATYPE
  [18, 'out_of_range'], // SQLITE_TOOBIG
]);

/** By primary result code: the low byte. */
const PRIMARY_REASONS: ReadonlyMap<number, FaultReason> = new Map([
  [5, 'busy'], // SQLITE_BUSY
  [6, 'busy'], // SQLITE_LOCKED
  [8, 'full'], // SQLITE_READONLY
  [10, 'full'], // SQLITE_IOERR
  [11, 'corrupt'], // SQLITE_CORRUPT
  [13, 'full'], // SQLITE_FULL
  [14, 'full'], // SQLITE_CANTOPEN
  [26, 'corrupt'], // SQLITE_NOTADB
]);

/** Why a statement on SQLite failed, by its extended result code. */
export function sqliteReason(error: unknown): FaultReason {
  if (!(error instanceof Error)) return 'other';
  if ('errcode' in error && typeof error.errcode === 'number') {
    return REASONS.get(error.errcode) ?? PRIMARY_REASONS.get(error.errcode & 0xff) ?? 'other';
  }
  return 'syscall' in error ? 'full' : 'other';
}
