import type { Command } from 'commander';
import { type Building, type Format, formatted, group, withFormat } from './building.ts';
import type { LogsOptions, StartOptions } from './commands/agent.ts';
import type { RunFlags } from './commands/run.ts';
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

/** `hoop run`: the agent beside an application. */
export function addRun(program: Command, { run }: Building): void {
  const database = (name: string, scheme: string): [string, string] => [
    `--${name} [uri]`,
    `offer a ${name} database: ${scheme}://user:password@host:port/database, or what HOOP_DB_URI holds`,
  ];
  program
    .command('run')
    .description('run an agent beside an application: hoop run --command "rails console" -- bundle exec rails s')
    .argument(
      '[command...]',
      'after --, the application: it gets the terminal and all signals, and its exit code is the one of this program',
    )
    .option('-n, --name <name>', 'what the connection is called; the name of this machine if not given')
    .option('--command <line>', 'what its sessions run, beside the application and with its environment; a shell if not given')
    .option(...database('postgres', 'postgres'))
    .option(...database('mysql', 'mysql'))
    .option(...database('mssql', 'sqlserver'))
    .option(...database('mongodb', 'mongodb'))
    .option('--review <groups>', 'groups that must approve sessions, joined by commas')
    .option('--data-masking <types>', 'what to hide in answers, such as EMAIL_ADDRESS, joined by commas')
    .option('--debug', 'write what the agent logs to stderr')
    .passThroughOptions()
    .action((command: string[], flags: RunFlags) => run(async () => (await import('./commands/run.ts')).runBeside(command, flags)));
}
