import { randomBytes, randomUUID } from 'node:crypto';
import type { SessionCloseEvent, SessionOpenEvent } from '@hoop/contract/audit';
import { AGENT_FEATURES, FRAME_KINDS, type OpenMessage, type PolicyMessage } from '@hoop/contract/tunnel';
import type { Clock } from '@hoop/core/clock';
import { type AccessMode, protocolOf } from '@hoop/core/connection';
import { type AppError, asAppError, Misconfigured, Refusal, TargetFault } from '@hoop/core/errors';
import type { Identity } from '@hoop/core/identity';
import { DRAIN_LOOK_MS, DRAIN_QUIET_MS, SESSIONS_MAX } from '@hoop/core/limits';
import type { Log } from '@hoop/core/log';
import type { Accepted } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import type { AuditLog } from '@hoop/store/audit/audit-log';
import type { ConnectionRow } from '@hoop/store/connections';
import type { Store } from '@hoop/store/store';
import type { AgentLink } from '@hoop/tunnel/link';
import { releasing } from './agent-stream.ts';
import { atTime } from './deadline.ts';
import { type AgentHub, changePolicy } from './hub.ts';
import { approvedOpening, holdAllWords, openingOf } from './opening-review.ts';
import { needsAnswers, needsApproval, policyMessage } from './policy-message.ts';
import type { Origin } from './ports.ts';
import { personOf, type ReviewDesk, waitingWords } from './reviews.ts';
import { SessionPipe, TRANSCRIPT_BYTES_MAX } from './session-pipe.ts';
import { agentTooOld, closed, deactivated, draining, expired, keyRemoved, killed, revoked } from './session-refusals.ts';
import { SessionReviews } from './session-reviews.ts';
import { targetOf } from './target-secrets.ts';

/** What an authenticated client holds: who it is, and what it may open. */
export interface Grant {
  readonly identity: Identity;
  readonly connection: ConnectionRow;
  /** The native credential that it came in with. */
  readonly credentialId?: string;
  /** The SSH key of the user's own that it came in with. */
  readonly sshKeyId?: string;
  /** When the session must end at the latest, in ms since 1970. */
  readonly expireAt?: number | null;
}

export interface SessionRequest {
  readonly id?: string;
  readonly verb: 'connect' | 'exec';
  readonly origin: Origin;
  readonly script?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly correlationId?: string;
  readonly batchId?: string;
}

export interface EngineMetrics {
  sessionOpened(protocol: string): void;
  sessionClosed(protocol: string, reason: string, duration_s: number): void;
  action(protocol: string, verdict: 'allow' | 'deny' | 'hold'): void;
  bytes(protocol: string, direction: 'in' | 'out', count: number): void;
  /** What was hidden in an answer, per entity. */
  masked(protocol: string, counts: Readonly<Record<string, number>>): void;
}

export interface EngineDeps {
  readonly store: Store;
  readonly hub: AgentHub;
  readonly audit: AuditLog;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: EngineMetrics;
  readonly gatewayId: string;
  readonly reviews: ReviewDesk;
  /** Where people can see a review; undefined where the API's address is not known. */
  reviewUrl(reviewId: string): string | undefined;
  /** Whether what clients of this protocol are shown is recorded. */
  isTranscribed(protocol: string): boolean;
  /** Where a record must be before its answer passes; `kernel` where not said. */
  readonly auditSync?: 'kernel' | 'disk';
  /** What agents are told of detectors beside the rules. */
  readonly detection?: Pick<PolicyMessage, 'mode' | 'presidio'>;
}

/** How a session ended. */
export interface SessionResult {
  readonly sessionId: string;
  readonly reason: AppError | undefined;
  readonly denied: number;
}

interface Live {
  readonly id: string;
  readonly identity: Identity;
  readonly connectionId: string;
  /** Those that it was opened under, joined. */
  readonly reviewers: string;
  readonly credentialId: string | undefined;
  readonly sshKeyId: string | undefined;
  readonly cancelKey: string | undefined;
  link?: AgentLink;
  pipe?: SessionPipe;
  /** Why it was ended before its pipe was there. */
  ended?: AppError;
  /** Ends what it waits for before it has a pipe. */
  onEnd?(reason: AppError): void;
}

