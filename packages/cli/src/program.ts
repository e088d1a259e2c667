import { VERSION } from '@hoop/core/version';
import { Argument, Command } from 'commander';
import { addAdmin } from './admin-program.ts';
import { addAgent, addRun } from './agent-program.ts';
import { type Building, type Format, formatted, group, withFormat } from './building.ts';
import type * as configCommands from './commands/config.ts';
import type { ConnectOptions } from './commands/connect.ts';
import type * as credentialCommands from './commands/credentials.ts';
import type { ExecOptions } from './commands/exec.ts';
import type { ListOptions } from './commands/list.ts';
import type { LoginOptions } from './commands/login.ts';
import type { ReplayOptions } from './commands/session-replay.ts';
import type { GetOptions as SessionGetOptions, ListOptions as SessionListOptions } from './commands/sessions.ts';
import type * as sshKeyCommands from './commands/ssh-keys.ts';
import { CompletedArgument, CompletedOption } from './completion/completed.ts';
import type { Context } from './context.ts';
import { addPolicy } from './policy-program.ts';
import { addReviews } from './review-program.ts';
import { withSessionFilters } from './session-filters.ts';

/** As ssh has it. */
const ESCAPE = 'what leaves a terminal that hangs when it is typed after Enter and before a dot, ~ if not given; none: nothing does';

