import { asAppError } from '@hoop/core/errors';
import { EXIT } from '../exit-codes.ts';
import { Exit, exitCodeOf } from '../failure.ts';
import { printable } from './table.ts';
import { note, type Terminal } from './terminal.ts';

/**
 * Tells on stderr what went wrong, with what to do next, and gives the exit code.
 * An error that is ours to fix is told with a stack, because there is nothing that the person could do.
 */
export async function reportFailure(thrown: unknown, terminal: Terminal): Promise<number> {
  if (thrown instanceof Exit) return thrown.exitCode;
  const label = terminal.errStyle.red('Error:');
  const error = asAppError(await inOurWords(thrown));
  note(terminal, `${label} ${error.message.split('\n').map(printable).join('\n')}`);
  if (error.code === 'internal') {
    note(terminal, terminal.errStyle.dim(thrown instanceof Error ? (thrown.stack ?? '') : ''));
    return EXIT.failed;
  }
  return exitCodeOf(error);
}

/** The API client is loaded only by commands that use it, so its errors are known by name until one comes. */
async function inOurWords(thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Error) || thrown.name !== 'ApiError') return thrown;
  const [{ ApiError }, { failureOf }] = await Promise.all([import('@hoop/contract/client'), import('../gateway.ts')]);
  return thrown instanceof ApiError ? failureOf(thrown) : thrown;
}
