import type { Client } from '@hoop/contract/client';
import { type Connection, getConnection } from '@hoop/contract/routes/connections';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { Teller } from '../output/events.ts';

const WAIT_FIRST_MS = 1_000;
const WAIT_MS_MAX = 30_000;
/** With the waits doubling to 30 s: half an hour. */
const ATTEMPTS_MAX = 64;

export interface WaitOptions {
  readonly client: Client;
  readonly teller: Teller;
  readonly stop: AbortSignal;
  pause(duration_ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * Waits until the connection's agent is there, telling each time how long.
 * @throws Failure `agent_offline` (exit code 69) after half an hour, and the stop signal's reason.
 */
export async function untilOnline(connection: Connection, options: WaitOptions): Promise<Connection> {
  const { client, teller, stop, pause } = options;
  let now = connection;
  for (let attempt = 1; now.status === 'offline'; attempt++) {
    if (attempt > ATTEMPTS_MAX) {
      throw new Failure('agent_offline', `The agent of ${now.name} stayed offline. Start it, then run the command again`, {
        exitCode: EXIT.unavailable,
      });
    }
    const wait_ms = Math.min(WAIT_FIRST_MS * 2 ** (attempt - 1), WAIT_MS_MAX);
    const message = `The agent of ${now.name} is offline; trying again in ${wait_ms / 1_000} s (${attempt} of ${ATTEMPTS_MAX}). Ctrl-C gives up`;
    teller.tell({ status: 'agent_offline', message, data: { attempt } });
    await pause(wait_ms, stop);
    if (stop.aborted) throw stop.reason;
    now = await client.call(getConnection, { params: { nameOrID: connection.name }, signal: stop });
  }
  return now;
}
