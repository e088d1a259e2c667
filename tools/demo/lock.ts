import { DatabaseSync } from 'node:sqlite';

/**
 * Takes a home for this process, or says that another one has it. The lock is one of the operating system's, held through SQLite:
 * it goes with the process however that ends, so that nothing has to be cleaned up after a kill -9.
 */
export function lockHome(file: string): () => void {
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new Error('It runs already, in another terminal. Stop that one first, or start this one with another HOOP_HOME', { cause });
  }
  return () => database.close();
}
