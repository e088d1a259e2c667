import { type ActionEvent, AuditEvent, type DecisionEvent, type OutcomeEvent } from '@hoop/contract/audit';
import { EVENT_HEADER_BYTES, FRAME_KINDS } from '@hoop/contract/tunnel';
import { asAppError, PeerFault } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import type { AuditLog, AuditRecord } from '@hoop/store/audit/audit-log';
import { sessionFromBytes } from '@hoop/store/audit/segment';
import type { Store } from '@hoop/store/store';
import type { FrameStream } from '@hoop/tunnel/stream';

/** What an agent tells of actions, and tells again. */
type Told = ActionEvent | DecisionEvent | OutcomeEvent;

export interface ReplayDeps {
  readonly store: Pick<Store, 'sessions'>;
  readonly audit: AuditLog;
  readonly gatewayId: string;
  readonly log: Log;
}

const SESSION_BYTES = 16;

/** An agent keeps half as much; more than this is not a replay. */
const REPLAY_BYTES_MAX = 64 * 1024 * 1024;

/** Takes what an agent tells again after its link broke, and records what is not recorded yet. */
export function takeReplay(deps: ReplayDeps, agentId: string, stream: FrameStream): void {
  const told = new Map<string, Told[]>();
  let bytes = 0;
  stream.receive({
    data: () => undefined,
    message: (kind, payload) => {
      if (kind !== FRAME_KINDS.event) return;
      bytes += payload.length;
      if (bytes > REPLAY_BYTES_MAX || payload.length <= SESSION_BYTES + EVENT_HEADER_BYTES) {
        throw new PeerFault('bad_replay', 'The agent replays what cannot be');
      }
      const session = sessionFromBytes(payload.subarray(0, SESSION_BYTES));
      const event = parse(payload.subarray(SESSION_BYTES + EVENT_HEADER_BYTES));
      if (event) told.set(session, [...(told.get(session) ?? []), event]);
    },
    ended: () => {
      stream.end();
      recordAll(deps, agentId, told).catch((error) =>
        deps.log.error({ err: asAppError(error) }, 'Replayed audit events could not be recorded'),
      );
    },
    broken: (error) => deps.log.warn({ code: error.code }, 'A replay of audit events broke off'),
  });
}

async function recordAll(deps: ReplayDeps, agentId: string, told: ReadonlyMap<string, readonly Told[]>): Promise<void> {
  let recorded = 0;
  for (const [session, events] of told) recorded += await recordMissing(deps, agentId, session, events);
  deps.log.info({ sessions: told.size, recorded }, 'An agent told again what it sent before its link broke');
}

/** Records what is missing in one session; gives how many records that were. Another agent's session is left alone. */
export async function recordMissing(
  { store, audit, gatewayId }: ReplayDeps,
  agentId: string,
  session: string,
  events: readonly Told[],
): Promise<number> {
  const row = await store.sessions.get(session);
  if (!row || row.agentId !== agentId || row.gatewayId !== gatewayId) return 0;
  const [segment = 0, offset = 0] = (row.auditHead ?? '').split(':').map(Number);
  const head = audit.head(session) ?? (segment > 0 ? { segment, offset } : undefined);
  const missing = missingOf(audit.eachRecordOf(session, head), events);
  if (missing.length === 0) return 0;
  if (head) audit.adopt(session, head);
  let newest = 0;
  for (const event of missing) newest = audit.append(session, Buffer.from(JSON.stringify({ ...event, replayed: true })));
  await audit.durable(newest);
  const moved = row.status === 'done' ? audit.forget(session) : undefined;
  if (moved) await store.sessions.moveAuditHead(session, `${moved.segment}:${moved.offset}`);
  return missing.length;
}

function missingOf(recorded: Iterable<AuditRecord | undefined>, told: readonly Told[]): Told[] {
  const actions = new Set<number>();
  const outcomes = new Set<number>();
  const decisions = new Set<number>();
  const missing: Told[] = [];
  const note = (event: AuditEvent): void => {
    if (event.type === 'action') actions.add(event.seq);
    if (event.type === 'decision') decisions.add(event.seq);
    if (event.type === 'outcome' || (event.type === 'action' && event.outcome)) outcomes.add(event.seq);
  };
  for (const record of recorded) if (record) note(record.event);
  for (const event of told) {
    if (event.type === 'action' && !actions.has(event.seq)) missing.push(event);
    else if (event.type === 'decision') {
      if (!decisions.has(event.seq)) missing.push(event);
    } else if (event.outcome && !outcomes.has(event.seq)) missing.push({ type: 'outcome', seq: event.seq, outcome: event.outcome });
    note(event);
  }
  return missing;
}

function parse(json: Buffer): Told | undefined {
  try {
    const value: unknown = JSON.parse(json.toString('utf8'));
    const event = AuditEvent.safeParse(value);
    if (!event.success) return undefined;
    const { data } = event;
    return data.type === 'action' || data.type === 'decision' || data.type === 'outcome' ? data : undefined;
  } catch {
    return undefined;
  }
}
