import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { SYNC_MS_MAX, SYNC_PACE_MS, WORDS } from './sync-state.ts';

/**
 * The thread that syncs the audit log. It shares a few words of memory with the log and sends a message only when somebody waits:
 * a sync that nobody waits for costs the event loop nothing.
 */
const words = new Int32Array(workerData as SharedArrayBuffer);

function run(): void {
  let synced = Atomics.load(words, WORDS.synced);
  let began_ms = Number.NEGATIVE_INFINITY;
  while (true) {
    const bell = Atomics.load(words, WORDS.bell);
    const urgent = Atomics.load(words, WORDS.urgent);
    const written = Atomics.load(words, WORDS.written);
    if (written === synced) {
      if (Atomics.load(words, WORDS.stop) === 1) return;
      Atomics.wait(words, WORDS.bell, bell);
      continue;
    }
    const isWaited = Atomics.load(words, WORDS.waiting) === 1 || Atomics.load(words, WORDS.stop) === 1;
    const isHinted = ((Atomics.load(words, WORDS.hinted) - synced) | 0) > 0;
    const pause_ms = (isHinted ? SYNC_PACE_MS : SYNC_MS_MAX) - (performance.now() - began_ms);
    if (!isWaited && pause_ms > 0) {
      const word = isHinted ? WORDS.urgent : WORDS.bell;
      const rang = Atomics.wait(words, word, isHinted ? urgent : bell, pause_ms);
      if (rang !== 'timed-out') continue;
    }
    began_ms = performance.now();
    synced = sync(synced);
    if (Atomics.exchange(words, WORDS.waiting, 0) === 1) parentPort?.postMessage('synced');
  }
}

/** Everything that was written before now. A file that was closed meanwhile was synced before it was. */
function sync(synced: number): number {
  const upTo = Atomics.load(words, WORDS.written);
  const file = Atomics.load(words, WORDS.file);
  try {
    fs.fdatasyncSync(file);
  } catch (error) {
    // The log is just changing to its next file; the next turn finds it.
    if ((error as NodeJS.ErrnoException).code === 'EBADF') return synced;
    throw error;
  }
  Atomics.store(words, WORDS.synced, upTo);
  return upTo;
}

run();
