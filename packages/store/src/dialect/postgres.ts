import { Bug } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  type QueryResult,
} from 'kysely';
import pg from 'pg';
import { type FaultReason, storeFault } from './faults.ts';
import { checkParameters } from './parameters.ts';

/** Connections of one gateway to the database server. Statements are short; more would only queue there. */
const POOL_CONNECTIONS_MAX = 10;

/** How long a caller waits for one of them, and for the server to be reached. */
const POOL_WAIT_MS_MAX = 10_000;

/** A statement of ours that runs longer is stuck behind a lock. */
const STATEMENT_MS_MAX = 30_000;

/** Kysely over a pool of `pg`. Kysely's own driver is not used because errors must leave here in the store's words. */
export class PostgresDialect implements Dialect {
  readonly #uri: string;
  readonly #log: Log;

  constructor(uri: string, log: Log) {
    this.#uri = uri;
    this.#log = log;
  }

  createDriver(): Driver {
    return new PostgresDriver(this.#uri, this.#log);
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new PostgresAdapter();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the interface of Kysely has it.
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new PostgresIntrospector(db);
  }
}

class PostgresDriver implements Driver {
  readonly #uri: string;
  readonly #log: Log;
  #pool: pg.Pool | undefined;
  /** Callers that have a connection or wait for one. */
  #callers = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(uri: string, log: Log) {
    this.#uri = uri;
    this.#log = log;
  }

  async init(): Promise<void> {
    this.#pool = new pg.Pool({
      connectionString: this.#uri,
      application_name: 'hoop',
      max: POOL_CONNECTIONS_MAX,
      connectionTimeoutMillis: POOL_WAIT_MS_MAX,
      statement_timeout: STATEMENT_MS_MAX,
      types: { getTypeParser },
    });
    // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
    this.#pool.on('error', (error) => this.#log.warn({ err: error }, 'A connection to the database was lost'));
  }

  async acquireConnection(): Promise<PostgresConnection> {
    if (!this.#pool || this.#idle) throw new Bug('store_closed', 'The store is closed');
    this.#callers++;
    try {
      return new PostgresConnection(await this.#pool.connect());
    } catch (error) {
      this.#leave();
      throw storeFault(reasonOf(error) === 'other' ? 'unavailable' : reasonOf(error), error);
    }
  }

  async beginTransaction(connection: PostgresConnection): Promise<void> {
    await connection.run('begin');
  }

  async commitTransaction(connection: PostgresConnection): Promise<void> {
    // COMMIT of a transaction that failed earlier succeeds with the tag ROLLBACK: nothing was stored.
    if ((await connection.run('commit')) !== 'COMMIT') throw new Bug('store_rolled_back', 'The transaction was rolled back');
  }

  async rollbackTransaction(connection: PostgresConnection): Promise<void> {
    await connection.run('rollback').catch(() => connection.discard());
  }

  async releaseConnection(connection: PostgresConnection): Promise<void> {
    connection.release();
    this.#leave();
  }

  /** The pool would let those who still wait for a connection wait in vain. */
  async destroy(): Promise<void> {
    this.#idle = Promise.withResolvers<void>();
    if (this.#callers > 0) await this.#idle.promise;
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  #leave(): void {
    this.#callers--;
    if (this.#callers === 0) this.#idle?.resolve();
  }
}

class PostgresConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  #broken = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    // Between two statements nobody waits for an error of the connection; without a listener it would end the process.
    client.on('error', this.#lost);
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    checkParameters(query.parameters);
    try {
      const { rows, rowCount } = await this.#client.query(query.sql, [...query.parameters]);
      return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) };
    } catch (error) {
      throw this.#fault(error);
    }
  }

  // biome-ignore lint/correctness/useYield: it exists to say no.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Bug('store_stream', 'Streaming is not available on every database; read pages instead');
  }

  /** Gives the command tag. */
  async run(sql: string): Promise<string> {
    try {
      const { command } = await this.#client.query(sql);
      return command;
    } catch (error) {
      throw this.#fault(error);
    }
  }

  /** Nobody gets this connection again: its state is unknown. */
  discard(): void {
    this.#broken = true;
  }

  release(): void {
    this.#client.release(this.#broken);
    if (!this.#broken) this.#client.off('error', this.#lost);
  }

  readonly #lost = (): void => this.discard();

  #fault(error: unknown): Error {
    const reason = reasonOf(error);
    if (reason === 'unavailable') this.#broken = true;
    return storeFault(reason, error);
  }
}

const INT8_OID = 20;

/** Counts and times are far below 2^53 and `checkParameters` keeps it so; everything else is as `pg` has it. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8_OID) return Number;
  return pg.types.getTypeParser(oid, format as 'text');
}

const SQLSTATE_REASONS: ReadonlyMap<string, FaultReason> = new Map([
  ['23505', 'unique'],
  ['23503', 'reference'],
  ['22003', 'out_of_range'],
  ['22P02', 'out_of_range'],
  ['22021', 'out_of_range'],
  ['54000', 'out_of_range'],
  ['40001', 'busy'],
  ['40P01', 'busy'],
  ['55P03', 'busy'],
  ['57014', 'busy'],
  ['57P01', 'unavailable'],
  ['57P02', 'unavailable'],
  ['57P03', 'unavailable'],
  ['53300', 'unavailable'],
  ['53100', 'full'],
]);

function reasonOf(error: unknown): FaultReason {
  if (error instanceof pg.DatabaseError) return SQLSTATE_REASONS.get(error.code ?? '') ?? 'other';
  // Anything that is not an answer of the server is about the way to it: refused, reset, timed out.
  return error instanceof Error && !(error instanceof TypeError) ? 'unavailable' : 'other';
}
