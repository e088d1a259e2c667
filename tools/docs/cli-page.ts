import { EXEC_EXIT_NOTE, EXIT_MEANINGS } from '@hoop/cli/exit-codes';
import { terminalOf } from '@hoop/cli/output/terminal';
import { buildProgram } from '@hoop/cli/program';
import type { Command, Option } from 'commander';

/** docs/cli.md, made from the command tree itself. */
export function cliPage(): string {
  const terminal = terminalOf(process, true);
  const env = {
    home: '',
    apiUrl: undefined,
    grpcUrl: undefined,
    token: undefined,
    tlsCa: undefined,
    skipTlsVerify: undefined,
    email: undefined,
    password: undefined,
    term: undefined,
    noColour: true,
  };
  const context = { env, terminal, now: () => 0, stopSignal: () => new AbortController().signal };
  const program = buildProgram(context, async () => undefined);
  const exits = EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning} |`);
  return `${[
    '# The command line',
    'Made by `npm run docs` from the commands themselves; `hoop help COMMAND` says the same. Answers go to stdout, everything else to stderr; `--json` is for machines, and its fields stay.',
    '## Commands',
    ...leaves(program).map(section),
    '## Exit codes',
    ['| code | meaning |', '| --- | --- |', ...exits].join('\n'),
    EXEC_EXIT_NOTE,
  ].join('\n\n')}\n`;
}

/** Commands that do something, in the order of the help. */
function leaves(command: Command): Command[] {
  const visible = command.commands.filter((child) => !(child as Command & { _hidden?: boolean })._hidden);
  return visible.length === 0 ? [command] : visible.flatMap(leaves);
}

function section(command: Command): string {
  const path = pathOf(command);
  const args = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`.toUpperCase();
    return argument.required ? name : `[${name}]`;
  });
  const aliases = command.aliases().length > 0 ? ` (also \`${command.aliases().join('`, `')}\`)` : '';
  const options = command.options.filter(({ hidden }) => !hidden).map(optionLine);
  const head = `### ${['hoop', ...path, ...args].join(' ')}\n\n${sentence(command.description())}${aliases}.`;
  return options.length === 0 ? head : `${head}\n\n${options.join('\n')}`;
}

function pathOf(command: Command): string[] {
  return command.parent ? [...pathOf(command.parent), command.name()] : [];
}

function optionLine(option: Option): string {
  const choices = option.argChoices ? `: ${option.argChoices.map((choice) => `\`${choice}\``).join(', ')}` : '';
  const usual = option.defaultValue === undefined ? '' : ` (\`${String(option.defaultValue)}\` when not given)`;
  return `- \`${option.flags}\`: ${option.description}${choices}${usual}`;
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
