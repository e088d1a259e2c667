/** The words that the audit log and its sync thread share, by index into an Int32Array. Record numbers are kept modulo 2^32. */
export const WORDS = {
  /** Newest record that is in the kernel. */
  written: 0,
  /** Newest record that is on the disk. Only the thread writes it. */
  synced: 1,
  /** The file that is written now. */
  file: 2,
  /** 1: the log wants a message after the next sync. */
  waiting: 3,
  /** 1: sync what is there and end. */
  stop: 4,
  /** Counts up when something was written; the thread sleeps on it when it has nothing to do. */
  bell: 5,
  /** Counts up when somebody waits; the thread sleeps on it between two syncs. */
  urgent: 6,
  /** The word that the thread sleeps on, or `AWAKE`: to wake one that does not sleep would cost a system call for nothing. */
  asleep: 7,
} as const;

export const WORD_COUNT = 8;

/** In the word `asleep`. */
export const AWAKE = -1;

/** What is in the kernel is on the disk after this time at the latest, and at once when somebody waits for it. */
export const SYNC_MS_MAX = 5;
