/** What is to be done when this process ends. One listener for all: a test file starts dozens of things. */
const last = new Set<() => void>();

process.once('exit', () => {
  // The newest first, as they stand on one another.
  for (const task of [...last].reverse()) task();
});

/** Calls back, synchronously, when this process ends; until then unless it is taken back. */
export function atExit(task: () => void): { takeBack(): void } {
  last.add(task);
  return { takeBack: () => void last.delete(task) };
}
