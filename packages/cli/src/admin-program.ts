import { type Command, Option } from 'commander';
import { type Building, type Format, formatted, group, withFormat } from './building.ts';
import type { CreateOptions as AgentOptions } from './commands/admin-agents.ts';
import type * as connectionCommands from './commands/admin-connections.ts';
import type { CreateOptions as GuardrailOptions } from './commands/admin-guardrails.ts';
import type { CreateOptions as MaskingOptions } from './commands/admin-masking.ts';
import type { CreateOptions as ResourceOptions } from './commands/admin-resources.ts';
import type { LogOptions } from './commands/admin-server-logs.ts';
import type { CreateOptions as UserOptions } from './commands/admin-users.ts';
import type { ListOptions } from './commands/sessions.ts';
import { CompletedArgument, CompletedOption } from './completion/completed.ts';
import { gather } from './input/lists.ts';
import { withSessionFilters } from './session-filters.ts';

/** `hoop admin`: create, get and delete what the gateway knows. */
export function addAdmin(program: Command, building: Building): void {
  const admin = group(program, 'admin', 'make, show and delete agents, connections, users and rules');
  const create = group(admin, 'create', 'make something');
  addCreateAgent(create, building);
  addCreateOrgKey(create, building);
  addCreateConnection(create, building);
  addCreateResource(create, building);
  addCreateUser(create, building);
  addCreateRules(create, building);
  const get = group(admin, 'get', 'show one by name, or all; TYPE/NAME works too');
  addGet(get, building);
  addGetMore(get, building);
  addDelete(group(admin, 'delete', 'delete one by name; TYPE/NAME works too'), building);
  withFormat(admin.command('serverinfo'))
    .description('show version, addresses and capabilities of the gateway')
    .action((options: Format) =>
      building.run(async () => (await import('./commands/admin-serverinfo.ts')).serverInfo(building.context, formatted(options))),
    );
}

function addCreateAgent(create: Command, { context, run }: Building): void {
  withFormat(create.command('agent').alias('agents'), ['text', 'json'])
    .description('make an agent; its key goes to stdout, alone: export HOOP_KEY="$(hoop admin create agent dev)"')
    .argument('<name>', 'a name such as the environment that it is in')
    .addOption(new Option('--mode <mode>', 'how it will run').choices(['standard', 'embedded']).default('standard'))
    .addOption(
      new Option('--scheme <scheme>', "how it dials: the tunnel's own port, or the API's address where only HTTP gets out")
        .choices(['grpcs', 'https'])
        .default('grpcs'),
    )
    .action((name: string, options: AgentOptions & Format) =>
      run(async () => (await import('./commands/admin-agents.ts')).create(context, name, formatted(options))),
    );
}

function addCreateOrgKey(create: Command, { context, run }: Building): void {
  withFormat(create.command('orgkeys').alias('orgkey'), ['text', 'json'])
    .description('make the organization key, which many agents beside applications (`hoop run`) share; it goes to stdout, alone')
    .action((options: Format) => run(async () => (await import('./commands/admin-org-keys.ts')).create(context, formatted(options))));
}

function addCreateResource(create: Command, { context, run }: Building): void {
  withFormat(create.command('resource').alias('resources'), ['text', 'json'])
    .description('make a resource: agent and settings that connections have in common')
    .argument('<name>', 'its name')
    .addOption(new CompletedOption('-a, --agent <name>', 'the agent of its connections that name none', 'agents'))
    .option('-t, --type <type>', 'such as database/postgres or custom', 'custom')
    .option('-e, --env <KEY=VALUE>', 'a setting of all its connections, as for a connection; repeatable', gather)
    .action((name: string, options: ResourceOptions & Format) =>
      run(async () => (await import('./commands/admin-resources.ts')).create(context, name, formatted(options))),
    );
}

function addCreateConnection(create: Command, { context, run }: Building): void {
  withFormat(create.command('connection').alias('conn'), ['text', 'json'])
    .description('make a connection')
    .argument('<name>', 'its name')
    .argument('[command...]', 'after --, what a custom connection runs')
    .addOption(new CompletedOption('-a, --agent <name>', 'the agent that reaches the target', 'agents'))
    .option('-t, --type <type>', 'such as database/postgres, application/ssh or custom', 'custom')
    .option(
      '-e, --env <KEY=VALUE>',
      'a setting such as HOST=db.internal; KEY=file://PATH, KEY=base64://DATA, and filesystem:KEY=… for a file; repeatable',
      gather,
    )
    .option('--tags <key=value>', 'tags; repeatable', gather)
    .option('--access-modes <modes>', 'of connect, exec, runbooks, joined by commas; all when left out')
    .addOption(new Option('--schema <state>', 'may users see the schema').choices(['enabled', 'disabled']))
    .option('--guardrail-rules <names>', 'guardrails that judge it, joined by commas')
    .option('--reviewers <groups>', 'groups that must approve its sessions and scripts, joined by commas')
    .option('--database <name>', 'the database that clients are sent to')
    .option('--overwrite', 'replace one of this name')
    .option('--test', 'log in to the target through the agent afterwards')
    .action((name: string, command: string[], options: connectionCommands.CreateOptions & Format) =>
      run(async () => (await import('./commands/admin-connections.ts')).create(context, name, command, formatted(options))),
    );
  withFormat(create.command('connections'), ['text', 'json'])
    .description('make many connections from a YAML file')
    .addOption(new CompletedOption('--from-file <file>', 'the file, or - for stdin', 'files').makeOptionMandatory())
    .action((options: { fromFile: string } & Format) =>
      run(async () => (await import('./commands/admin-connections.ts')).createMany(context, formatted(options))),
    );
}

