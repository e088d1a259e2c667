import { randomUUID } from 'node:crypto';
import type { ExecReply, Session } from '@hoop/contract/routes/sessions';
import { protocolOf } from '@hoop/core/connection';
import { Refusal } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import type { TranscriptReader } from '@hoop/core/protocol';
import { UNCHECKED, UNREAD } from '@hoop/policy/masks';
import type { ReviewRow } from '@hoop/store/reviews';
import type { Json, JsonObject } from '@hoop/store/rows';
import type { SessionRow } from '@hoop/store/sessions';
import { ExecResults } from '../exec-results.ts';
import { EXEC_WAIT_MS } from '../limits.ts';
import type { ExecResult, ProtocolTraits } from '../ports.ts';
import { notFound, timeOf } from './failures.ts';
import { type Handlers, NO_BODY } from './handler.ts';
import type { ApiParts } from './parts.ts';
import { readRecords, readTerminals } from './session-records.ts';
import { defined } from './users.ts';

type Names = 'listSessions' | 'execSession' | 'getSession' | 'getSessionResult' | 'killSession';

export function sessionHandlers(parts: ApiParts): Pick<Handlers, Names> {
  const { store, engine } = parts;
  const results = new ExecResults();
  return {
    listSessions: async ({ query, identity }) => {
      const { connection, type, status, correlation_id: correlationId, limit, offset, count } = query;
      if (!mayReadAll(identity) && query.user !== undefined && !isCaller(query.user, identity)) {
        return { body: { data: [], total_is_capped: false, has_next_page: false } };
      }
      const user = mayReadAll(identity) ? query.user : identity.userId;
      const startDate = query.start_date === undefined ? undefined : Date.parse(query.start_date);
      const endDate = query.end_date === undefined ? undefined : Date.parse(query.end_date);
      const filter = defined({ user, connection, type, status, correlationId, startDate, endDate, limit, offset, count });
      const page = await store.sessions.list(filter);
      const total = page.total === null ? {} : { total: page.total };
      return { body: { data: page.rows.map(toSession), ...total, total_is_capped: page.totalIsCapped, has_next_page: page.hasNextPage } };
    },
    execSession: async ({ body, identity, origin, signal }) => {
      const { connection, script, labels, metadata, correlation_id: correlationId, session_batch_id: batchId } = body;
      const sessionId = randomUUID();
      const request = { sessionId, connection, script, labels, metadata, origin, ...defined({ correlationId, batchId }) };
      return await finishOrWait(parts, results, sessionId, signal, (stop) => engine.execute(identity, { ...request, signal: stop }));
    },
    getSession: async ({ params, query, identity }) => {
      const row = await mustFindSession(parts, params.session_id, identity, mayReadAll(identity));
      return { body: { ...toSession(row), ...(await expansions(parts, row, query)) } };
    },
    getSessionResult: async ({ params, identity }) => {
      const row = await mustFindSession(parts, params.session_id, identity, mayReadAll(identity));
      const result = results.get(row.id);
      if (result) return { status: 200, body: execReply(result) };
      if (results.isRunning(row.id)) return { status: 202, body: stillRunning(row.id, parts.clock.now() - row.startedAt) };
      throw new Refusal('not_found', 'The result is not here: it was given already, is older than 15 minutes, or another gateway has it');
    },
    killSession: async ({ params, identity }) => {
      const row = await mustFindSession(parts, params.session_id, identity, identity.isAdmin);
      if (row.status === 'done') throw new Refusal('session_not_open', 'This session has ended already');
      if (!engine.kill(row.id, identity)) await killElsewhere(parts, row, identity);
      return NO_BODY;
    },
  };
}

/** Asks the gateway that holds a session to end it. @throws Refusal `session_not_open` when nobody does any more */
async function killElsewhere({ store, gatewayId }: ApiParts, row: SessionRow, by: Identity): Promise<void> {
  if (row.gatewayId === gatewayId || !(await store.gateways.isLive(row.gatewayId))) {
    throw new Refusal('session_not_open', 'This session is not open: it is just ending, or its gateway is gone');
  }
  await store.signals.publish({ kind: 'session.kill', sessionId: row.id, by: by.email });
}

const mayReadAll = (identity: Identity): boolean => identity.isAdmin || identity.isAuditor;

const isCaller = (user: string, identity: Identity): boolean =>
  user === identity.userId || user.trim().toLowerCase() === identity.email.toLowerCase();

/** The session, for its owner and for those who may see everybody's. @throws Refusal `not_found` for all others */
async function mustFindSession({ store }: ApiParts, id: string, identity: Identity, maySeeAll: boolean): Promise<SessionRow> {
  const row = await store.sessions.get(id);
  if (row && (maySeeAll || row.userId === identity.userId)) return row;
  throw notFound('session');
}

/**
 * Answers when the script is done, or with 202 when it takes longer than a request should; it then goes on by itself.
 * A client that hangs up before the answer ends its script.
 */
