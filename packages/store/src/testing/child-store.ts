import { randomUUID } from 'node:crypto';
import { silentLog } from '@hoop/core/log';
import { openStore, type Store } from '../store.ts';
import type { Place } from './databases.ts';

/** What a child process is told on its command line, as JSON. */
export interface ChildOrder {
  readonly home: string;
  readonly postgresUri?: string;
  /** In hex. */
  readonly encryptionKey: string;
  /** `hold`: open the store and keep it. `write`: store sessions and messages until somebody kills it. */
  readonly task: 'hold' | 'write';
}

export type ChildReport = { readonly opened: true } | { readonly stored: string } | { readonly failed: string };

export function orderOf(place: Place, task: ChildOrder['task']): ChildOrder {
  const { home, postgresUri, encryptionKey } = place;
  return { home, encryptionKey: encryptionKey.toString('hex'), task, ...(postgresUri === undefined ? {} : { postgresUri }) };
}

/** Several writers at once, so that a kill hits the middle of something. Every report is about a fact that was acknowledged. */
async function write(store: Store, report: (report: ChildReport) => void): Promise<void> {
  const one = async (): Promise<never> => {
    for (;;) {
      const id = randomUUID();
      await store.transaction(async (tx) => {
        await tx.sessions.insert({
          id,
          userId: 'u',
          userEmail: 'u@example.org',
          userName: 'u',
          connection: 'pg',
          type: 'database',
          subtype: 'postgres',
          verb: 'exec',
          origin: 'cli',
          status: 'open',
          gatewayId: 'g1',
          script: 'select 1',
          startedAt: Date.now(),
        });
        await tx.outbox.append('session.open', id);
      });
      report({ stored: id });
    }
  };
  await Promise.all([one(), one(), one()]);
}

async function run(order: ChildOrder): Promise<void> {
  const report = (message: ChildReport): void => void process.send?.(message);
  // The parent is gone, however it went: nobody is left to end this process.
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  try {
    const encryptionKey = Buffer.from(order.encryptionKey, 'hex');
    const store = await openStore({ ...order, encryptionKey, log: silentLog() });
    report({ opened: true });
    if (order.task === 'write') await write(store, report);
  } catch (error) {
    report({ failed: error instanceof Error ? error.message : String(error) });
  }
}

const [order] = process.argv.slice(2);
if (order?.startsWith('{')) await run(JSON.parse(order) as ChildOrder);
