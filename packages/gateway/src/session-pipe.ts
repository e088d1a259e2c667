import { EVENT_FLAGS, EVENT_HEADER_BYTES, FailMessage, FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
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
  /** What must be on the disk before an answer passes: see `GatewayConfig.auditSync`. */
  readonly auditSync: 'statements' | 'everything';
  /** An error in the protocol's words. */
  refuse(error: AppError): Buffer;
  onAction?(verdict: 'allow' | 'deny'): void;
}

/** How long an agent may take over the last words of a session that was ended from here. */
const LAST_WORDS_MS_MAX = 1_000;

/** Of what a client sends without getting an answer, this much is kept as evidence; a bulk load is not copied into the audit log. */
const INPUT_BURST_BYTES_MAX = 64 * 1024;

/**
 * The gateway's part of a session after `accept`: a pipe that does not look at the bytes, with one rule of its own.
 * Bytes for the client wait until what the client sent before them is on the disk, and every audit event that came before them
 * on the stream is in the kernel (or on the disk as well, with `auditSync: everything`).
 * The first sync runs while the target works; so the wait is usually over when the answer comes.
 */
export class SessionPipe implements StreamHandler {
  readonly counts: SessionCounts = { bytesIn: 0, bytesOut: 0, actions: 0, denied: 0, rows: 0, masked: {} };
  readonly #options: PipeOptions;
  readonly #done = Promise.withResolvers<AppError | undefined>();
  /** The newest event of the agent, and the newest of what the client sent. */
  #newest = 0;
  #newestInput = 0;
  #burst = 0;
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
        this.#keep(chunk);
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
    this.#timer = setTimeout(() => this.#finish(reason, false), LAST_WORDS_MS_MAX);
  }

  data(bytes: Buffer): void | Promise<void> {
    const { audit, auditSync } = this.#options;
    const synced = audit.durable(auditSync === 'everything' ? this.#newest : this.#newestInput);
    audit.written(this.#newest);
    return synced ? synced.then(() => this.#toClient(bytes)) : this.#toClient(bytes);
  }

  message(kind: FrameKind, payload: Buffer): void {
    if (kind === FRAME_KINDS.event) this.#record(payload);
    else if (kind === FRAME_KINDS.ready) this.#ready = true;
    else if (kind === FRAME_KINDS.fail) this.#reason ??= fromPlain(parseMessage(FailMessage, payload));
  }

  ended(): void {
    this.#finish(this.#reason, true);
  }

  broken(error: AppError): void {
    this.#finish(this.#reason ?? lostAgent(error), !this.#ready);
  }

  /** What the client sent, as evidence of its own. */
  #keep(chunk: Buffer): void {
    const { audit, session } = this.#options;
    if (this.#burst < INPUT_BURST_BYTES_MAX) this.#newestInput = audit.appendInput(session, chunk, INPUT_BURST_BYTES_MAX - this.#burst);
    this.#burst += chunk.length;
  }

  #toClient(bytes: Buffer): void | Promise<void> {
    const { client } = this.#options;
    this.#burst = 0;
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

  /** Once. `speak`: the client has not been told yet, and nothing half-said stands in the way. */
  #finish(reason: AppError | undefined, speak: boolean): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
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
