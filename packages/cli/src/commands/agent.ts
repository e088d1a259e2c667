import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { machineEnv } from '@hoop/agent/env';
import { agentService } from '@hoop/agent/service/choose';
import { serviceVariables, variablesFrom } from '@hoop/agent/service/key-file';
import { type AgentService, SERVICE, type ServiceStatus, type Started } from '@hoop/agent/service/service';
import { thisMachine } from '@hoop/agent/service/this-machine';
import { Misconfigured } from '@hoop/core/errors';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';
import { note, print, printJson } from '../output/terminal.ts';

/** Where a service goes and what it is started with; a test gives its own. */
export interface ServicePlace {
  service(): AgentService;
  /** The environment that `start` takes the key from. */
  readonly env: NodeJS.ProcessEnv;
  /** This very program. */
  readonly program: readonly string[];
}

const HERE: ServicePlace = { service: () => agentService(thisMachine()), env: machineEnv(), program: thisProgram() };

export interface StartOptions {
  /** Names of more variables that the agent needs. */
  readonly env?: readonly string[];
}

/** `hoop agent start` @throws Misconfigured with what to do; nothing is written then. */
export async function start({ terminal }: Context, options: StartOptions, place = HERE): Promise<void> {
  const service = place.service();
  const variables = serviceVariables(variablesFrom(place.env, options.env), service.stored());
  const { change, hints } = await service.start({ command: [...place.program, 'start', 'agent'], variables });
  print(terminal, `${terminal.outStyle.green('✓')} ${CHANGES[change]}`);
  const { linked, message } = await service.status();
  if (message !== '') print(terminal, message);
  if (linked === false) note(terminal, 'It goes on trying; `hoop agent logs` shows what happens');
  for (const hint of hints) note(terminal, terminal.errStyle.dim(hint));
}

const CHANGES: Readonly<Record<Started['change'], string>> = {
  installed: `Installed and started ${SERVICE} service`,
  updated: `Updated and started ${SERVICE} service`,
  restarted: `Started ${SERVICE} service`,
  unchanged: `The ${SERVICE} service runs already, with these settings`,
};

/** `hoop agent stop` */
export async function stop({ terminal }: Context, place = HERE): Promise<void> {
  if (!(await place.service().stop())) throw notInstalled();
  print(terminal, `${terminal.outStyle.green('✓')} Stopped ${SERVICE} service`);
  note(terminal, terminal.errStyle.dim('It does not start by itself until `hoop agent start`'));
}

/** `hoop agent remove` */
export async function remove({ terminal }: Context, place = HERE): Promise<void> {
  if (!(await place.service().remove())) throw notInstalled();
  print(terminal, `${terminal.outStyle.green('✓')} Removed ${SERVICE} service and its key`);
}

/** `hoop agent status`: 0 when it runs. */
export async function status({ terminal }: Context, options: { readonly json?: boolean }, place = HERE): Promise<number> {
  const found = await place.service().status();
  if (options.json === true)
    printJson(terminal, { ...found, linked: found.linked ?? null, since: found.since ?? null, pid: found.pid ?? null });
  else for (const line of describe(found)) print(terminal, line);
  return found.running ? EXIT.ok : EXIT.failed;
}

function describe(found: ServiceStatus): readonly string[] {
  if (!found.installed) return [`The ${SERVICE} service is not installed; \`hoop agent start\` installs it`];
  const running = [found.since && `since ${found.since}`, found.pid && `process ${found.pid}`].filter(Boolean).join(', ');
  const linked = found.linked === undefined ? 'unknown' : found.linked ? 'yes' : 'no';
  return [
    `Installed  ${found.definition}`,
    `Enabled    ${found.enabled ? 'yes' : 'no'}`,
    `Running    ${found.running ? `yes${running === '' ? '' : `, ${running}`}` : 'no'}`,
    `Linked     ${linked}`,
    ...(found.message === '' ? [] : [`Says       ${found.message}`]),
  ];
}

export interface LogsOptions {
  readonly lines?: string;
  readonly follow: boolean;
}

/** `hoop agent logs`: hands the terminal to the program that has the logs, until Ctrl-C. */
export async function logs(_context: Context, options: LogsOptions, place = HERE): Promise<number> {
  const lines = options.lines === undefined ? undefined : Number(options.lines);
  if (lines !== undefined && (!Number.isInteger(lines) || lines < 0)) throw usage('--lines takes a number of lines');
  const service = place.service();
  if (service.stored() === undefined) throw notInstalled();
  const [program, ...args] = service.logs({ follow: options.follow, ...(lines === undefined ? {} : { lines }) });
  return showing(program, args, place.env);
}

/** Ctrl-C reaches both, as the terminal sends it; the one that shows decides. */
function showing(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const wait = (): void => undefined;
  process.on('SIGINT', wait);
  return new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    child.once('error', (cause) => reject(new Misconfigured('service_manager', `${program} cannot be run: ${cause.message}`, { cause })));
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? EXIT.failed) : 128 + constants.signals[signal]));
  }).finally(() => process.off('SIGINT', wait));
}

function notInstalled(): Failure {
  return new Failure('service_missing', `There is no ${SERVICE} service; \`hoop agent start\` installs it`);
}

/** Node.js, its flags and the entry, however this program was called: through npm's link, its launcher, or from source. */
function thisProgram(): readonly string[] {
  return [process.execPath, ...process.execArgv, realpathSync(process.argv[1] ?? '')];
}
