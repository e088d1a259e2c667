import type { AuditEvent } from '@hoop/contract/audit';
import type { SessionAction } from '@hoop/contract/routes/sessions';
import { SESSION_RECORDS_BYTES_MAX, SESSION_RECORDS_MAX } from '../limits.ts';
import type { AuditReader } from '../ports.ts';
import { timeOf } from './failures.ts';

/** A page of what a session did. */
export interface RecordPage {
  readonly actions: readonly SessionAction[];
  /** The records of the same actions, and of the session's start and end. */
  readonly events: readonly { readonly time: string; readonly event: AuditEvent }[];
  /** The last action of the page, when there are more. */
  readonly nextAfter: number | undefined;
}

/** Reads the actions after number `after`, each with how it ended, as many as fit in one reply. */
export async function readRecords(audit: AuditReader, session: string, after: number): Promise<RecordPage> {
  const actions = new Map<number, SessionAction>();
  const events: { time: string; event: AuditEvent }[] = [];
  const awaited = new Set<number>();
  let bytes = 0;
  let nextAfter: number | undefined;
  for await (const { at_ms, event } of audit.actionsOf(session)) {
    const time = timeOf(at_ms);
    if (event.type === 'action') {
      if (event.seq <= after || nextAfter !== undefined) continue;
      bytes += event.text.length;
      if (actions.size >= SESSION_RECORDS_MAX || (actions.size > 0 && bytes > SESSION_RECORDS_BYTES_MAX)) {
        nextAfter = [...actions.keys()].at(-1);
        // Actions may end long after others have begun: go on reading only for those.
        if (awaited.size === 0) break;
        continue;
      }
      const { type: _, ...fields } = event;
      actions.set(event.seq, { ...fields, time });
      if (event.verdict === 'allow' && event.outcome === undefined) awaited.add(event.seq);
      events.push({ time, event });
    } else if (event.type === 'outcome') {
      const action = actions.get(event.seq);
      if (!action) continue;
      actions.set(event.seq, { ...action, outcome: event.outcome });
      awaited.delete(event.seq);
      events.push({ time, event });
      if (nextAfter !== undefined && awaited.size === 0) break;
    } else if (nextAfter === undefined && (event.type !== 'session.open' || after === 0)) {
      events.push({ time, event });
    }
  }
  return { actions: [...actions.values()], events, nextAfter };
}
