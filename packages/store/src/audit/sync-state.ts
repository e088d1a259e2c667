/** The words that the audit log and its sync thread share, by index into an Int32Array. Record numbers are kept modulo 2^32. */
export const WORDS = {
  /** Newest record that is in the kernel. */
  written: 0,
  /** Newest record of which somebody said that it will be waited for. */
  hinted: 1,
  /** Newest record that is on the disk. Only the thread writes it. */
  synced: 2,
  /** The file that is written now. */
  file: 3,
  /** 1: the log wants a message after the next sync. */
  waiting: 4,
  /** 1: sync what is there and end. */
  stop: 5,
  /** Counts up when there is something to do; the thread sleeps on it. */
  bell: 6,
  /** Counts up when somebody waits; ends a pause between two syncs. */
  urgent: 7,
} as const;

export const WORD_COUNT = 8;

/** Begin of one sync to the begin of the next, unless somebody waits: more of them would only cost, fewer would be waited for. */
export const SYNC_PACE_MS = 0.5;

/** What is in the kernel and was not hinted at is on the disk after this time at the latest. */
export const SYNC_MS_MAX = 5;
