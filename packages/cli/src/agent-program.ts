import type { Command } from 'commander';
import { type Building, type Format, formatted, group, withFormat } from './building.ts';
import type { LogsOptions, StartOptions } from './commands/agent.ts';
import { gather } from './input/lists.ts';

/** `hoop agent`: the agent as a service of this machine. */
export function addAgent(program: Command, { context, run }: Building): void {
  const agent = group(program, 'agent', 'the agent as a service of this machine (systemd, launchd)');
  agent
    .command('start')
    .description('install or update the service with the key in HOOP_KEY, let it start at login, and start it')
    .option('-e, --env <name>', 'another variable of this environment that it needs, such as VAULT_ADDR or VAULT_*; repeatable', gather)
    .action((options: StartOptions) => run(async () => (await import('./commands/agent.ts')).start(context, options)));
  agent
    .command('stop')
    .description('stop the service; it does not start by itself until it is started again')
    .action(() => run(async () => (await import('./commands/agent.ts')).stop(context)));
  withFormat(agent.command('status'))
    .description('say whether it is installed, runs, and is linked to the gateway; ends with 0 when it runs')
    .action((options: Format) => run(async () => (await import('./commands/agent.ts')).status(context, formatted(options))));
  agent
    .command('logs')
    .description('show what it logs, until Ctrl-C')
    .option('-n, --lines <count>', 'how many of the last lines to begin with')
    .option('--no-follow', 'end with what is there')
    .action((options: LogsOptions) => run(async () => (await import('./commands/agent.ts')).logs(context, options)));
  agent
    .command('remove')
    .description('stop the service, and delete it with its key')
    .action(() => run(async () => (await import('./commands/agent.ts')).remove(context)));
}
