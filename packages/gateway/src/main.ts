import { asAppError, Bug } from '@hoop/core/errors';
import { outliveRejections, stopSignal } from '@hoop/core/lifecycle';
import { DRAIN_MS_MAX } from '@hoop/core/limits';
import { createLog, type Log } from '@hoop/core/log';
import { VERSION } from '@hoop/core/version';
import { type GatewayConfig, loadConfig } from './config.ts';
import { readEnv } from './env.ts';
import { type Gateway, type LocalAgent, startGateway } from './gateway.ts';
import { ServerLogs } from './server-logs.ts';

export interface RunOptions {
  readonly config?: GatewayConfig;
  /** An agent in the same process, as `hoop start standalone` has it. */
  localAgent?(log: Log): LocalAgent;
}

/**
 * Runs a gateway until the first SIGTERM or SIGINT, and returns its exit code: 0 after a drain, 1 when it could not start.
 * @throws Misconfigured `config_invalid` from the environment, before there is a log
 */
export async function run(options: RunOptions = {}): Promise<number> {
  const config = options.config ?? loadConfig(readEnv());
  const logs = new ServerLogs();
  const log = createLog({ level: config.logLevel, encoding: config.logEncoding, tap: logs.take });
  for (const notice of config.notices) log.warn(notice);
  outliveRejections(process, log);
  const stop = stopSignal(process);
  let gateway: Gateway;
  try {
    gateway = await startGateway(config, log, options.localAgent?.(log.child({ part: 'agent' })), logs);
  } catch (thrown) {
    const error = asAppError(thrown);
    log.fatal(error instanceof Bug ? { err: error } : { code: error.code }, `The gateway cannot start. ${error.message}`);
    return 1;
  }
  const { apiUrl, grpcUrl, native } = gateway.addresses;
  const store = config.postgresUri ? 'PostgreSQL' : 'SQLite';
  log.info(
    { version: VERSION, api: apiUrl, tunnel: grpcUrl, native: Object.fromEntries(native), store, home: config.home },
    'Gateway ready',
  );
  const signal = await stop;
  log.info({ signal }, 'Stopping; a second signal stops at once');
  await gateway.drain(DRAIN_MS_MAX);
  await gateway.close();
  log.info('Gateway stopped');
  return 0;
}
