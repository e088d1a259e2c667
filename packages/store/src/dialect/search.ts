import { Worker } from 'node:worker_threads';
import { Bug } from '@hoop/core/errors';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { type FaultReason, storeFault } from './faults.ts';
import { checkParameters } from './parameters.ts';
import { SqliteDialectBase } from './sqlite.ts';
import { Turn } from './turn.ts';

/**
 * Nobody waits longer for a search. It cannot be interrupted, so it holds the thread until it is through, and the next one waits:
 * however many are given up, one core is busy at most.
 */
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
  readonly #driver: SearchDriver;

  constructor(file: string, search_ms = SEARCH_MS_MAX) {
    super();
    this.#driver = new SearchDriver(file, search_ms);
  }

  createDriver(): Driver {
    return this.#driver;
  }

  /** Ends the thread. Kysely would not tell the driver when no search has run yet, and one could start afterwards. */
  close(): Promise<void> {
    return this.#driver.destroy();
  }
}

class SearchDriver implements Driver {
  readonly #turn: Turn;
  readonly #connection: SearchConnection;
  #closed = false;

  constructor(file: string, search_ms: number) {
    this.#turn = new Turn(search_ms);
    this.#connection = new SearchConnection(file, search_ms);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SearchConnection> {
    await this.#turn.take();
    if (!this.#closed) return this.#connection;
    this.#turn.give();
    throw new Bug('store_closed', 'The store is closed');
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

  async releaseConnection(connection: SearchConnection): Promise<void> {
    void connection.answered.then(() => this.#turn.give());
  }

  /** Waits for the search that runs, like every other part of the store. */
  async destroy(): Promise<void> {
    this.#closed = true;
    await this.#turn.take();
    await this.#connection.close();
    this.#turn.give();
  }
}

async function readsOnly(): Promise<never> {
  throw new Bug('store_search', 'Searches only read');
}

class SearchConnection implements DatabaseConnection {
  readonly #file: string;
  readonly #search_ms: number;
  #worker: Worker | undefined;
  #answered: Promise<void> = Promise.resolve();

  constructor(file: string, search_ms: number) {
    this.#file = file;
    this.#search_ms = search_ms;
  }

  /** Resolves when the thread has nothing to do, whether somebody still waits for its answer or not. */
  get answered(): Promise<void> {
    return this.#answered;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    checkParameters(query.parameters);
    this.#worker ??= this.#start();
    const answer = ask(this.#worker, { sql: query.sql, parameters: query.parameters });
    this.#answered = answer.then(
      () => undefined,
      () => undefined,
    );
    const reply = await this.#inTime(answer);
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
    const built = new URL('./search-worker.js', import.meta.url);
    const program = import.meta.url.endsWith('.ts') ? new URL('./search-worker.ts', import.meta.url) : built;
    const worker = new Worker(program, { workerData: this.#file, name: 'store-search' });
    worker.unref();
    // A thread that dies between two searches (out of memory, say) must not take the process along. The next search starts another.
    worker.on('error', () => this.#forget(worker));
    worker.on('exit', () => this.#forget(worker));
    return worker;
  }

  #forget(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const late = (): void => reject(storeFault('busy', new Error(`The search took more than ${this.#search_ms} ms`)));
    const timer = setTimeout(late, this.#search_ms);
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** One at a time: the driver's turn sees to it. */
async function ask(worker: Worker, request: SearchRequest): Promise<SearchReply> {
  const { promise, resolve, reject } = Promise.withResolvers<SearchReply>();
  const failed = (error: Error): void => reject(storeFault('other', error));
  const exited = (): void => reject(storeFault('other', new Error('The search thread ended')));
  worker.on('message', resolve).on('error', failed).on('exit', exited);
  worker.postMessage(request);
  try {
    return await promise;
  } finally {
    worker.off('message', resolve).off('error', failed).off('exit', exited);
  }
}
