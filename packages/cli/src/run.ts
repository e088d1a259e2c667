import { CommanderError } from 'commander';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { reportFailure } from './output/report.ts';
import { buildProgram } from './program.ts';

/** Runs one command line (without the program's own name) and gives its exit code. Never throws. */
export async function run(words: readonly string[], context: Context): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(context, async (work) => {
    const result = await work();
    if (typeof result === 'number') exitCode = result;
  });
  try {
    await program.parseAsync(words.length === 0 ? ['help'] : [...apart(words)], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportFailure(error, context.terminal);
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** `admin get agent/dev` means `admin get agent dev`. */
export function apart(words: readonly string[]): readonly string[] {
  const [group, verb, target, ...rest] = words;
  const slash = target?.indexOf('/') ?? -1;
  if (group !== 'admin' || (verb !== 'get' && verb !== 'delete') || target === undefined || slash <= 0) return words;
  return [group, verb, target.slice(0, slash), target.slice(slash + 1), ...rest];
}
