import type { Command } from 'commander';
import { type Building, type Format, formatted, group, withFormat } from './building.ts';
import type { TestOptions } from './commands/policy-test.ts';
import { CompletedOption } from './completion/completed.ts';

/** `hoop policy`: what rules would do. */
export function addPolicy(program: Command, { context, run }: Building): void {
  const policy = group(program, 'policy', 'what guardrails would do to a text');
  withFormat(policy.command('test'), ['text', 'json'])
    .description('say what the rules of a connection would do to a statement or a command, and why; nothing is run')
    .argument('<text>', 'the statement, or the command line')
    .addOption(new CompletedOption('-c, --connection <name>', 'whose rules', 'connections').makeOptionMandatory())
    .option('--pack <id>', "a pack's rules instead")
    .action((text: string, options: TestOptions & Format) =>
      run(async () => (await import('./commands/policy-test.ts')).policyTest(context, text, formatted(options))),
    );
}
