import { setImmediate as turn } from 'node:timers/promises';
import type { AuditLog, AuditRecord } from '@hoop/store/audit/audit-log';
import type { Aggregates } from '@hoop/store/store';
import type { AuditReader } from './ports.ts';

/** Reads a session's records, wherever the session's row says that they end. */
export function auditReader(audit: Pick<AuditLog, 'eachRecordOf'>, sessions: Aggregates['sessions'], gatewayId: string): AuditReader {
  return {
    async *actionsOf(id: string): AsyncGenerator<AuditRecord> {
      const session = await sessions.get(id);
      // Another gateway's records are on that gateway's disk.
      if (!session || session.gatewayId !== gatewayId) return;
      const [segment = 0, offset = 0] = (session.auditHead ?? '').split(':').map(Number);
      for (const record of audit.eachRecordOf(id, segment > 0 ? { segment, offset } : undefined)) {
        if (record) yield record;
        else await turn();
      }
    },
  };
}
