import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** Prints a line for each file, everything about a test that failed, and what tests print themselves. */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') yield event.data.message;
    else if (event.type === 'test:fail') yield failure(event.data);
    else if (event.type === 'test:summary' && event.data.file !== undefined) yield fileLine(event.data.file, event.data);
  }
}

function fileLine(file: string, { counts, duration_ms }: { counts: { tests: number; passed: number }; duration_ms: number }): string {
  const name = relative(process.cwd(), file);
  const mark = counts.passed === counts.tests ? '✔' : '✘';
  return `  ${mark} ${name}  ${counts.passed}/${counts.tests}  ${(duration_ms / 1000).toFixed(1)} s\n`;
}

interface Failed {
  readonly name: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly details: { readonly error: Error; readonly type?: string | undefined };
}

function failure({ name, file, line, details }: Failed): string {
  const { error } = details;
  // A group fails because something in it did: that was told already.
  if (details.type === 'suite' || (error as { failureType?: string }).failureType === 'subtestsFailed') return '';
  const place = file ? `${relative(process.cwd(), file)}:${line ?? 1}` : '';
  const cause = error.cause ?? error;
  const text = cause instanceof Error && cause.stack ? cause.stack : inspect(cause);
  return `\n  ✘ ${name}\n    ${place}\n${text.replace(/^/gm, '    ')}\n\n`;
}
