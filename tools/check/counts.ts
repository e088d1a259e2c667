import type { TestEvent } from 'node:test/reporters';

/** How many tests ran, as the last line of JSON: what a run of node's test runner tells the one who started it. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Cancelled, skipped and to-do tests: none of them has proven anything. */
  readonly notRun: number;
}

export default async function* counts(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:summary' || event.data.file !== undefined) continue;
    const { passed, tests, cancelled, skipped, todo } = event.data.counts;
    const notRun = cancelled + skipped + todo;
    yield `${JSON.stringify({ passed, failed: tests - passed - notRun, notRun } satisfies Counts)}\n`;
  }
}
