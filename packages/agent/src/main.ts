import { asAppError } from '@hoop/core/errors';
import { stopSignal } from '@hoop/core/lifecycle';
import { DRAIN_MS_MAX } from '@hoop/core/limits';
import { createLog } from '@hoop/core/log';
import { VERSION } from '@hoop/core/version';
import { AgentClient } from '@hoop/tunnel/agent-client';
import { type AgentConfig, loadAgentConfig } from './config.ts';
import { readAgentEnv } from './env.ts';
import { agentHello } from './hello.ts';
import { SessionRunner } from './runner.ts';

/**
 * Runs an agent until it is told to stop, and returns its exit code.
 * The first SIGTERM or SIGINT drains: no new sessions, open ones may finish until the deadline.
 */
export async function run(config: AgentConfig = loadAgentConfig(readAgentEnv())): Promise<number> {
  const log = createLog(config.log).child({ part: 'agent' });
  const host = new SessionRunner(log);
  const client = new AgentClient({ dial: config.dial, key: config.key, hello: agentHello(), host, log });
  log.info({ version: VERSION, gateway: `${config.dial.host}:${config.dial.port}`, tls: config.dial.tls !== undefined }, 'Agent starts');
  const stop = stopSignal(process).then(async (signal) => {
    log.info({ signal, sessions: host.live }, 'Draining');
    await host.drain(DRAIN_MS_MAX);
    client.stop();
  });
  try {
    await client.run();
    await stop;
    log.info('Agent stopped');
    return 0;
  } catch (thrown) {
    const error = asAppError(thrown);
    log.error({ code: error.code }, error.message);
    return 1;
  }
}
