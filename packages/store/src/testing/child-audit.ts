import { randomUUID } from 'node:crypto';
import { silentLog } from '@hoop/core/log';
import { AuditLog } from '../audit/audit-log.ts';

/** What the child tells of a record: that it promised it, as an answer to a client would. */
export interface Promised {
  readonly session: string;
  readonly number: number;
}

/** Appends for several sessions without a pause, promises what is in the kernel or on the disk, and is killed some time. */
async function run(directory: string, promise: 'written' | 'durable'): Promise<void> {
  // The parent is gone, however it went: nobody is left to end this process.
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  const log = AuditLog.open({ directory, log: silentLog(), segmentBytesMax: 200_000 });
  const append = async (session: string): Promise<never> => {
    for (let number = 0; ; number++) {
      const event = { type: 'action', seq: number, via: 'query', text: `select ${number}`, verdict: 'allow' };
      const record = log.append(session, Buffer.from(JSON.stringify(event)));
      if (promise === 'durable') await log.durable(record);
      else await new Promise<void>((resolve) => log.afterWrite(() => resolve()));
      process.send?.({ session, number } satisfies Promised);
    }
  };
  await Promise.all(Array.from({ length: 5 }, () => append(randomUUID())));
}

const [directory = '', promise] = process.argv.slice(2);
if (promise === 'written' || promise === 'durable') await run(directory, promise);