async function finishOrWait(
  { log, reviews, server }: ApiParts,
  results: ExecResults,
  sessionId: string,
  hungUp: AbortSignal,
  run: (stop: AbortSignal) => Promise<ExecResult>,
): Promise<{ status: number; body: ExecReply }> {
  const stop = new AbortController();
  const onHangUp = (): void => stop.abort();
  hungUp.addEventListener('abort', onHangUp, { once: true });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), EXEC_WAIT_MS);
  });
  const started = performance.now();
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<ReviewRow>();
  const unwatch = reviews.watch(sessionId, onAsked);
  const running = run(stop.signal);
  try {
    const first = await Promise.race([running, late, asked]);
    if (first && 'sessionId' in first && 'output' in first) return { status: 200, body: execReply(first) };
    results.expect(sessionId, running);
    running.catch((error: unknown) => log.info({ err: error, session: sessionId }, 'A script that nobody waits for failed'));
    const body = stillRunning(sessionId, performance.now() - started);
    if (!first) return { status: 202, body };
    return {
      status: 202,
      body: { ...body, has_review: true, review_id: first.id, output: `${server.info().api_url}/reviews/${first.id}` },
    };
  } finally {
    unwatch();
    clearTimeout(timer);
    hungUp.removeEventListener('abort', onHangUp);
  }
}

function execReply(result: ExecResult): ExecReply {
  return {
    has_review: false,
    session_id: result.sessionId,
    output: result.output.toString('utf8'),
    output_status: result.outputStatus,
    truncated: result.truncated,
    execution_time: Math.round(result.executionTimeMs),
    exit_code: result.exitCode,
  };
}

function stillRunning(sessionId: string, ms: number): ExecReply {
  const pending = { output: '', output_status: 'running', truncated: false, exit_code: -2 } as const;
  return { has_review: false, session_id: sessionId, ...pending, execution_time: Math.round(ms) };
}

interface Expansion {
  readonly expand?: string | undefined;
  readonly after: number;
  readonly output_after?: number | undefined;
  readonly terminal?: number | undefined;
}

async function expansions(parts: ApiParts, row: SessionRow, wish: Expansion): Promise<Partial<Session>> {
  const { expand = '', after, output_after, terminal } = wish;
  const { store, audit, protocols } = parts;
  const { id } = row;
  const wanted = new Set(expand.split(','));
  const script = wanted.has('session_input') ? await store.sessions.scriptOf(id) : undefined;
  const showsTerminals = protocols.get(protocolOf(row.type, row.subtype) ?? '')?.showsTerminals === true;
  const found: Partial<Session> = {
    ...(script === undefined ? {} : { script: { data: script } }),
    ...(wanted.has('terminals') ? { terminals: showsTerminals ? await readTerminals(audit, id) : [] } : {}),
  };
  if (!wanted.has('actions') && !wanted.has('event_stream')) return found;
  const protocol = wanted.has('event_stream') ? protocolOf(row.type, row.subtype) : undefined;
  const transcript = protocol === undefined ? undefined : transcriptOf(protocols.get(protocol));
  const page = await readRecords(audit, id, { after, outputAfter: output_after, transcript, terminal });
  const next =
    page.nextAfter === undefined ? {} : { next_after: page.nextAfter, ...(transcript ? { next_output_after: page.nextOutputAfter } : {}) };
  return {
    ...found,
    ...(wanted.has('actions') ? { actions: [...page.actions] } : {}),
    ...(wanted.has('event_stream') ? { event_stream: [...page.events] } : {}),
    expand_truncated: page.nextAfter !== undefined,
    ...next,
  };
}

/** How what was recorded of a protocol's sessions is read; undefined where nothing was. */
function transcriptOf(protocol: ProtocolTraits | undefined): TranscriptReader | undefined {
  if (protocol?.transcript) return protocol.transcript();
  // It was told piece by piece, and there is nothing to read in it.
  return protocol?.showsTerminals ? { push: (bytes) => [{ stream: 'stdout', bytes }] } : undefined;
}

function toSession(row: SessionRow): Session {
  const metadata = Object.entries(row.metadata).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]);
  const metrics = metricsOf(row.metrics ?? {});
  return {
    id: row.id,
    org_id: row.orgId,
    user: row.userEmail,
    user_id: row.userId,
    user_name: row.userName,
    connection: row.connection,
    type: row.type,
    connection_subtype: row.subtype,
    connection_tags: { ...row.connectionTags },
    verb: row.verb,
    origin: row.origin,
    status: row.status,
    exit_code: row.exitCode,
    labels: { ...row.labels },
    metadata: Object.fromEntries(metadata) as Record<string, string>,
    metrics,
    script_size: row.scriptSize,
    event_size: metrics.event_size,
    end_reason: row.endReason,
    credential_id: row.credentialId,
    correlation_id: row.correlationId,
    session_batch_id: row.batchId,
    start_date: timeOf(row.startedAt),
    end_date: row.endedAt === null ? null : timeOf(row.endedAt),
  };
}

/** What the engine counted, under the names of the API. */
function metricsOf(counts: JsonObject) {
  const number = (value: Json | undefined): number => (typeof value === 'number' ? value : 0);
  const masked = counts.masked;
  const all = masked !== null && typeof masked === 'object' && !Array.isArray(masked) ? (masked as JsonObject) : {};
  // Values that were shown although a detector failed on them are no masked ones.
  const { [UNCHECKED]: unchecked, ...info_types } = all;
  const total_redact_count = Object.values(info_types).reduce<number>((sum, count) => sum + number(count as Json), 0);
  const err_count = number(unchecked) + number(info_types[UNREAD]);
  return {
    event_size: number(counts.bytesIn) + number(counts.bytesOut),
    bytes_in: number(counts.bytesIn),
    bytes_out: number(counts.bytesOut),
    actions: number(counts.actions),
    denied: number(counts.denied),
    rows: number(counts.rows),
    masked: { ...all },
    data_masking: { info_types, total_redact_count, err_count },
  };
}
