import { Refusal } from '@hoop/core/errors';
import type { ShellCommand, ShellFacts } from '../shell/analyse.ts';
import { isOpen, isOutput, isUnknown, mayMatch, shownShape } from '../shell/shapes.ts';
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
    return ({ writes }) => writes.some((each) => isPath(file, each));
  }
  if (program.startsWith('-'))
    throw new Refusal('invalid_rule', `A command pattern begins with a program; ${JSON.stringify(pattern)} does not`);
  const options = wanted.filter((word) => word.startsWith('-'));
  const words = wanted.filter((word) => !word.startsWith('-'));
  return (command) =>
    globMatches(program, command.program) && options.every((option) => hasOption(command, option)) && hasWords(command, words);
}

/** A word of a pattern may be the name of a file, and there are many ways to write one; what is not known of it may be anything. */
function isPath(pattern: string, given: string): boolean {
  const path = given.replace(/^file:\/\//, '').replace(/^@/, '');
  return [given, path, walked(path)].some((each) => (isUnknown(each) ? mayMatch(pattern, each) : globMatches(pattern, each)));
}

/** `/etc//shadow`, `/etc/./shadow`, `/x/../etc/shadow`. */
function walked(path: string): string {
  if (!path.includes('/')) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `${path.startsWith('/') ? '/' : ''}${parts.join('/')}`;
}

/** `-rf` is there as `-rf`, `-fr`, `-r -f` and, by its first letter, as `--recursive --force`. */
function hasOption({ shapes: args }: ShellCommand, option: string): boolean {
  // What another command says may be options, too.
  if (/^-[a-z]{1,3}$/i.test(option) && args.some(isOutput)) return true;
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
function hasWords({ shapes, reads }: ShellCommand, words: readonly string[]): boolean {
  let at = 0;
  let isFirst = true;
  for (const [index, arg] of [...shapes, ...reads].entries()) {
    const wanted = words[at];
    if (wanted === undefined) return true;
    // Nobody knows which command it is: `kubectl $x pod y`.
    if (isFirst && isOpen(arg) && /^[a-z]+$/.test(wanted) && !WITH_VALUE.test(shapes[index - 1] ?? '')) return true;
    if (!arg.startsWith('-') && !WITH_VALUE.test(shapes[index - 1] ?? '')) isFirst = false;
    if (isWord(wanted, arg)) at++;
  }
  return at === words.length;
}

/** Options that a word follows which is no command. */
const WITH_VALUE = /^(-n|-s|--(namespace|context|kubeconfig|cluster|user|server|token|as|as-group|profile|region))$/;

/** `pods,secrets` and `secret/x` of kubectl, `if=/etc/shadow` of dd, `--file=/etc/shadow`. */
function isWord(wanted: string, arg: string): boolean {
  const value = arg.slice(arg.indexOf('=') + 1);
  return isPath(wanted, arg) || isPath(wanted, value) || arg.split(',').some((each) => globMatches(wanted, each.split('/', 1)[0] ?? ''));
}

function shown({ program, shapes, writes }: ShellCommand): string {
  const files = writes.map((file) => `> ${file}`);
  return shownShape([program, ...shapes, ...files].filter((word) => word !== '').join(' '));
}
