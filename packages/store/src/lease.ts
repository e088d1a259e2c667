import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Misconfigured } from '@hoop/core/errors';
import { makePrivate } from './dialect/sqlite-file.ts';

/** How long a starting process waits for one that is just ending. */
const WAIT_MS = 1_000;

/** Proof that this process alone uses a directory. */
export interface Lease {
  release(): void;
}

/**
 * Takes a directory for this process. The lock is SQLite's own on a file of nothing else, held by an open transaction:
 * the kernel drops it with the process, so that kill -9 leaves nothing to clean up. That is also why nobody else
 * may open `store.lock`: closing any descriptor of it in this process would drop the lock (POSIX).
 * @throws Misconfigured `store_in_use` when another process has it; `store_directory` when it cannot be written.
 */
export function takeLease(directory: string): Lease {
  const lock = openLock(directory);
  try {
    lock.exec('begin exclusive');
  } catch (error) {
    lock.close();
    throw inUse(directory, error);
  }
  const pidFile = join(directory, PID_FILE);
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  return { release: () => lock.close() };
}

/** Only for the message: it may be stale, the lock never is. */
const PID_FILE = 'store.pid';

function openLock(directory: string): DatabaseSync {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = join(directory, 'store.lock');
    makePrivate(file);
    return new DatabaseSync(file, { timeout: WAIT_MS });
  } catch (error) {
    throw new Misconfigured(
      'store_directory',
      `The directory ${directory} cannot be written. Set HOOP_HOME to a directory that belongs to this user`,
      { cause: error },
    );
  }
}

function inUse(directory: string, cause: unknown): Misconfigured {
  return new Misconfigured(
    'store_in_use',
    `The directory ${directory} is in use by another process${holder(directory)}. Stop it first, or set HOOP_HOME to another directory`,
    { cause },
  );
}

function holder(directory: string): string {
  try {
    const pid = readFileSync(join(directory, PID_FILE), 'utf8').trim();
    return pid === '' ? '' : ` (process ${pid})`;
  } catch {
    return '';
  }
}
