import type { TestEvent } from 'node:test/reporters';

/** What a test file's run tells the one who started it, a line of JSON each: signs of life, and the end. */
export type Sign = { readonly ran: string } | { readonly total: Counts };

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Cancelled, skipped and to-do tests: none of them has proven anything. */
  readonly notRun: number;
}

export default async function* counts(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const sign = signOf(event);
    if (sign) yield `${JSON.stringify(sign)}\n`;
  }
}

function signOf(event: TestEvent): Sign | undefined {
  if (event.type === 'test:pass' || event.type === 'test:fail') return { ran: event.data.name };
  if (event.type !== 'test:summary') return undefined;
  const { passed, tests, cancelled, skipped, todo } = event.data.counts;
  const notRun = cancelled + skipped + todo;
  return { total: { passed, failed: tests - passed - notRun, notRun } };
}
