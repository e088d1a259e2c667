import type { AuditEvent, DecisionEvent, OutputEvent } from '@hoop/contract/audit';
import type { SessionAction, SessionTerminal } from '@hoop/contract/routes/sessions';
import type { TranscriptReader } from '@hoop/core/protocol';
import { SESSION_RECORDS_BYTES_MAX, SESSION_RECORDS_MAX } from '../limits.ts';
import type { AuditReader } from '../ports.ts';
import { timeOf } from './failures.ts';

/** A page of what a session did. */
export interface RecordPage {
  readonly actions: readonly SessionAction[];
  /** The records of the same actions, of what was shown between them, and of the session's start and end. */
  readonly events: readonly { readonly time: string; readonly event: AuditEvent }[];
  /** The last action of the page, when there are more. */
  readonly nextAfter: number | undefined;
  /** How much of the transcript is behind the page's end; set together with `nextAfter`. */
  readonly nextOutputAfter: number;
}

export interface RecordsWish {
  /** Actions up to this number are left out. */
  readonly after: number;
  /** Output up to this byte of the transcript is left out; undefined: what came before the action `after`. */
  readonly outputAfter: number | undefined;
  /** Reads the transcript; undefined where output is not asked for. */
  readonly transcript: TranscriptReader | undefined;
  /** Output of other terminals than that of this action is left out. */
  readonly terminal?: number | undefined;
}

/** The terminals of a session, by the actions that began them. Records of every version say of a piece which of them showed it. */
export async function readTerminals(audit: AuditReader, session: string): Promise<SessionTerminal[]> {
  const texts = new Map<number, string>();
  const terminals = new Map<number, SessionTerminal>();
  for await (const { at_ms, event } of audit.actionsOf(session)) {
    if (event.type === 'action') texts.set(event.seq, event.text);
    if (event.type !== 'output' || event.seq === undefined || event.stream === 'stdin') continue;
    const { seq, size, bytes } = event;
    const known = terminals.get(seq);
    const text = texts.get(seq);
    terminals.set(seq, {
      ...(known ?? { seq, time: timeOf(at_ms), ...(text === undefined ? {} : { text }) }),
      bytes: (known?.bytes ?? 0) + bytes,
      ...(known?.size === undefined && size ? { size } : {}),
    });
  }
  return [...terminals.values()].sort((one, other) => one.seq - other.seq);
}

/** Reads the actions after number `after`, each with how it ended, and what was shown, as many as fit in one reply. */
export async function readRecords(audit: AuditReader, session: string, wish: RecordsWish): Promise<RecordPage> {
  const page = new Page(wish);
  for await (const { at_ms, event } of audit.actionsOf(session)) {
    page.take(timeOf(at_ms), event);
    if (page.isDone) break;
  }
  return page;
}

class Page implements RecordPage {
  readonly #wish: RecordsWish;
  readonly #actions = new Map<number, SessionAction>();
  readonly #awaited = new Set<number>();
  readonly events: { time: string; event: AuditEvent }[] = [];
  #bytes = 0;
  #outputs = 0;
  /** Bytes of the transcript up to here. */
  #passed = 0;
  /** The last action that was seen, in this page or before it. */
  #last = 0;
  nextAfter: number | undefined;
  nextOutputAfter = 0;

  constructor(wish: RecordsWish) {
    this.#wish = wish;
  }

  get actions(): readonly SessionAction[] {
    return [...this.#actions.values()];
  }

  /** Actions may end long after others have begun: after the page's end it is read on only for those. */
  get isDone(): boolean {
    return this.nextAfter !== undefined && this.#awaited.size === 0;
  }

  take(time: string, event: AuditEvent): void {
    if (event.type === 'action') this.#takeAction(time, event);
    else if (event.type === 'outcome') this.#takeOutcome(time, event);
    else if (event.type === 'decision' && event.seq > 0) this.#takeDecision(time, event);
    else if (event.type === 'output') this.#takeOutput(time, event);
    else if (this.nextAfter === undefined && (event.type !== 'session.open' || this.#isFirst)) this.events.push({ time, event });
  }

  get #isFirst(): boolean {
    return this.#wish.after === 0 && (this.#wish.outputAfter ?? 0) === 0;
  }

  #takeAction(time: string, event: AuditEvent & { type: 'action' }): void {
    if (this.nextAfter !== undefined) return;
    this.#last = event.seq;
    if (event.seq <= this.#wish.after) return;
    if (this.#isFull(event.text.length, this.#actions.size)) {
      this.#last = [...this.#actions.keys()].at(-1) ?? this.#wish.after;
      this.#end(this.#passed);
      return;
    }
    const { type: _, ...fields } = event;
    this.#actions.set(event.seq, { ...fields, time });
    if (event.verdict !== 'deny' && event.outcome === undefined) this.#awaited.add(event.seq);
    this.events.push({ time, event });
  }

  #takeOutcome(time: string, event: AuditEvent & { type: 'outcome' }): void {
    const action = this.#actions.get(event.seq);
    if (!action) return;
    this.#actions.set(event.seq, { ...action, outcome: event.outcome });
    this.#awaited.delete(event.seq);
    this.events.push({ time, event });
  }

  #takeDecision(time: string, event: DecisionEvent): void {
    const action = this.#actions.get(event.seq);
    if (!action) return;
    const { approved, by, reason } = event;
    const decision = { time, approved, ...(by === undefined ? {} : { by }), ...(reason === undefined ? {} : { reason }) };
    this.#actions.set(event.seq, { ...action, decision });
    if (!approved) this.#awaited.delete(event.seq);
    this.events.push({ time, event });
  }

  #takeOutput(time: string, event: OutputEvent): void {
    const { transcript, outputAfter, after, terminal } = this.#wish;
    if (!transcript || this.nextAfter !== undefined) return;
    const before = this.#passed;
    this.#passed += event.bytes;
    if (terminal !== undefined && event.seq !== undefined && event.seq !== terminal) return;
    // What is left out is read all the same: a frame may begin there and end in the page.
    const pieces = event.stream === undefined ? transcript.push(Buffer.from(event.data, 'base64')) : undefined;
    if (outputAfter === undefined ? this.#last < after : this.#passed <= outputAfter) return;
    if (this.#isFull(event.bytes, this.#outputs)) {
      this.#end(before);
      return;
    }
    this.#outputs++;
    if (!pieces) this.events.push({ time, event });
    else
      for (const { stream, bytes } of pieces) {
        this.events.push({ time, event: { type: 'output', bytes: bytes.length, data: bytes.toString('base64'), stream } });
      }
  }

  /** Of each kind there is room for one at least, however large. */
  #isFull(bytes: number, count: number): boolean {
    this.#bytes += bytes;
    return count >= SESSION_RECORDS_MAX || (this.#actions.size + this.#outputs > 0 && this.#bytes > SESSION_RECORDS_BYTES_MAX);
  }

  #end(outputAfter: number): void {
    this.nextAfter = Math.max(this.#last, this.#wish.after);
    this.nextOutputAfter = outputAfter;
  }
}
