import { asAppError } from '@hoop/core/errors';
import { VERSION } from '@hoop/core/version';
import { Command, CommanderError } from 'commander';
import { type Context, note } from './context.ts';
import { EXIT, Failure } from './failure.ts';

/** Runs one command line (without the program's own name) and gives its exit code. Never throws. */
export async function run(words: readonly string[], context: Context): Promise<number> {
  try {
    await programOf(context).parseAsync(words.length === 0 ? ['--help'] : [...words], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return report(context, await inOurWords(context, error));
  }
}

function programOf(context: Context): Command {
  const program = new Command('hsh')
    .description('Plain ssh and kubectl through the access gateway.')
    .version(`hsh ${VERSION}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showHelpAfterError('Add --help for help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: (.)/, (_, first: string) => `Error: ${first.toUpperCase()}`)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  const commands = () => import('./commands.ts');
  program
    .command('login')
    .description('log in with e-mail and password')
    .action(async () => (await commands()).login(context));
  program
    .command('logout')
    .description('forget the login and everything that was got with it')
    .action(async () => (await commands()).logout(context));
  program
    .command('status')
    .description('show the gateway, and whether the login still holds')
    .option('--json', 'print JSON, for machines')
    .action(async (options: { json?: boolean }) => (await commands()).status(context, options));
  const config = program.command('config').description('which gateway to use').helpCommand(false);
  config
    .command('set')
    .description('set a value')
    .argument('<name>', 'api-url')
    .argument('<value>')
    .action(async (name: string, value: string) => (await commands()).configSet(context, name, value));
  config
    .command('list')
    .description('print the configuration')
    .action(async () => (await commands()).configList(context));
  program
    .command('version')
    .description('print the version')
    .action(() => void context.stdout.write(`hsh ${VERSION}\n`));
  return program;
}

async function inOurWords(context: Context, error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || error.name !== 'ApiError') return error;
  const [{ ApiError }, { failureOf }] = await Promise.all([import('@hoop/contract/client'), import('./api.ts')]);
  return error instanceof ApiError ? failureOf(context, error) : error;
}

function report(context: Context, thrown: unknown): number {
  const error = asAppError(thrown);
  note(context, `Error: ${error.message}`);
  if (error.code === 'internal' && thrown instanceof Error) note(context, thrown.stack ?? '');
  return error instanceof Failure ? error.exitCode : EXIT.failed;
}
