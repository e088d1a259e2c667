import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** Prints everything about a test that failed, and nothing about one that passed. */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) if (event.type === 'test:fail') yield failure(event.data);
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
  if ((error as { failureType?: string }).failureType === 'subtestsFailed') return '';
  const place = file ? `${relative(process.cwd(), file)}:${line ?? 1}` : '';
  const cause = error.cause ?? error;
  const text = cause instanceof Error && cause.stack ? cause.stack : inspect(cause);
  return `\n    ✘ ${name}\n      ${place}\n${text.replace(/^/gm, '      ')}\n\n`;
}
