/** What is to be done when this process ends. One listener for all: a test file starts dozens of things. */
const last = new Set<() => void>();

process.once('exit', () => {
  // The newest first, as they stand on one another.
  for (const task of [...last].reverse()) task();
});

/** Calls back, synchronously, when this process ends. */
export function atExit(task: () => void): void {
  last.add(task);
}
