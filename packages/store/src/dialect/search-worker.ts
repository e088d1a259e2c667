import { parentPort, workerData } from 'node:worker_threads';
import type { SearchReply, SearchRequest } from './search.ts';
import { SqliteFile, sqliteReason } from './sqlite-file.ts';

/** The other side of `SearchDialect`: reads on a thread of its own, one statement after the other. */
const file = SqliteFile.openForReading(String(workerData));

parentPort?.on('message', ({ sql, parameters }: SearchRequest) => {
  parentPort?.postMessage(answer(sql, parameters));
});

function answer(sql: string, parameters: readonly unknown[]): SearchReply {
  try {
    return { rows: file.execute(sql, parameters).rows };
  } catch (error) {
    return { reason: sqliteReason(error), message: error instanceof Error ? error.message : String(error) };
  }
}
