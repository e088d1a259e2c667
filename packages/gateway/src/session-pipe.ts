import type { OutcomeFields, TranscriptCutEvent } from '@hoop/contract/audit';
import { decodeShown } from '@hoop/contract/shown';
import { EVENT_FLAGS, EVENT_HEADER_BYTES, FailMessage, FRAME_KINDS, type FrameKind, ReviewMessage } from '@hoop/contract/tunnel';
import { join } from '@hoop/core/bytes';
import { type AppError, asAppError, fromPlain, PeerFault, TargetFault, toPlain } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import type { AuditLog } from '@hoop/store/audit/audit-log';
import { parseMessage } from '@hoop/tunnel/control';
import type { FrameStream, StreamHandler } from '@hoop/tunnel/stream';
import type { SessionReviews } from './session-reviews.ts';

/** What a session did, counted on its way through. */
export interface SessionCounts {
  bytesIn: number;
  bytesOut: number;
  actions: number;
  denied: number;
  rows: number;
  masked: Record<string, number>;
  /** What the session's command ended with. */
  exitCode?: number;
}

export interface PipeOptions {
  readonly session: string;
  readonly client: Wire;
  readonly stream: FrameStream;
  readonly audit: AuditLog;
  /** Where a record must be before its answer passes: see `GatewayConfig.auditSync`. */
  readonly auditSync: 'kernel' | 'disk';
  /** What the client is shown is recorded up to here, and what it sends is not: see `Protocol.transcript`. Undefined: neither. */
  readonly transcriptBytesMax?: number | undefined;
  /** Whether the agent says where a message is not complete: only then may anything be said behind its bytes. */
  readonly boundaries: boolean;
  /** An error in the protocol's words. */
  refuse(error: AppError): Buffer;
  onAction?(verdict: 'allow' | 'deny' | 'hold'): void;
  onMasked?(counts: Readonly<Record<string, number>>): void;
  /** Brings before people what the agent holds; absent: the agent was told that nobody is asked. */
  readonly reviews?: Pick<SessionReviews, 'take' | 'over'>;
}

/** How long an agent may take over the last words of a session that was ended from here. */
const LAST_WORDS_MS_MAX = 1_000;

/** A transcript keeps so much of a session, counting what each record costs beside its bytes; one record then says that it was cut. */
export const TRANSCRIPT_BYTES_MAX = 128 * 1024 * 1024;
const TRANSCRIPT_RECORD_COST_BYTES = 256;

/** One record of a transcript; a longer piece makes several. */
const TRANSCRIPT_RECORD_BYTES_MAX = 1024 * 1024;

