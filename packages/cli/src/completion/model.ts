import type { Argument, Command, Option } from 'commander';
import { type Completes, completesOf } from './completed.ts';

/** What may stand in one place of a command line: fixed words, words that somebody knows, or anything. */
export type Choice = { readonly words: readonly string[] } | { readonly completes: Completes } | undefined;

export interface Flag {
  /** Long first: `--port`, `-p`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly value: Choice;
}

export interface Child {
  /** The name first, then aliases. */
  readonly names: readonly string[];
  readonly description: string;
}

/** One command as a shell's completion needs it. */
export interface Node {
  /** Names from the program down, `admin create agent`; empty for the program itself. */
  readonly path: string;
  readonly children: readonly Child[];
  readonly flags: readonly Flag[];
  readonly arguments: readonly { readonly choice: Choice; readonly variadic: boolean }[];
}

const HELP: Flag = { names: ['--help', '-h'], description: 'show help', takesValue: false, value: undefined };

/** The command tree as a flat list, parents before children, hidden commands left out. */
export function modelOf(program: Command): readonly Node[] {
  const nodes: Node[] = [];
  const visit = (command: Command, path: string): void => {
    const children = command.createHelp().visibleCommands(command);
    nodes.push({
      path,
      children: children.map((child) => ({ names: [child.name(), ...child.aliases()], description: child.description() })),
      flags: [...command.options.filter((option) => !option.hidden).map(flagOf), HELP],
      arguments: command.registeredArguments.map((argument) => ({ choice: choiceOf(argument), variadic: argument.variadic })),
    });
    for (const child of children) visit(child, `${path} ${child.name()}`.trim());
  };
  visit(program, '');
  return nodes;
}

/** Attributes of `config view`: short enough to stand in the scripts. */
const FIXED: Readonly<Partial<Record<Completes, readonly string[]>>> = {
  'config-attributes': ['api_url', 'grpc_url', 'token', 'tls_ca', 'skip_tls_verify'],
};

function choiceOf(part: Argument | Option): Choice {
  if (part.argChoices !== undefined) return { words: part.argChoices };
  const completes = completesOf(part);
  if (completes === undefined) return undefined;
  const words = FIXED[completes];
  return words === undefined ? { completes } : { words };
}

function flagOf(option: Option): Flag {
  return {
    names: [option.long, option.short].filter((name) => name !== undefined),
    description: option.description,
    takesValue: option.required || option.optional,
    value: choiceOf(option),
  };
}

/** The commands that `hoop help` can be asked for. */
export function helpTopics(nodes: readonly Node[]): readonly string[] {
  const top = nodes.find((node) => node.path === '');
  return [...(top?.children ?? []).map((child) => child.names[0] ?? ''), 'exit-codes', 'environment'];
}

/** A text for a POSIX shell, bash and zsh, as one word. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
