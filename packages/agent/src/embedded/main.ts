import { homedir } from 'node:os';
import { join } from 'node:path';
import { asAppError } from '@hoop/core/errors';
import { stopSignal } from '@hoop/core/lifecycle';
import { DRAIN_MS_MAX } from '@hoop/core/limits';
import { createLog, type Log, type LogOptions } from '@hoop/core/log';
import { VERSION } from '@hoop/core/version';
import { AgentClient, type AgentClientOptions } from '@hoop/tunnel/agent-client';
import { type AgentConfig, loadAgentConfig } from '../config.ts';
import { type RunEnv, readAgentEnv, readRunEnv } from '../env.ts';
import { EXIT_REFUSED } from '../exit-code.ts';
import { agentHello } from '../hello.ts';
import { requireEmbeddedKey } from '../key-mode.ts';
import { LogTap } from '../log-tap.ts';
import { SessionRunner } from '../runner.ts';
import { readSecretsEnv } from '../secrets/env.ts';
import { TargetSecrets } from '../secrets/target-secrets.ts';
import { Companion } from './companion.ts';
import { runForeground } from './foreground.ts';
import { LogFile } from './log-file.ts';
import { type Offer, type OfferOptions, offerOf } from './offer.ts';

export interface RunOptions extends OfferOptions {
  /** The agent logs to stderr. */
  readonly debug?: boolean;
}

/** When the application has ended nobody waits long for its agent. */
const FAREWELL_MS_MAX = 2_000;

/**
 * `hoop run`: an agent that offers one connection, beside an application whose terminal, signals and exit code are its own.
 * Without a command the agent runs alone until it is told to stop.
 * @throws Misconfigured `agent_config`, `key_mode`, `run_options`, `database_uri` before anything is started; CommandFault
 */
export async function runEmbedded(options: RunOptions, command: readonly string[]): Promise<number> {
  const config = loadAgentConfig(readAgentEnv());
  requireEmbeddedKey(config.key);
  const env = readRunEnv();
  const offer = offerOf(options, { databaseUri: env.databaseUri, environment: env.environment, cwd: process.cwd() });
  const [program, ...args] = command;
  if (program === undefined) return alone(agentOf(config, offer, config.log));
  return beside(agentOf(config, offer, logOf(config, offer, options, env)), [program, ...args], env);
}

interface Agent {
  readonly client: AgentClientOptions;
  readonly host: SessionRunner;
  readonly tap: LogTap;
  readonly log: Log;
}

function agentOf(config: AgentConfig, offer: Offer, logOptions: LogOptions): Agent {
  const tap = new LogTap();
  const log = createLog({ ...logOptions, tap: tap.take }).child({ part: 'agent' });
  const host = new SessionRunner(log, new TargetSecrets({ env: readSecretsEnv(), ownProcess: false }), offer.own);
  const gateway = `${config.dial.host}:${config.dial.port}`;
  log.info(
    { version: VERSION, gateway, connection: offer.declares.name, type: offer.declares.subtype || offer.declares.type },
    'Agent starts',
  );
  return { client: { dial: config.dial, key: config.key, hello: agentHello(offer.declares), host, log }, host, tap, log };
}

/** Not a byte goes to the application's output unless somebody asks for it. */
function logOf(config: AgentConfig, { declares }: Offer, { debug }: RunOptions, { logFile, stateHome }: RunEnv): LogOptions {
  if (debug === true) return { ...config.log, level: 'debug' };
  if (logFile === 'off') return { ...config.log, to: { write: () => undefined } };
  const path = logFile ?? join(stateHome ?? join(homedir(), '.local/state'), 'hoop', `run-${declares.name}.log`);
  return { ...config.log, to: new LogFile(path) };
}

async function beside(
  { client, host, tap, log }: Agent,
  command: readonly [string, ...string[]],
  { environment }: RunEnv,
): Promise<number> {
  const companion = new Companion(client, tap);
  // A fault of the agent's own must not take the application's parent away.
  const onFault = (error: unknown): void => log.fatal({ err: asAppError(error) }, 'The agent met an error of its own');
  process.on('uncaughtException', onFault);
  const done = companion.run();
  try {
    return await runForeground(command, environment);
  } finally {
    log.info({ sessions: host.live }, 'The application has ended');
    const farewell = host.drain(0).then(() => {
      companion.stop();
      return done;
    });
    await within(farewell, FAREWELL_MS_MAX);
    companion.stop();
    process.off('uncaughtException', onFault);
  }
}

async function alone({ client: options, host, tap, log }: Agent): Promise<number> {
  const client = new AgentClient(options);
  tap.tellTo((entries) => client.report(entries));
  const stop = stopSignal(process).then(async (signal) => {
    log.info({ signal, sessions: host.live }, 'Draining');
    await host.drain(DRAIN_MS_MAX);
    client.stop();
  });
  try {
    await client.run();
    await stop;
    return 0;
  } catch (thrown) {
    const error = asAppError(thrown);
    log.error({ code: error.code }, error.message);
    return error.kind === 'bug' ? 1 : EXIT_REFUSED;
  }
}

async function within(work: Promise<unknown>, timeout_ms: number): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, timeout_ms);
  await Promise.race([work, late.promise]);
  clearTimeout(timer);
}
