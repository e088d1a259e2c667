import type { SessionCloseEvent } from '@hoop/contract/audit';
import type { Clock } from '@hoop/core/clock';
import type { Log } from '@hoop/core/log';
import type { AuditLog } from '@hoop/store/audit/audit-log';
import { GATEWAY_DIED } from '@hoop/store/sessions';
import type { Store } from '@hoop/store/store';

interface Parts {
  readonly store: Store;
  readonly audit: AuditLog;
  readonly gatewayId: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Closes the books on sessions that were open when this gateway was killed: a last record, and in the row where their records are.
 * Called before the first new session. Returns how many there were.
 */
export async function recoverSessions({ store, audit, gatewayId, clock, log }: Parts): Promise<number> {
  const open = await store.sessions.openOnes(gatewayId);
  if (open.length === 0) return 0;
  const heads = audit.headsOf(open.map((session) => session.id));
  const closing: SessionCloseEvent = {
    type: 'session.close',
    reason: GATEWAY_DIED,
    message: 'The gateway was killed while the session was open',
    bytes_in: 0,
    bytes_out: 0,
    duration_us: 0,
  };
  let newest = 0;
  for (const session of open) {
    const head = heads.get(session.id);
    if (head) audit.adopt(session.id, head);
    newest = audit.append(session.id, Buffer.from(JSON.stringify(closing)));
  }
  await audit.durable(newest);
  for (const session of open) {
    const head = audit.forget(session.id);
    const auditHead = head ? `${head.segment}:${head.offset}` : null;
    await store.sessions.finish(session.id, { status: 'done', endReason: GATEWAY_DIED, endedAt: clock.now(), auditHead });
  }
  log.warn({ sessions: open.length }, 'Sessions of a gateway that was killed were closed');
  return open.length;
}
