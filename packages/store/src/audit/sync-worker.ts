import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { AWAKE, SYNC_MS_MAX, WORDS } from './sync-state.ts';

/**
 * The thread that syncs the audit log. It shares a few words of memory with the log and sends a message only when somebody waits:
 * a sync that nobody waits for costs the event loop nothing.
 */
const words = new Int32Array(workerData as SharedArrayBuffer);

function run(): void {
  let synced = at('synced');
  let began_ms = Number.NEGATIVE_INFINITY;
  while (true) {
    const bell = at('bell');
    const urgent = at('urgent');
    const isStopping = at('stop') === 1;
    if (at('written') === synced) {
      if (isStopping) return;
      sleep(WORDS.bell, bell);
      continue;
    }
    const pause_ms = SYNC_MS_MAX - (performance.now() - began_ms);
    if (pause_ms > 0 && at('waiting') === 0 && !isStopping && !sleep(WORDS.urgent, urgent, pause_ms)) continue;
    began_ms = performance.now();
    synced = sync(synced);
    if (Atomics.exchange(words, WORDS.waiting, 0) === 1) parentPort?.postMessage('synced');
  }
}

function at(word: keyof typeof WORDS): number {
  return Atomics.load(words, WORDS[word]);
}

/** Sleeps until the word is rung or the time is over, and says whether it is. Returns at once when the word changed since it was seen. */
function sleep(word: number, seen: number, ms?: number): boolean {
  Atomics.store(words, WORDS.asleep, word);
  const woken = Atomics.wait(words, word, seen, ms);
  Atomics.store(words, WORDS.asleep, AWAKE);
  return woken === 'timed-out';
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
