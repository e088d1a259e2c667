import type { Connection } from '@hoop/contract/routes/connections';
import { protocolOf } from '@hoop/core/connection';
import type { Wire } from '@hoop/core/wire';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { DialGateway } from '../tunnel-port.ts';

/** True for a connection that is a command which the agent runs. */
export function isCommand(connection: Pick<Connection, 'type' | 'subtype'>): boolean {
  return protocolOf(connection.type, connection.subtype) === 'terminal';
}

/** @throws Failure `access_mode` (exit code 254) where an administrator turned this way off */
export function assertMode(connection: Connection, verb: 'connect' | 'exec'): void {
  const state = verb === 'connect' ? connection.access_mode_connect : connection.access_mode_exec;
  if (state === 'enabled') return;
  const other = verb === 'connect' ? 'exec' : 'connect';
  throw new Failure('access_mode', `${connection.name} may not be used with ${verb}. Try \`hoop ${other}\`, or ask an administrator`, {
    exitCode: EXIT.refused,
  });
}

/** Runs `work` on a stream of its own link, which is closed afterwards. */
export async function withSession<T>(
  dial: DialGateway,
  connection: string,
  verb: 'connect' | 'exec',
  work: (wire: Wire) => Promise<T>,
): Promise<T> {
  const link = await dial();
  try {
    return await work(await link.open(connection, verb));
  } finally {
    link.close();
  }
}
