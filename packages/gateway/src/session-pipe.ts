import { EVENT_FLAGS, EVENT_HEADER_BYTES, FailMessage, FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
import { join } from '@hoop/core/bytes';
import { type AppError, asAppError, fromPlain, PeerFault, TargetFault, toPlain } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import type { AuditLog } from '@hoop/store/audit/audit-log';
import { parseMessage } from '@hoop/tunnel/control';
import type { FrameStream, StreamHandler } from '@hoop/tunnel/stream';

/** What a session did, counted on its way through. */
export interface SessionCounts {
  bytesIn: number;
  bytesOut: number;
  actions: number;
  denied: number;
  rows: number;
  masked: Record<string, number>;
}

export interface PipeOptions {
  readonly session: string;
  readonly client: Wire;
  readonly stream: FrameStream;
  readonly audit: AuditLog;
  /** Where a record must be before its answer passes: see `GatewayConfig.auditSync`. */
  readonly auditSync: 'kernel' | 'disk';
  /** An error in the protocol's words. */
  refuse(error: AppError): Buffer;
  onAction?(verdict: 'allow' | 'deny'): void;
}

/** How long an agent may take over the last words of a session that was ended from here. */
const LAST_WORDS_MS_MAX = 1_000;

/** Of what a client sends without getting an answer, this much is kept for the case that nobody else can tell of it. */
const UNANSWERED_BYTES_MAX = 64 * 1024;

/**
 * The gateway's part of a session after `accept`: a pipe that does not look at the bytes, with one rule of its own.
 * Bytes for the client wait until every audit event that came before them on the stream is recorded: in the kernel, where it survives
 * the end of this process (and until it is on the disk the agent keeps it as well), or on the disk with `auditSync: disk`.
 */
export class SessionPipe implements StreamHandler {
  readonly counts: SessionCounts = { bytesIn: 0, bytesOut: 0, actions: 0, denied: 0, rows: 0, masked: {} };
  readonly #options: PipeOptions;
  readonly #done = Promise.withResolvers<AppError | undefined>();
  /** The newest event of the agent. */
  #newest = 0;
  /** Answers that wait for the end of this turn, when their events are written. */
  #queue: Buffer[] = [];
  #clientSlow: Promise<void> | undefined;
  #endedInQueue = false;
  #eofInQueue = false;
  /** What the client sent since its last answer. */
  #unanswered: Buffer[] = [];
  #unansweredBytes = 0;
  #ready = false;
  #reason: AppError | undefined;
  #over = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  /** Pipes until either side ends; resolves with why, or undefined when the client or the target just left. */
  run(): Promise<AppError | undefined> {
    const { client, stream } = this.#options;
    stream.receive(this);
    client
      .pump((chunk) => {
        this.counts.bytesIn += chunk.length;
        if (this.#unansweredBytes < UNANSWERED_BYTES_MAX) this.#unanswered.push(chunk);
        this.#unansweredBytes += chunk.length;
        return stream.send(FRAME_KINDS.data, chunk);
      })
      .then(
        () => stream.end(),
        () => this.#finish(this.#reason ?? clientLost(), false),
      );
    return this.#done.promise;
  }

  /** Ends the session; the agent says the last words, because it knows where a message ends. */
  end(reason: AppError): void {
    if (this.#over || this.#reason) return;
    this.#reason = reason;
    void this.#options.stream.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify(toPlain(reason))));
    this.#timer = setTimeout(() => this.#finish(reason, true), LAST_WORDS_MS_MAX);
  }

  data(bytes: Buffer): void | Promise<void> {
    const { audit, auditSync } = this.#options;
    if (auditSync === 'disk') {
      const synced = audit.durable(this.#newest);
      return synced ? synced.then(() => this.#toClient(bytes)) : this.#toClient(bytes);
    }
    if (this.#queue.length === 0 && audit.isWritten(this.#newest)) {
      return this.#clientSlow ? this.#clientSlow.then(() => this.#toClient(bytes)) : this.#toClient(bytes);
    }
    if (this.#queue.push(bytes) === 1) audit.afterWrite(this.#flushQueue);
    return this.#clientSlow;
  }

  message(kind: FrameKind, payload: Buffer): void {
    if (kind === FRAME_KINDS.event) this.#record(payload);
    else if (kind === FRAME_KINDS.ready) this.#ready = true;
    else if (kind === FRAME_KINDS.eof) this.#targetEnded();
    else if (kind === FRAME_KINDS.fail) this.#reason ??= fromPlain(parseMessage(FailMessage, payload));
  }

  ended(): void {
    if (this.#queue.length > 0) this.#endedInQueue = true;
    else this.#finish(this.#reason, true);
  }

  /** The client hears it, and may still say the rest of what it has to say. */
  #targetEnded(): void {
    if (this.#queue.length > 0) this.#eofInQueue = true;
    else this.#options.client.end();
  }

  broken(error: AppError): void {
    this.#finish(this.#reason ?? lostAgent(error), !this.#ready);
  }

  readonly #flushQueue = (error?: Error): void => {
    const bytes = join(this.#queue);
    this.#queue = [];
    if (error) {
      this.#finish(asAppError(error), false);
      return;
    }
    this.#clientSlow = this.#toClient(bytes)?.then(() => {
      this.#clientSlow = undefined;
    });
    if (this.#endedInQueue) this.#finish(this.#reason, true);
    else if (this.#eofInQueue) this.#options.client.end();
  };

  #toClient(bytes: Buffer): void | Promise<void> {
    const { client } = this.#options;
    if (this.#unansweredBytes > 0) {
      this.#unanswered = [];
      this.#unansweredBytes = 0;
    }
    // A client that left while it was listening cannot say so: without this the target would go on for nobody.
    if (!client.open) return this.#finish(this.#reason ?? clientLost(), false);
    this.counts.bytesOut += bytes.length;
    return client.write(bytes);
  }

  /** @throws PeerFault `bad_event` */
  #record(frame: Buffer): void {
    if (frame.length <= EVENT_HEADER_BYTES) throw new PeerFault('bad_event', 'The agent sent an audit event without content');
    const flags = frame[0] ?? 0;
    const payload = frame.subarray(EVENT_HEADER_BYTES);
    this.#newest = this.#options.audit.append(this.#options.session, payload);
    const { counts } = this;
    if (flags & EVENT_FLAGS.action) {
      counts.actions++;
      if (flags & EVENT_FLAGS.denied) counts.denied++;
      this.#options.onAction?.(flags & EVENT_FLAGS.denied ? 'deny' : 'allow');
    }
    if (flags & EVENT_FLAGS.outcome) counts.rows += frame.readUInt32BE(1);
    if (flags & EVENT_FLAGS.masked) addCounts(counts.masked, maskedOf(payload));
  }

  /** The session did not end by itself: what the client asked for last may have run, and the agent may not have come to telling of it. */
  #keepUnanswered(): void {
    const { audit, session } = this.#options;
    if (audit.broken) return;
    let room = UNANSWERED_BYTES_MAX;
    for (const chunk of this.#unanswered) {
      if (room > 0) audit.appendInput(session, chunk, room);
      room -= chunk.length;
    }
  }

  /** Once. `speak`: the client has not been told yet, and nothing half-said stands in the way. */
  #finish(reason: AppError | undefined, speak: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    if (reason) this.#keepUnanswered();
    const { client, stream } = this.#options;
    if (reason && speak && !this.#ready) void client.write(this.#options.refuse(reason));
    client.end();
    stream.destroy();
    this.#done.resolve(reason);
  }
}

/** @throws PeerFault `bad_event` */
function maskedOf(payload: Buffer): Readonly<Record<string, number>> {
  try {
    const event = JSON.parse(payload.toString('utf8')) as { outcome?: { masked?: Record<string, number> } };
    return event.outcome?.masked ?? {};
  } catch (cause) {
    throw new PeerFault('bad_event', 'The agent sent an audit event that is not JSON', { cause });
  }
}

function addCounts(into: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) into[name] = (into[name] ?? 0) + count;
}

function clientLost(): AppError {
  return new PeerFault('client_lost', 'The client’s connection broke');
}

function lostAgent(error: AppError): AppError {
  if (error.kind !== 'peer') return error;
  return new TargetFault('agent_lost', 'The link between gateway and agent broke; connect again', { cause: asAppError(error) });
}