/** Who was shown everything and left has nothing to wait for: the agent has this long to end the command in its own way. */
const CLIENT_LEFT_MS_MAX = 2_000;

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
  #brokenInQueue: AppError | undefined;
  /** Actions that were let through or wait for people, and whose end has not been told. */
  #running = 0;
  #heard_ms = performance.now();
  /** What the client got ends in the middle of a message. */
  #partial = false;
  /** What the client sent since its last answer. */
  #unanswered: Buffer[] = [];
  #unansweredBytes = 0;
  #transcriptBytes = 0;
  #transcriptCost = 0;
  #ready = false;
  /** The agent was told that the client sends no more. */
  #saidEnd = false;
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
        this.#heard_ms = performance.now();
        if (this.#options.transcriptBytesMax === undefined) this.#keepForNow(chunk);
        return stream.send(FRAME_KINDS.data, chunk);
      })
      .then(
        () => this.#clientEnded(),
        () => this.#clientGone(),
      );
    return this.#done.promise;
  }

  #keepForNow(chunk: Buffer): void {
    if (this.#unansweredBytes < UNANSWERED_BYTES_MAX) this.#unanswered.push(chunk);
    this.#unansweredBytes += chunk.length;
  }

  #clientEnded(): void {
    this.#saidEnd = true;
    // The agent could not hear the end behind what it holds.
    this.#options.reviews?.over('The client left');
    this.#options.stream.end();
    // A command that does not read what was typed would keep the end from being heard behind it.
    if (this.#options.transcriptBytesMax !== undefined)
      this.#timer ??= setTimeout(() => this.#finish(this.#reason, false), CLIENT_LEFT_MS_MAX);
  }

  /** Nobody hears the rest, but how what was asked for ended still belongs into the record: the agent tells that. */
  #clientGone(): void {
    if (this.#saidEnd) this.#finish(this.#reason ?? clientLost(), false);
    else this.end(clientLost());
  }

  /** Whether nothing runs for the client, and it has said nothing for so long: nobody loses anything when it ends now. */
  isIdle(quiet_ms: number): boolean {
    return this.#ready && this.#running === 0 && performance.now() - this.#heard_ms >= quiet_ms;
  }

  /** Ends the session; the agent says the last words, because it knows where a message ends. */
  end(reason: AppError): void {
    if (this.#over || this.#reason) return;
    this.#reason = reason;
    // The agent could not hear why behind what it holds.
    this.#options.reviews?.over(reason.message);
    void this.#options.stream.send(FRAME_KINDS.fail, Buffer.from(JSON.stringify(toPlain(reason))));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#finish(reason, this.#maySpeak()), LAST_WORDS_MS_MAX);
  }

  data(bytes: Buffer): void | Promise<void> {
    const { audit, auditSync } = this.#options;
    this.#partial = false;
    if (this.#options.transcriptBytesMax !== undefined && bytes.length > 0) this.#transcribe(bytes, this.#options.transcriptBytesMax);
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

  /** In front of the client: the bytes pass when this record is written. */
  #transcribe(bytes: Buffer, bytes_max: number): void {
    if (this.#transcriptCost >= bytes_max) return;
    const { audit, session } = this.#options;
    for (let at = 0; at < bytes.length; at += TRANSCRIPT_RECORD_BYTES_MAX) {
      const piece = bytes.subarray(at, at + TRANSCRIPT_RECORD_BYTES_MAX);
      this.#newest = audit.appendOutput(session, piece);
      this.#countTranscript(piece.length);
    }
    this.#cutTranscript(bytes_max);
  }

  /**
   * What a terminal inside of the session shows: the agent can tell it from files. It comes in front of the bytes.
   * @throws PeerFault `bad_event`
   */
  #recordShown(payload: Buffer): void {
    const piece = decodeShown(payload);
    if (!piece) throw new PeerFault('bad_event', 'The agent sent a piece of a recording that cannot be read');
    if (this.#transcriptCost >= TRANSCRIPT_BYTES_MAX) return;
    this.#newest = this.#options.audit.appendShown(this.#options.session, payload);
    this.#countTranscript(piece.bytes.length);
    this.#cutTranscript(TRANSCRIPT_BYTES_MAX);
  }

  #countTranscript(bytes: number): void {
    this.#transcriptBytes += bytes;
    this.#transcriptCost += bytes + TRANSCRIPT_RECORD_COST_BYTES;
  }

  #cutTranscript(bytes_max: number): void {
    if (this.#transcriptCost < bytes_max) return;
    const { audit, session } = this.#options;
    const cut: TranscriptCutEvent = { type: 'transcript.cut', bytes: this.#transcriptBytes };
    this.#newest = audit.append(session, Buffer.from(JSON.stringify(cut)));
  }

  message(kind: FrameKind, payload: Buffer): void {
    if (kind === FRAME_KINDS.event) this.#record(payload);
    else if (kind === FRAME_KINDS.shown) this.#recordShown(payload);
    else if (kind === FRAME_KINDS.ready) this.#ready = true;
    else if (kind === FRAME_KINDS.partial) this.#partial = true;
    else if (kind === FRAME_KINDS.eof) this.#targetEnded();
    else if (kind === FRAME_KINDS.review) this.#options.reviews?.take(parseMessage(ReviewMessage, payload));
    else if (kind === FRAME_KINDS.fail) this.#reason ??= fromPlain(parseMessage(FailMessage, payload));
  }

  ended(): void {
    if (this.#queue.length > 0) this.#endedInQueue = true;
    else this.#finish(this.#reason, !this.#ready);
  }

  /** The client hears it, and may still say the rest of what it has to say. */
  #targetEnded(): void {
    if (this.#queue.length > 0) this.#eofInQueue = true;
    else this.#options.client.end();
  }

  broken(error: AppError): void {
    const reason = this.#reason ?? lostAgent(error);
    if (this.#queue.length > 0) this.#brokenInQueue = reason;
    else this.#finish(reason, this.#maySpeak());
  }

  /** The agent says the last words of a session that is under way, because it knows where a message ends; when it cannot any more, we may have to. */
  #maySpeak(): boolean {
    return !this.#ready || (this.#options.boundaries && !this.#partial && this.#queue.length === 0);
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
    if (this.#brokenInQueue) this.#finish(this.#brokenInQueue, this.#maySpeak());
    else if (this.#endedInQueue) this.#finish(this.#reason, !this.#ready);
    else if (this.#eofInQueue) this.#options.client.end();
  };

  #toClient(bytes: Buffer): void | Promise<void> {
    const { client } = this.#options;
    if (this.#unansweredBytes > 0) {
      this.#unanswered = [];
      this.#unansweredBytes = 0;
    }
    // A client that left while it was listening cannot say so: without this the target would go on for nobody.
    if (!client.open) return this.#clientGone();
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
      this.#options.onAction?.(flags & EVENT_FLAGS.denied ? 'deny' : flags & EVENT_FLAGS.held ? 'hold' : 'allow');
    }
    // Also of one that was held, when people have said no.
    if (flags & EVENT_FLAGS.denied) counts.denied++;
    const begins = (flags & EVENT_FLAGS.action) !== 0;
    const ends = (flags & (EVENT_FLAGS.outcome | EVENT_FLAGS.denied)) !== 0;
    if (begins !== ends) this.#running = Math.max(0, this.#running + (begins ? 1 : -1));
    if (flags & EVENT_FLAGS.outcome) counts.rows += frame.readUInt32BE(1);
    if (flags & (EVENT_FLAGS.masked | EVENT_FLAGS.exit)) {
      const { masked = {}, exit_code } = outcomeOf(payload);
      addCounts(counts.masked, masked);
      this.#options.onMasked?.(masked);
      if (exit_code !== undefined) counts.exitCode = exit_code;
    }
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
    this.#options.reviews?.over(reason?.message ?? 'The session ended');
    if (reason) this.#keepUnanswered();
    const { client, stream } = this.#options;
    if (reason && speak) void client.write(this.#options.refuse(reason));
    client.end();
    stream.destroy();
    this.#done.resolve(reason);
  }
}

/** @throws PeerFault `bad_event` */
function outcomeOf(payload: Buffer): Pick<OutcomeFields, 'masked' | 'exit_code'> {
  try {
    const event = JSON.parse(payload.toString('utf8')) as { outcome?: Pick<OutcomeFields, 'masked' | 'exit_code'> };
    return event.outcome ?? {};
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