/** The whole command tree of `hoop`. `run` gets each command's work. */
export function buildProgram(context: Context, run: Building['run']): Command {
  const { terminal } = context;
  const building: Building = { context, run };
  const program = new Command('hoop')
    .description('Reach databases and servers through the access gateway.')
    .version(`hoop ${VERSION}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .enablePositionalOptions()
    .showHelpAfterError('Add --help for help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      outputError: (text, write) =>
        write(text.replace(/^error: (.)/, (_, first: string) => `${terminal.errStyle.red('Error:')} ${first.toUpperCase()}`)),
      getOutHasColors: () => terminal.outStyle.bold('x') !== 'x',
      getErrHasColors: () => terminal.errStyle.bold('x') !== 'x',
      getOutHelpWidth: () => terminal.stdout.columns ?? 100,
      getErrHelpWidth: () => terminal.stderr.columns ?? 100,
    })
    .configureHelp({ styleTitle: (title) => terminal.outStyle.bold(title) })
    .addHelpText('after', '\nMore: hoop help exit-codes, hoop help environment');
  program.commandsGroup('Every day:');
  addLogin(program, building);
  addUse(program, building);
  addCredentials(program, building);
  addSshKeys(program, building);
  addSessions(program, building);
  addReviews(program, building);
  program.commandsGroup('Running and administering:');
  addAdmin(program, building);
  addPolicy(program, building);
  addStart(program, building);
  addAgent(program, building);
  addRun(program, building);
  program.commandsGroup('This program:');
  addConfig(program, building);
  addSelf(program, building);
  return program;
}

function addLogin(program: Command, { context, run }: Building): void {
  program
    .command('login')
    .description('log in with e-mail and password; asks, or takes HOOP_EMAIL and HOOP_PASSWORD, or a password on stdin')
    .option('--api-url <url>', 'the gateway (HOOP_API_URL)')
    .option('--email <email>', 'who you are (HOOP_EMAIL)')
    .option('--register', 'make the first user of a new gateway, its administrator')
    .option('--name <name>', 'your name, with --register')
    .addOption(new CompletedOption('--tls-ca <file>', "the authority of the gateway's certificate (HOOP_TLSCA)", 'files'))
    .option('--skip-tls-verify', 'trust any certificate; for a trial only')
    .action((options: LoginOptions) => run(async () => (await import('./commands/login.ts')).login(context, options)));
  program
    .command('logout')
    .description('forget the login')
    .action(() => run(async () => (await import('./commands/login.ts')).logout(context)));
}

function addUse(program: Command, { context, run }: Building): void {
  withFormat(program.command('list').alias('ls'), ['table', 'wide', 'json'])
    .description('list the connections that you may use')
    .option('--search <text>', 'only those with this in name, type or tags')
    .option('--type <type>', 'only of this type, such as database/postgres')
    .action((options: ListOptions & Format) => run(async () => (await import('./commands/list.ts')).listMine(context, formatted(options))));
  withFormat(program.command('describe'))
    .description('show a connection')
    .addArgument(new CompletedArgument('<name>', 'the connection', 'connections'))
    .action((name: string, options: Format) =>
      run(async () => (await import('./commands/list.ts')).describe(context, name, formatted(options))),
    );
  withFormat(program.command('connect'), ['json'])
    .description('open a connection: on a port of this machine, for your own client; a custom one and ssh in this terminal')
    .addArgument(new CompletedArgument('<name>', 'the connection', 'connections'))
    .argument('[args...]', 'after --, arguments for the command of a custom connection, or a command for ssh')
    .option('-p, --port <port>', 'the local port; without it the usual one of the protocol, or a free one when that is taken')
    .option('-s, --silent', 'no banner')
    .option('--escape <character>', ESCAPE)
    .action((name: string, args: string[], options: ConnectOptions & Format) =>
      run(async () => (await import('./commands/connect.ts')).connect(context, name, args, formatted(options))),
    );
  withFormat(program.command('exec'), ['text', 'json'])
    .description('run a script on a connection, or the command of a custom one; it ends with the exit code of what ran')
    .addArgument(new CompletedArgument('<name>', 'the connection', 'connections'))
    .argument('[args...]', 'after --, arguments for the command of a custom connection')
    .option('-i, --input <script>', "the script, such as 'select 1'")
    .addOption(new CompletedOption('-f, --file <file>', 'a file with the script; without -i and -f it is read from stdin', 'files'))
    .option('-s, --silent', 'nothing but output and errors')
    .option('--correlation-id <id>', 'a text of your own that the session is found by')
    .option('--timeout <duration>', 'end the command of a custom connection after so long: 30s, 10m')
    .option('--escape <character>', ESCAPE)
    .action((name: string, args: string[], options: ExecOptions & Format) =>
      run(async () => (await import('./commands/exec.ts')).exec(context, name, args, formatted(options))),
    );
}

function addCredentials(program: Command, { context, run }: Building): void {
  const credentials = group(program, 'credentials', 'secrets with an expiry, for native clients without this program');
  withFormat(credentials.command('create'))
    .description('make one; the secret is shown this one time')
    .addArgument(new CompletedArgument('<name>', 'the connection', 'connections'))
    .option('-d, --duration <duration>', 'how long it works: 90s, 30m, 2h', '30m')
    .option('--uri', 'print the URL only')
    .action((name: string, options: credentialCommands.CreateOptions & Format) =>
      run(async () => (await import('./commands/credentials.ts')).create(context, name, formatted(options))),
    );
  withFormat(credentials.command('list').alias('ls'))
    .description('list yours that still work')
    .action((options: Format) => run(async () => (await import('./commands/credentials.ts')).list(context, formatted(options))));
  credentials
    .command('revoke')
    .description('make one useless at once, and end the sessions that came in with it')
    .addArgument(new CompletedArgument('<id>', 'the credential', 'credentials'))
    .action((id: string) => run(async () => (await import('./commands/credentials.ts')).revoke(context, id)));
}

function addSshKeys(program: Command, { context, run }: Building): void {
  const keys = group(program, 'ssh-keys', 'your own public keys, with which ssh needs no secret');
  withFormat(keys.command('add'))
    .description('register a public key: it logs in to every SSH connection of yours, until you remove it')
    .argument('<file>', 'the file of the public key, such as ~/.ssh/id_ed25519.pub; - reads it from stdin')
    .option('-n, --name <name>', 'what to call it; else its comment')
    .action((file: string, options: sshKeyCommands.AddOptions & Format) =>
      run(async () => (await import('./commands/ssh-keys.ts')).add(context, file, formatted(options))),
    );
  withFormat(keys.command('list').alias('ls'))
    .description('list yours')
    .action((options: Format) => run(async () => (await import('./commands/ssh-keys.ts')).list(context, formatted(options))));
  keys
    .command('remove')
    .alias('rm')
    .description('make one useless at once, and end the sessions that came in with it')
    .argument('<id>', 'its id or its fingerprint')
    .action((id: string) => run(async () => (await import('./commands/ssh-keys.ts')).remove(context, id)));
}

function addSessions(program: Command, { context, run }: Building): void {
  const sessions = group(program, 'sessions', 'what was done through the gateway, and what is being done');
  withFormat(withSessionFilters(sessions.command('list').alias('ls')))
    .description('list sessions, newest first')
    .option('--fields <names>', 'columns, joined by commas')
    .option('-q, --quiet', 'ids only')
    .action((options: SessionListOptions & Format) =>
      run(async () => (await import('./commands/sessions.ts')).list(context, formatted(options))),
    );
  withFormat(sessions.command('get'))
    .description('show a session: its statements, and what it showed where that is recorded')
    .addArgument(new CompletedArgument('<id>', 'the session', 'sessions'))
    .option('-q, --quiet', 'without the statements')
    .option('--raw', 'only what it showed, byte for byte')
    .option('--after <seq>', 'only the statements after this one')
    .option('--terminal <number>', 'of a session with several terminals, which one to show; the first if not given')
    .action((id: string, options: SessionGetOptions & Format) =>
      run(async () => (await import('./commands/sessions.ts')).get(context, id, formatted(options))),
    );
  sessions
    .command('replay')
    .description('play what a session showed in a terminal, in its time; q or Ctrl-C ends it')
    .addArgument(new CompletedArgument('<id>', 'the session', 'sessions'))
    .option('--speed <factor>', 'how many times as fast, such as 2 or 0.5')
    .option('--max-pause <duration>', 'the longest wait between two pieces, before --speed; 2s if not given')
    .option('--terminal <number>', 'of a session with several terminals, which one to play; the first if not given')
    .action((id: string, options: ReplayOptions) =>
      run(async () => (await import('./commands/session-replay.ts')).replay(context, id, options)),
    );
  sessions
    .command('kill')
    .description('end a session at once')
    .addArgument(new CompletedArgument('<id>', 'the session', 'sessions'))
    .action((id: string) => run(async () => (await import('./commands/sessions.ts')).kill(context, id)));
}

function addStart(program: Command, { run }: Building): void {
  const start = group(program, 'start', 'run a part of the system in the foreground');
  const parts = {
    gateway: 'the gateway: API on 8009, agents and `hoop connect` on 8010, native clients on 15432',
    agent: 'an agent, with the key in HOOP_KEY',
    standalone: 'gateway and agent in one process',
  } as const;
  for (const part of ['gateway', 'agent', 'standalone'] as const) {
    start
      .command(part)
      .description(parts[part])
      .action(() => run(async () => (await import('./commands/start.ts')).start(part)));
  }
}

function addConfig(program: Command, { context, run }: Building): void {
  const config = group(program, 'config', 'which gateway this machine uses');
  config
    .command('create')
    .description('write the configuration without logging in')
    .requiredOption('--api-url <url>', 'the gateway')
    .option('--grpc-url <url>', 'where its tunnel listens; without it the gateway is asked')
    .addOption(new CompletedOption('--tls-ca <file>', "the authority of the gateway's certificate", 'files'))
    .option('--skip-tls-verify', 'trust any certificate; for a trial only')
    .action((options: configCommands.CreateOptions) =>
      run(async () => (await import('./commands/config.ts')).createConfig(context, options)),
    );
  withFormat(config.command('view'))
    .description('show what is in force, the environment included')
    .addArgument(new CompletedArgument('[attribute]', 'one part of it, such as api_url', 'config-attributes'))
    .option('--raw', 'with the token')
    .action((attribute: string | undefined, options: configCommands.ViewOptions & Format) =>
      run(async () => (await import('./commands/config.ts')).viewConfig(context, attribute, formatted(options))),
    );
  config
    .command('clear')
    .description('remove the configuration, and the login with it')
    .action(() => run(async () => (await import('./commands/config.ts')).clearConfig(context)));
}

function addSelf(program: Command, { context, run }: Building): void {
  program
    .command('version')
    .description('print the version')
    .option('--json', 'print JSON, for machines')
    .action((options: Format) => run(async () => (await import('./commands/version.ts')).showVersion(context, options)));
  program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish']))
    .action((shell: 'bash' | 'zsh' | 'fish') =>
      run(async () => (await import('./commands/completion.ts')).printCompletion(context, program, shell)),
    );
  program
    .command('help')
    .description('show help of a command, or of exit-codes or environment')
    .addArgument(new CompletedArgument('[topic...]', 'a command, exit-codes or environment', 'commands'))
    .action((topic: string[]) => run(async () => (await import('./commands/help.ts')).help(context, program, topic)));
  program
    .command('__complete', { hidden: true })
    .argument('<kind>')
    .allowExcessArguments()
    .action((kind: string) => run(async () => (await import('./commands/complete.ts')).complete(context, kind)));
}
