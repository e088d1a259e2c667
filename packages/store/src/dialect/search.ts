import { Worker } from 'node:worker_threads';
import { Bug } from '@hoop/core/errors';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { type FaultReason, storeFault } from './faults.ts';
import { checkParameters } from './parameters.ts';
import { SqliteDialectBase } from './sqlite.ts';
import { Turn } from './turn.ts';

/** A search that takes longer is ended: nobody waits for it any more. */
const SEARCH_MS_MAX = 20_000;

export interface SearchRequest {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export type SearchReply =
  | { readonly rows: unknown[]; readonly reason?: undefined }
  | { readonly rows?: undefined; readonly reason: FaultReason; readonly message: string };

/**
 * Kysely over SQLite for reads that may be long, such as a count over a year of sessions: on a thread with a connection of its own,
 * so that the bytes of others flow meanwhile. The thread starts with the first search.
 */
export class SearchDialect extends SqliteDialectBase {
  readonly #file: string;
  readonly #search_ms: number;

  constructor(file: string, search_ms = SEARCH_MS_MAX) {
    super();
    this.#file = file;
    this.#search_ms = search_ms;
  }

  createDriver(): Driver {
    return new SearchDriver(this.#file, this.#search_ms);
  }
}

class SearchDriver implements Driver {
  readonly #turn: Turn;
  readonly #connection: SearchConnection;

  constructor(file: string, search_ms: number) {
    this.#turn = new Turn(search_ms);
    this.#connection = new SearchConnection(file, search_ms);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SearchConnection> {
    await this.#turn.take();
    return this.#connection;
  }

  beginTransaction(): Promise<void> {
    return readsOnly();
  }

  commitTransaction(): Promise<void> {
    return readsOnly();
  }

  rollbackTransaction(): Promise<void> {
    return readsOnly();
  }

  async releaseConnection(): Promise<void> {
    this.#turn.give();
  }

  destroy(): Promise<void> {
    return this.#connection.close();
  }
}

async function readsOnly(): Promise<never> {
  throw new Bug('store_search', 'Searches only read');
}

class SearchConnection implements DatabaseConnection {
  readonly #file: string;
  readonly #search_ms: number;
  #worker: Worker | undefined;

  constructor(file: string, search_ms: number) {
    this.#file = file;
    this.#search_ms = search_ms;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    checkParameters(query.parameters);
    this.#worker ??= this.#start();
    const reply = await this.#ask(this.#worker, { sql: query.sql, parameters: query.parameters });
    if (reply.reason !== undefined) throw storeFault(reply.reason, new Error(reply.message));
    return { rows: reply.rows as R[] };
  }

  // biome-ignore lint/correctness/useYield: it exists to say no.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Bug('store_stream', 'Streaming is not available; read pages instead');
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    // Runs from source and from the build alike: the thread's file lies beside this one, with the same ending.
    const beside = import.meta.url.endsWith('.ts') ? './search-worker.ts' : './search-worker.js';
    const worker = new Worker(new URL(beside, import.meta.url), { workerData: this.#file, name: 'store-search' });
    worker.unref();
    // A thread that dies between two searches (out of memory, say) must not take the process along.
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    return worker;
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
  }

  /** One at a time: the driver's turn sees to it. A worker that fails or is late is replaced by the next search. */
  async #ask(worker: Worker, request: SearchRequest): Promise<SearchReply> {
    const { promise, resolve, reject } = Promise.withResolvers<SearchReply>();
    const failed = (error: Error): void => reject(storeFault('other', error));
    const exited = (): void => reject(storeFault('other', new Error('The search thread ended')));
    const late = (): void => reject(storeFault('busy', new Error(`The search took more than ${this.#search_ms} ms`)));
    const timer = setTimeout(late, this.#search_ms);
    worker.on('message', resolve).on('error', failed).on('exit', exited);
    worker.postMessage(request);
    try {
      return await promise;
    } catch (error) {
      this.#forget(worker);
      await worker.terminate();
      throw error;
    } finally {
      clearTimeout(timer);
      worker.off('message', resolve).off('error', failed).off('exit', exited);
    }
  }
}