function addCreateUser(create: Command, { context, run }: Building): void {
  withFormat(create.command('user').alias('users'), ['text', 'json'])
    .description('make a user; asks for the password')
    .argument('<email>', 'the e-mail address')
    .option('--name <name>', 'the name')
    .option('--groups <names>', 'groups, joined by commas; admin and auditor are the privileged ones')
    .option('--slackid <id>', "the user's id in Slack")
    .option('--picture <url>', 'a picture')
    .option('--disable', 'make the user inactive')
    .option('--no-disable', 'make the user active')
    .option('--password-stdin', 'read the password from stdin')
    .option('--no-password', 'make a user who cannot log in with a password')
    .option('--overwrite', 'change one of this e-mail')
    .action((email: string, options: UserOptions & Format) =>
      run(async () => (await import('./commands/admin-users.ts')).create(context, email, formatted(options))),
    );
}

function addCreateRules(create: Command, { context, run }: Building): void {
  const onConnections = (): Option =>
    new CompletedOption('--connection <name>', 'a connection that it holds for; repeatable', 'connections').argParser(gather);
  withFormat(create.command('guardrail').alias('guardrails'), ['text', 'json'])
    .description('make a rule that denies statements, or answers')
    .argument('<name>', 'its name')
    .option('--deny-pattern <regex>', 'a regular expression (RE2); repeatable', gather)
    .option('--deny-words <words>', 'words, joined by commas; repeatable', gather)
    .option('--row-limit <count>', 'how many rows an answer may have', Number)
    .addOption(new Option('--direction <direction>', 'judge statements, or answers').choices(['input', 'output']).default('input'))
    .option('--message <text>', 'told to whoever is denied')
    .option('--description <text>', 'what it is for')
    .addOption(onConnections())
    .option('--overwrite', 'replace one of this name')
    .action((name: string, options: GuardrailOptions & Format) =>
      run(async () => (await import('./commands/admin-guardrails.ts')).create(context, name, formatted(options))),
    );
  withFormat(create.command('datamasking-rule').alias('datamasking-rules'), ['text', 'json'])
    .description('make a rule that hides values in answers')
    .argument('<name>', 'its name')
    .option('--entities <names>', 'what to hide, such as EMAIL_ADDRESS; joined by commas, repeatable', gather)
    .option('--columns <patterns>', 'columns to hide, such as *email* or hr.users.ssn; joined by commas, repeatable', gather)
    .addOption(new Option('--strategy <name>', 'what is shown instead').choices(['redact', 'partial', 'hash', 'token', 'null']))
    .option('--keep <count>', 'how many bytes at the end partial shows; 4 if not given', Number)
    .option('--threshold <score>', 'the least score that is hidden, from 0 to 1; 0.4 if not given', Number)
    .option('--description <text>', 'what it is for')
    .addOption(onConnections())
    .option('--overwrite', 'replace one of this name')
    .action((name: string, options: MaskingOptions & Format) =>
      run(async () => (await import('./commands/admin-masking.ts')).create(context, name, formatted(options))),
    );
}