/** Opens sessions, keeps the list of those that are live, and ends them. Every entry point goes through `open`. */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #live = new Map<string, Live>();
  readonly #byCancelKey = new Map<string, Live>();
  #draining = false;
  #idle: (() => void) | undefined;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
  }

  liveCount(): number {
    return this.#live.size;
  }

  /**
   * Runs one session from an accepted client to its end: authorizes, records, opens the agent's stream, pipes.
   * Never throws for what the client can be told: it is told in the protocol's words, and the result says why.
   */
  async open(accepted: Accepted<Grant>, request: SessionRequest): Promise<SessionResult> {
    const { grant, wire } = accepted;
    const live: Live = {
      id: request.id ?? randomUUID(),
      identity: grant.identity,
      connectionId: grant.connection.id,
      reviewers: grant.connection.reviewers.join(),
      credentialId: grant.credentialId,
      sshKeyId: grant.sshKeyId,
      cancelKey: accepted.hello.cancelKey,
    };
    let opened = false;
    let pipe: SessionPipe | undefined;
    let reason: AppError | undefined;
    const started_us = this.#deps.clock.micros();
    try {
      const protocol = this.#admit(grant, request.verb);
      this.#enter(live);
      await this.#begin(live, accepted, request, protocol);
      opened = true;
      this.#deps.metrics.sessionOpened(protocol);
      const approved = { ...accepted, wire: await this.#approvedWire(live, accepted, request) };
      pipe = await this.#connect(live, approved, request, protocol);
      reason = await this.#pipe(live, pipe, grant);
    } catch (thrown) {
      reason = asAppError(thrown);
      void wire.write(accepted.refuse(reason));
      wire.end();
    } finally {
      this.#leave(live);
    }
    if (reason?.kind === 'bug') this.#deps.log.error({ err: reason, session: live.id }, 'A session met an unexpected error');
    if (opened) await this.#close(live, pipe, grant, reason, started_us);
    return { sessionId: live.id, reason, denied: pipe?.counts.denied ?? 0 };
  }

  /** Ends a session of its owner or, for an admin, of anybody. False when it is not open here. */
  kill(sessionId: string, by: Identity): boolean {
    const live = this.#live.get(sessionId);
    if (!live) return false;
    if (!by.isAdmin && live.identity.userId !== by.userId)
      throw new Refusal('forbidden', 'Only its owner or an administrator may end a session');
    this.#end(live, killed(by.email));
    return true;
  }

  /** Ends a session of which another gateway was told; whether they may was asked there. */
  endSession(sessionId: string, byEmail: string): void {
    const live = this.#live.get(sessionId);
    if (live) this.#end(live, killed(byEmail));
  }

  revokeCredential(credentialId: string): void {
    this.#endWhere((live) => live.credentialId === credentialId, revoked());
  }

  /** An SSH key was removed. */
  endSessionsOfSshKey(keyId: string): void {
    this.#endWhere((live) => live.sshKeyId === keyId, keyRemoved());
  }

  /** A user was deactivated or deleted. */
  endSessionsOfUser(userId: string): void {
    this.#endWhere((live) => live.identity.userId === userId, deactivated());
  }

  /** A connection has other reviewers than when these sessions were opened: nobody whom it takes now has approved them. */
  endUnapproved(connectionId: string, reviewers: readonly string[]): void {
    this.#endWhere((live) => live.connectionId === connectionId && live.reviewers !== reviewers.join(), closed());
  }

  /** A connection was deleted, or its connect mode switched off. */
  endSessionsOfConnection(connectionId: string): void {
    this.#endWhere((live) => live.connectionId === connectionId, closed());
  }

  /** Passes a cancel on to the session with this key; an unknown key does nothing, as with a server. */
  cancel(key: string): void {
    const live = this.#byCancelKey.get(key);
    if (live) live.link?.cancel(live.id);
  }

  /** A cancel key that no live session has. (PostgreSQL's: a process id, then a secret.) */
  mintCancelKey(length: number): string {
    while (true) {
      const key = randomBytes(length);
      // The process id is shown to people and read as a positive number.
      key.writeInt32BE(key.readInt32BE(0) & 0x7fffffff, 0);
      const hex = key.toString('hex');
      if (!this.#byCancelKey.has(hex)) return hex;
    }
  }

  /** Rules changed: open sessions are judged by the new ones from here on. */
  async policyChanged(connectionIds: readonly string[] | undefined): Promise<void> {
    const touched = new Set(connectionIds ?? [...this.#live.values()].map((live) => live.connectionId));
    for (const connectionId of touched) {
      const sessions = [...this.#live.values()].flatMap((live) =>
        live.connectionId === connectionId && live.link ? [{ id: live.id, link: live.link }] : [],
      );
      if (sessions.length === 0) continue;
      const message = { ...policyMessage(await this.#deps.store.policyOf(connectionId)), ...this.#deps.detection };
      const isKept = ({ link }: { readonly link: AgentLink }): boolean => !needsAnswers(message) || keepsAnswers(link);
      for (const session of sessions) {
        const live = isKept(session) ? undefined : this.#live.get(session.id);
        if (live) this.#end(live, agentTooOld('Its rules', 'have limits for answers, which its agent does not know'));
      }
      changePolicy(sessions.filter(isKept), message);
    }
  }

  /** No new sessions. Those that run nothing are ended at once, the others at the deadline; resolves when all are over. */
  async drain(timeout_ms: number): Promise<void> {
    this.#draining = true;
    const deadline = performance.now() + timeout_ms;
    for (let left = timeout_ms; left > 0 && this.#live.size > 0; left = deadline - performance.now()) {
      this.#endWhere(({ pipe }) => pipe?.isIdle(DRAIN_QUIET_MS) === true, draining());
      await this.#untilIdle(Math.min(left, DRAIN_LOOK_MS));
    }
    this.#endWhere(() => true, draining());
    await this.#untilIdle(LAST_RECORDS_MS_MAX);
  }

  #untilIdle(timeout_ms: number): Promise<void> {
    if (this.#live.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout_ms);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @throws Refusal with why this user may not open this connection in this way now */
  #admit(grant: Grant, verb: AccessMode): string {
    const { connection } = grant;
    if (this.#draining) throw draining();
    if (this.#live.size >= SESSIONS_MAX)
      throw new Refusal('too_many_sessions', 'The gateway has as many sessions as it can hold; try again later');
    if (!connection.accessModes[verb]) {
      throw new Refusal(
        'access_mode_disabled',
        `${verb} is disabled for the connection ${connection.name}; ask an administrator to enable it`,
      );
    }
    const protocol = protocolOf(connection.type, connection.subtype);
    if (!protocol)
      throw new Misconfigured(
        'unsupported',
        `Connections of type ${connection.type}/${connection.subtype} cannot be opened by this version`,
      );
    return protocol;
  }

  #enter(live: Live): void {
    this.#live.set(live.id, live);
    if (live.cancelKey) this.#byCancelKey.set(live.cancelKey, live);
  }

  #leave(live: Live): void {
    if (this.#live.get(live.id) === live) this.#live.delete(live.id);
    if (live.cancelKey) this.#byCancelKey.delete(live.cancelKey);
    if (this.#live.size === 0) this.#idle?.();
  }

  /** The session's row and its first record, both durable before anything is dialled. */
  async #begin(live: Live, accepted: Accepted<Grant>, request: SessionRequest, protocol: string): Promise<void> {
    const { store, audit, clock, gatewayId } = this.#deps;
    const { identity, connection } = accepted.grant;
    await this.#mustStillHold(live, connection, request.verb);
    const opening: SessionOpenEvent = {
      type: 'session.open',
      user: identity.email,
      user_id: identity.userId,
      connection: connection.name,
      protocol,
      verb: request.verb,
      origin: request.origin,
      peer: accepted.wire.peer,
      ...(this.#deps.detection?.mode === 'best-effort' ? { dlp_mode: 'best-effort' } : {}),
    };
    const record = audit.append(live.id, Buffer.from(JSON.stringify(opening)));
    await store.sessions.insert({
      id: live.id,
      userId: identity.userId,
      userEmail: identity.email,
      userName: identity.name,
      connection: connection.name,
      connectionId: connection.id,
      type: connection.type,
      subtype: connection.subtype,
      connectionTags: connection.connectionTags,
      verb: request.verb,
      origin: request.origin,
      status: 'open',
      gatewayId,
      agentId: connection.agentId,
      credentialId: live.credentialId ?? null,
      batchId: request.batchId ?? null,
      correlationId: request.correlationId ?? null,
      ...(request.labels ? { labels: request.labels } : {}),
      ...(request.metadata ? { metadata: request.metadata } : {}),
      ...(request.script === undefined ? {} : { script: request.script }),
      startedAt: clock.now(),
    });
    await audit.durable(record);
  }

  /**
   * Asks again what the login found, now that whoever takes it back finds this session: a change since then would have missed
   * it, and a client may take its time between login and first byte.
   */
  async #mustStillHold(live: Live, granted: ConnectionRow, verb: AccessMode): Promise<void> {
    const { store } = this.#deps;
    const [credential, key, user, connection] = await Promise.all([
      live.credentialId === undefined ? undefined : store.credentials.get(live.credentialId),
      live.sshKeyId === undefined ? undefined : store.sshKeys.get(live.sshKeyId),
      store.users.get(live.identity.userId),
      store.connections.get(granted.id),
    ]);
    if (credential?.revokedAt != null) throw revoked();
    if (live.sshKeyId !== undefined && !key) throw keyRemoved();
    if (user?.status !== 'active') throw deactivated();
    if (!connection?.accessModes[verb] || connection.reviewers.join() !== granted.reviewers.join()) throw closed();
  }

  async #connect(live: Live, accepted: Accepted<Grant>, request: SessionRequest, protocol: string): Promise<SessionPipe> {
    const { store, hub, audit, metrics } = this.#deps;
    const { identity, connection } = accepted.grant;
    const [settings, policy] = await Promise.all([store.connections.secretsOf(connection.id), store.policyOf(connection.id)]);
    if (connection.agentId === '') throw new Misconfigured('agent_offline', `The connection ${connection.name} has no agent; give it one`);
    const agent = await hub.open(connection.agentId, connection.name).catch((error) => this.#sayWhere(error, connection));
    live.link = agent.link;
    const message = { ...policyMessage(policy), ...this.#deps.detection };
    const holdsAll = connection.reviewers.length > 0 && openingOf(connection, request) === undefined;
    if ((holdsAll || needsApproval(message)) && !agent.link.hello.features.includes(AGENT_FEATURES.reviews)) {
      releasing(agent).destroy();
      throw agentTooOld(connection.name, 'needs approvals, which its agent cannot wait for');
    }
    if (needsAnswers(message, protocol) && !keepsAnswers(agent.link)) {
      releasing(agent).destroy();
      throw agentTooOld(connection.name, 'has rules about answers, which its agent does not know');
    }
    const open: OpenMessage = {
      session: live.id,
      protocol,
      connection: connection.name,
      user: { id: identity.userId, email: identity.email, groups: [...identity.groups] },
      type: connection.type,
      subtype: connection.subtype,
      verb: request.verb,
      origin: request.origin,
      ...targetOf(settings),
      command: [...connection.command],
      hello: { ...accepted.hello },
      policy: message,
      reviews: true,
      recordings: true,
      ...(holdsAll ? { hold_all: holdAllWords(connection.name) } : {}),
    };
    void agent.stream.send(FRAME_KINDS.open, Buffer.from(JSON.stringify(open)));
    const pipe = new SessionPipe({
      session: live.id,
      client: accepted.wire,
      stream: releasing(agent),
      audit,
      auditSync: this.#deps.auditSync ?? 'kernel',
      transcriptBytesMax: this.#deps.isTranscribed(protocol) ? TRANSCRIPT_BYTES_MAX : undefined,
      boundaries: agent.link.hello.features.includes(AGENT_FEATURES.boundaries),
      refuse: (error) => accepted.refuse(error),
      onAction: (verdict) => metrics.action(protocol, verdict),
      onMasked: (counts) => metrics.masked(protocol, counts),
      reviews: this.#reviewsOf(live, connection, agent.link),
    });
    live.pipe = pipe;
    return pipe;
  }

  #reviewsOf(live: Live, connection: ConnectionRow, link: AgentLink): SessionReviews {
    const { reviews: desk, reviewUrl: urlOf } = this.#deps;
    return new SessionReviews({ desk, link, session: live.id, connection, requester: personOf(live.identity), urlOf });
  }

  /** What the session goes on with, once people have approved that it opens, where they must. @throws AppError */
  async #approvedWire(live: Live, accepted: Accepted<Grant>, request: SessionRequest): Promise<Wire> {
    const { connection } = accepted.grant;
    const opening = openingOf(connection, request);
    if (!opening) return accepted.wire;
    const { reviews: desk, reviewUrl, store, audit } = this.#deps;
    const { promise: ended, reject } = Promise.withResolvers<never>();
    live.onEnd = reject;
    if (live.ended) reject(live.ended);
    return approvedOpening(opening, {
      ...{ desk, store, connection, ended, session: live.id, wire: accepted.wire, requester: personOf(live.identity) },
      record: (event) => audit.durable(audit.append(live.id, Buffer.from(JSON.stringify(event)))),
      asked: (review) => {
        const words = accepted.notice?.(waitingWords(review, reviewUrl(review.id)));
        if (words) void accepted.wire.write(words);
      },
    });
  }

  /** An agent that is away from here may be linked to another gateway: whoever sees it online should be told. @throws AppError */
  async #sayWhere(cause: unknown, { name, agentId }: ConnectionRow): Promise<never> {
    const error = asAppError(cause);
    const links = error.code === 'agent_offline' ? await this.#deps.store.gateways.links() : [];
    if (!links.some((link) => link.agentId === agentId && link.gatewayId !== this.#deps.gatewayId)) throw error;
    throw new TargetFault('agent_offline', `The agent of ${name} is linked to another gateway; connect to that one`, { cause });
  }

  async #pipe(live: Live, pipe: SessionPipe, grant: Grant): Promise<AppError | undefined> {
    const over = pipe.run();
    if (live.ended) pipe.end(live.ended);
    const stopTimer = atTime(this.#deps.clock, grant.expireAt ?? undefined, () => this.#end(live, expired()));
    try {
      return await over;
    } finally {
      stopTimer();
    }
  }

  async #close(live: Live, pipe: SessionPipe | undefined, grant: Grant, reason: AppError | undefined, started_us: number): Promise<void> {
    const { store, audit, clock, log, metrics } = this.#deps;
    const counts = pipe?.counts;
    const duration_us = Math.round(clock.micros() - started_us);
    const closing: SessionCloseEvent = {
      type: 'session.close',
      reason: reason?.code ?? 'client_left',
      ...(reason ? { message: reason.message } : {}),
      bytes_in: counts?.bytesIn ?? 0,
      bytes_out: counts?.bytesOut ?? 0,
      duration_us,
    };
    try {
      await audit.durable(audit.append(live.id, Buffer.from(JSON.stringify(closing))));
      const head = audit.forget(live.id);
      await store.sessions.finish(live.id, {
        status: 'done',
        exitCode: counts?.exitCode ?? (reason || (counts?.denied ?? 0) > 0 ? 1 : 0),
        endReason: closing.reason,
        endedAt: clock.now(),
        metrics: counts ? { ...counts, masked: { ...counts.masked } } : null,
        auditHead: head ? `${head.segment}:${head.offset}` : null,
      });
      // Something came back, so whatever a probe said before is over.
      if (grant.connection.probeError !== null && (counts?.bytesOut ?? 0) > 0 && reason?.kind !== 'target') {
        await store.connections.probed(grant.connection.id, null);
      }
    } catch (error) {
      log.error({ err: asAppError(error), session: live.id }, 'The end of a session could not be recorded');
    }
    const protocol = protocolOf(grant.connection.type, grant.connection.subtype) ?? 'unknown';
    metrics.sessionClosed(protocol, closing.reason, duration_us / 1e6);
    metrics.bytes(protocol, 'in', closing.bytes_in);
    metrics.bytes(protocol, 'out', closing.bytes_out);
    log.info({ session: live.id, user: grant.identity.email, connection: grant.connection.name, reason: closing.reason }, 'Session closed');
  }

  #endWhere(matches: (live: Live) => boolean, reason: AppError): void {
    for (const live of [...this.#live.values()]) if (matches(live)) this.#end(live, reason);
  }

  #end(live: Live, reason: AppError): void {
    live.ended ??= reason;
    live.onEnd?.(reason);
    live.pipe?.end(reason);
  }
}

/** After the deadline of a drain, sessions are ended and have this long to record it. */
const LAST_RECORDS_MS_MAX = 3_000;

function keepsAnswers(link: AgentLink): boolean {
  return link.hello.features.includes(AGENT_FEATURES.answers);
}
