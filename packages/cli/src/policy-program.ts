import type { Command } from 'commander';
import { type Building, type Format, formatted, group, withFormat } from './building.ts';
import type { ReplayOptions } from './commands/policy-replay.ts';
import type { TestOptions } from './commands/policy-test.ts';
import { CompletedOption } from './completion/completed.ts';

/** `hoop policy`: what rules would do, and would have done. */
export function addPolicy(program: Command, { context, run }: Building): void {
  const policy = group(program, 'policy', 'what guardrails would do to a text, and would have done to what was done');
  withFormat(policy.command('test'), ['text', 'json'])
    .description('say what the rules of a connection would do to a statement or a command, and why; nothing is run')
    .argument('<text>', 'the statement, or the command line')
    .addOption(new CompletedOption('-c, --connection <name>', 'whose rules', 'connections').makeOptionMandatory())
    .option('--pack <id>', "a pack's rules instead")
    .option('--columns <patterns>', 'patterns of masked columns, joined by commas, instead of those of masking rules')
    .action((text: string, options: TestOptions & Format) =>
      run(async () => (await import('./commands/policy-test.ts')).policyTest(context, text, formatted(options))),
    );
  withFormat(policy.command('replay'))
    .description('say which recorded actions a guardrail would have blocked, held or noticed; for administrators and auditors')
    .addOption(
      new CompletedOption('--rule <file>', 'the guardrail, its rules or one rule, as JSON; - for stdin', 'files').makeOptionMandatory(),
    )
    .option('--since <time>', 'from when on: how long ago, such as 30d or 12h, or a date', '30d')
    .option('--until <time>', 'until when; now if not given')
    .addOption(new CompletedOption('-c, --connection <name>', 'only what was done on this connection', 'connections'))
    .option('--limit <count>', 'how many findings to show, up to 10000; 100 if not given. All are counted')
    .option('--exit-code', 'end with 254 when something would have been blocked or held')
    .action((options: ReplayOptions & Format) =>
      run(async () => (await import('./commands/policy-replay.ts')).policyReplay(context, formatted(options))),
    );
}