function addGet(get: Command, { context, run }: Building): void {
  withFormat(get.command('agents').alias('agent'))
    .description('agents, and whether they are online')
    .addArgument(new CompletedArgument('[name]', 'one of them', 'agents'))
    .action((name: string | undefined, options: Format) =>
      run(async () => (await import('./commands/admin-agents.ts')).get(context, name, formatted(options))),
    );
  withFormat(get.command('connections').aliases(['connection', 'conn']))
    .description('connections')
    .addArgument(new CompletedArgument('[name]', 'one of them', 'connections'))
    .option('--show-tags', 'with their tags')
    .action((name: string | undefined, options: connectionCommands.GetOptions & Format) =>
      run(async () => (await import('./commands/admin-connections.ts')).get(context, name, formatted(options))),
    );
  withFormat(get.command('users').alias('user'))
    .description('users')
    .addArgument(new CompletedArgument('[email]', 'one of them', 'users'))
    .action((email: string | undefined, options: Format) =>
      run(async () => (await import('./commands/admin-users.ts')).get(context, email, formatted(options))),
    );
  withFormat(get.command('userinfo'))
    .description('who you are to the gateway')
    .action((options: Format) => run(async () => (await import('./commands/admin-users.ts')).whoami(context, formatted(options))));
  withFormat(withSessionFilters(get.command('sessions')))
    .description("everybody's sessions, newest first")
    .action((options: ListOptions & Format) =>
      run(async () => (await import('./commands/sessions.ts')).adminList(context, formatted(options))),
    );
  withFormat(get.command('guardrails').alias('guardrail'))
    .description('guardrails')
    .addArgument(new CompletedArgument('[name]', 'one of them', 'guardrails'))
    .action((name: string | undefined, options: Format) =>
      run(async () => (await import('./commands/admin-guardrails.ts')).get(context, name, formatted(options))),
    );
  withFormat(get.command('datamasking-rules').alias('datamasking-rule'))
    .description('masking rules')
    .addArgument(new CompletedArgument('[name]', 'one of them', 'datamasking-rules'))
    .action((name: string | undefined, options: Format) =>
      run(async () => (await import('./commands/admin-masking.ts')).get(context, name, formatted(options))),
    );
}

function addGetMore(get: Command, { context, run }: Building): void {
  withFormat(get.command('orgkeys').alias('orgkey'), ['text', 'json'])
    .description('the organization key, alone on stdout')
    .action((options: Format) => run(async () => (await import('./commands/admin-org-keys.ts')).get(context, formatted(options))));
  withFormat(get.command('resources').alias('resource'))
    .description('resources')
    .addArgument(new CompletedArgument('[name]', 'one of them', 'resources'))
    .action((name: string | undefined, options: Format) =>
      run(async () => (await import('./commands/admin-resources.ts')).get(context, name, formatted(options))),
    );
  withFormat(get.command('serverlogs').alias('serverlog'), ['text', 'json'])
    .description('what the gateway and its agents logged lately, the oldest first')
    .addOption(new CompletedOption('--agent <name>', "only this agent's; `gateway` for the gateway's own", 'agents'))
    .addOption(new Option('--level <level>', 'this level and graver ones').choices(['debug', 'info', 'warn', 'error', 'fatal']))
    .option('--since <when>', 'only from then on: a date, or how long ago, such as 10m')
    .option('--limit <count>', 'how many of the last ones, 1 to 1000; 200 if not given')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .action((options: LogOptions & Format) =>
      run(async () => (await import('./commands/admin-server-logs.ts')).get(context, formatted(options))),
    );
}

function addDelete(remove: Command, { context, run }: Building): void {
  remove
    .command('agent')
    .alias('agents')
    .description('delete an agent and its key; its link and every session on it end at once')
    .addArgument(new CompletedArgument('<name>', 'which', 'agents'))
    .action((name: string) => run(async () => (await import('./commands/admin-agents.ts')).remove(context, name)));
  remove
    .command('connection')
    .aliases(['connections', 'conn'])
    .description('delete a connection; its open sessions end')
    .addArgument(new CompletedArgument('<name>', 'which', 'connections'))
    .action((name: string) => run(async () => (await import('./commands/admin-connections.ts')).remove(context, name)));
  remove
    .command('orgkeys')
    .alias('orgkey')
    .description('revoke the organization key; every agent that came with it, and every session on them, ends at once')
    .action(() => run(async () => (await import('./commands/admin-org-keys.ts')).remove(context)));
  remove
    .command('resource')
    .alias('resources')
    .description('delete a resource to which no connection belongs')
    .addArgument(new CompletedArgument('<name>', 'which', 'resources'))
    .action((name: string) => run(async () => (await import('./commands/admin-resources.ts')).remove(context, name)));
  remove
    .command('user')
    .alias('users')
    .description('delete a user, with credentials and open sessions')
    .addArgument(new CompletedArgument('<email>', 'who', 'users'))
    .action((email: string) => run(async () => (await import('./commands/admin-users.ts')).remove(context, email)));
  remove
    .command('guardrail')
    .alias('guardrails')
    .description('delete a guardrail')
    .addArgument(new CompletedArgument('<name>', 'which', 'guardrails'))
    .action((name: string) => run(async () => (await import('./commands/admin-guardrails.ts')).remove(context, name)));
  remove
    .command('datamasking-rule')
    .alias('datamasking-rules')
    .description('delete a masking rule')
    .addArgument(new CompletedArgument('<name>', 'which', 'datamasking-rules'))
    .action((name: string) => run(async () => (await import('./commands/admin-masking.ts')).remove(context, name)));
}
