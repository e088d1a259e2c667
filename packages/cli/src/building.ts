import { type Command, Option } from 'commander';
import type { Context } from './context.ts';

/**
 * What the parts of the command tree need to hang their commands in. Actions import their command's module when they run,
 * so that `hoop version` does not load what `hoop connect` needs.
 */
export interface Building {
  readonly context: Context;
  /** Runs a command; what it returns becomes the exit code, and nothing means success. */
  run(work: () => Promise<unknown>): Promise<void>;
}

/** What every command that answers with data takes. */
export interface Format {
  readonly json?: boolean;
  readonly wide?: boolean;
  readonly output?: string;
}

/** Adds `--json` and `-o`. */
export function withFormat(command: Command, formats: readonly string[] = ['table', 'json']): Command {
  return command
    .addOption(new Option('--json', 'print JSON, for machines'))
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(formats));
}

/** `-o json` is `--json`, and `-o wide` is `--wide`. */
export function formatted<T extends Format>(options: T): T {
  return {
    ...options,
    ...(options.output === 'json' ? { json: true } : {}),
    ...(options.output === 'wide' ? { wide: true } : {}),
  };
}

/** A command that only holds others. */
export function group(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).helpCommand(false);
}
