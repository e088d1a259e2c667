import { Refusal } from '@hoop/core/errors';
import type { ShellCommand, ShellFacts } from '../shell/analyse.ts';
import { globMatches } from './glob.ts';
import type { RuleText } from './rule-text.ts';
import { type Finding, needed } from './sql.ts';

type CommandPattern = (command: ShellCommand) => boolean;

/**
 * Compiles a rule about commands. `rm -rf` is a program with options that it must have, in any order and writing; `kubectl delete ns` a
 * program with words in this order among others; `> /etc/*` a file that something is written to.
 * @throws Refusal `invalid_rule`
 */
export function compileCommandRule(text: RuleText): (facts: ShellFacts) => Finding | undefined {
  const patterns = needed(text.commands, 'commands', 'command').map(compilePattern);
  return ({ commands }) => {
    const found = commands.find((command) => patterns.some((matches) => matches(command)));
    return found && { fragment: shown(found) };
  };
}

function compilePattern(pattern: string): CommandPattern {
  const [program = '', ...wanted] = pattern.trim().split(/\s+/);
  if (program === '>') {
    const file = wanted.join(' ');
    if (file === '') throw new Refusal('invalid_rule', 'A > in a command pattern is followed by the file that may not be written to');
    return ({ writes }) => writes.some((each) => globMatches(file, each));
  }
  if (program.startsWith('-'))
    throw new Refusal('invalid_rule', `A command pattern begins with a program; ${JSON.stringify(pattern)} does not`);
  const options = wanted.filter((word) => word.startsWith('-'));
  const words = wanted.filter((word) => !word.startsWith('-'));
  return (command) =>
    globMatches(program, command.program) && options.every((option) => hasOption(command.args, option)) && hasWords(command.args, words);
}

/** `-rf` is there as `-rf`, `-fr`, `-r -f` and, by its first letter, as `--recursive --force`. */
function hasOption(args: readonly string[], option: string): boolean {
  if (option.startsWith('--')) return args.some((arg) => globMatches(option, arg.split('=', 1)[0] ?? ''));
  if (args.includes(option)) return true;
  // A long word behind one dash, such as find's -delete, is no bundle of letters.
  if (option.length > LETTERS_MAX) return false;
  return [...option.slice(1)].every((letter) =>
    args.some((arg) => {
      if (arg.startsWith('--')) return arg[2]?.toLowerCase() === letter.toLowerCase();
      return arg.startsWith('-') && arg.slice(1).toLowerCase().includes(letter.toLowerCase());
    }),
  );
}

const LETTERS_MAX = 4;

/** In this order, with anything between them. `pods/x` is a `pods`, as kubectl has it. */
function hasWords(args: readonly string[], words: readonly string[]): boolean {
  let at = 0;
  for (const arg of args) {
    const wanted = words[at];
    if (wanted === undefined) return true;
    if (globMatches(wanted, arg) || globMatches(wanted, arg.split('/', 1)[0] ?? '')) at++;
  }
  return at === words.length;
}

function shown({ program, args, writes }: ShellCommand): string {
  return [program, ...args, ...writes.map((file) => `> ${file}`)].filter((word) => word !== '').join(' ');
}
