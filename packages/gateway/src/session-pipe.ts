import { FailMessage, FRAME_KINDS, type FrameKind } from '@hoop/contract/tunnel';
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
  /** An error in the protocol's words. */
  refuse(error: AppError): Buffer;
  onAction?(verdict: 'allow' | 'deny'): void;
}

/** How long an agent may take over the last words of a session that was ended from here. */
const LAST_WORDS_MS_MAX = 1_000;

/**
 * The gateway's part of a session after `accept`: a pipe that does not look at the bytes, with one rule of its own:
 * bytes for the client wait until every audit record that came before them on the stream is on the disk.
 */
export class SessionPipe implements StreamHandler {
  readonly counts: SessionCounts = { bytesIn: 0, bytesOut: 0, actions: 0, denied: 0, rows: 0, masked: {} };
  readonly #options: PipeOptions;
  readonly #done = Promise.withResolvers<AppError | undefined>();
  /** The newest audit record of this session. */
  #newest = 0;
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
        return stream.send(FRAME_KINDS.data, chunk);
      })
      .then(
        () => stream.end(),
        () => this.#finish(this.#reason ?? new PeerFault('client_lost', 'The client’s connection broke'), false),
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
    const wait = this.#options.audit.durable(this.#newest);
    if (wait) return wait.then(() => this.#toClient(bytes));
    return this.#toClient(bytes);
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

  #toClient(bytes: Buffer): void | Promise<void> {
    this.counts.bytesOut += bytes.length;
    return this.#options.client.write(bytes);
  }

  /** @throws PeerFault when the agent sends what cannot be read again later */
  #record(payload: Buffer): void {
    const event = parseEvent(payload);
    this.#newest = this.#options.audit.append(this.#options.session, payload);
    const { counts } = this;
    if (event.type === 'action') {
      counts.actions++;
      if (event.verdict === 'deny') counts.denied++;
      this.#options.onAction?.(event.verdict === 'deny' ? 'deny' : 'allow');
    }
    const { outcome } = event;
    if (!outcome) return;
    counts.rows += outcome.rows ?? 0;
    if (outcome.masked) addCounts(counts.masked, outcome.masked);
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

interface SomeEvent {
  readonly type: 'action' | 'outcome';
  readonly verdict?: string;
  readonly outcome?: { readonly rows?: number; readonly masked?: Readonly<Record<string, number>> };
}

/** Hot: what is stored must be JSON of a known type; the rest of its shape is checked when it is read. */
function parseEvent(payload: Buffer): SomeEvent {
  let event: Partial<SomeEvent> | null;
  try {
    event = JSON.parse(payload.toString('latin1')) as Partial<SomeEvent> | null;
  } catch (cause) {
    throw new PeerFault('bad_event', 'The agent sent an audit event that is not JSON', { cause });
  }
  if (event?.type === 'action' || event?.type === 'outcome') return event as SomeEvent;
  throw new PeerFault('bad_event', 'The agent sent an audit event of an unknown type');
}

function addCounts(into: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) into[name] = (into[name] ?? 0) + count;
}

function lostAgent(error: AppError): AppError {
  if (error.kind !== 'peer') return error;
  return new TargetFault('agent_lost', 'The link between gateway and agent broke; connect again', { cause: asAppError(error) });
}
