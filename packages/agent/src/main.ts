import { asAppError } from '@hoop/core/errors';
import { outliveRejections, stopSignal } from '@hoop/core/lifecycle';
import { DRAIN_MS_MAX } from '@hoop/core/limits';
import { createLog, type Log } from '@hoop/core/log';
import { VERSION } from '@hoop/core/version';
import { AgentClient } from '@hoop/tunnel/agent-client';
import { type AgentConfig, loadAgentConfig } from './config.ts';
import { addToEnv, readAgentEnv, readHome, takeServiceEnv } from './env.ts';
import { EXIT_REFUSED } from './exit-code.ts';
import { agentHello } from './hello.ts';
import { requireStandardKey } from './key-mode.ts';
import { LogTap } from './log-tap.ts';
import { SessionRunner } from './runner.ts';
import { readSecretsEnv } from './secrets/env.ts';
import { TargetSecrets } from './secrets/target-secrets.ts';
import { parseEnvFile } from './service/env-file.ts';
import { ServiceNotifier } from './service/notify.ts';
import { readIfThere } from './service/private-file.ts';
import { FileMemory } from './target-memory.ts';

/**
 * Runs an agent until it is told to stop, and returns its exit code: 0, or `EXIT_REFUSED` when trying again cannot help.
 * The first SIGTERM or SIGINT drains: no new sessions, open ones may finish until the deadline.
 * @throws Misconfigured `agent_config`, `key_mode`, `agent_environment` with what to set
 */
export async function run(): Promise<number> {
  const manager = takeServiceEnv();
  const watchdog_ms = manager.watchdog_usec === undefined ? undefined : manager.watchdog_usec / 1000;
  const notifier = new ServiceNotifier({ socket: manager.notifySocket, watchdog_ms, path: manager.path });
  const config = await configured(manager.envFile).catch(async (thrown) => {
    await notifier.stopping(asAppError(thrown).message);
    throw thrown;
  });
  const tap = new LogTap();
  const log = createLog({ ...config.log, tap: tap.take }).child({ part: 'agent' });
  outliveRejections(process, log);
  try {
    await serve(config, log, tap, notifier);
    await notifier.stopping('Stopped');
    return 0;
  } catch (thrown) {
    const error = asAppError(thrown);
    log.error({ code: error.code }, error.message);
    await notifier.stopping(error.message);
    return error.kind === 'bug' ? 1 : EXIT_REFUSED;
  }
}

async function configured(envFile: string | undefined): Promise<AgentConfig> {
  if (envFile !== undefined) addToEnv(parseEnvFile(readIfThere(envFile) ?? ''));
  const config = loadAgentConfig(readAgentEnv());
  requireStandardKey(config.key);
  return config;
}

async function serve(config: AgentConfig, log: Log, tap: LogTap, notifier: ServiceNotifier): Promise<void> {
  const gateway = `${config.dial.host}:${config.dial.port}`;
  const secrets = new TargetSecrets({ env: readSecretsEnv(), ownProcess: true });
  const host = new SessionRunner(log, secrets, undefined, new FileMemory(readHome(), log));
  const client = new AgentClient({
    dial: config.dial,
    key: config.key,
    hello: agentHello(),
    host,
    log,
    onLink: (link) => {
      if (link.up) notifier.linked(gateway, link.agent);
      else notifier.unlinked(`Dialling ${gateway}: ${link.why}`);
    },
  });
  tap.tellTo((entries) => client.report(entries));
  const leftovers = await secrets.removeLeftovers();
  if (leftovers > 0) log.info({ leftovers }, 'Files of sessions of an agent that was killed were removed');
  log.info({ version: VERSION, gateway, tls: config.dial.tls !== undefined }, 'Agent starts');
  const stop = stopSignal(process).then(async (signal) => {
    log.info({ signal, sessions: host.live }, 'Draining');
    notifier.unlinked(`Draining ${host.live} sessions`);
    await host.drain(DRAIN_MS_MAX);
    client.stop();
  });
  await client.run();
  await stop;
  log.info('Agent stopped');
}
