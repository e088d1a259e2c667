import { encodeShown } from '@hoop/contract/shown';
import { EVENT_FLAGS, EVENT_HEADER_BYTES } from '@hoop/contract/tunnel';
import type { Action, Approval, Denial, Hold, Matched, Outcome, Verdict } from '@hoop/core/action';
import { cutText } from '@hoop/core/bytes';
import type { AuditSink, Shown } from '@hoop/core/gate';
import { AUDIT_INTENT_DELAY_MS, AUDIT_TEXT_BYTES_MAX } from '@hoop/core/limits';

/**
 * Sends audit events on the session's own stream, in front of the bytes that they are about.
 *
 * An intent waits up to `AUDIT_INTENT_DELAY_MS` for its outcome, so that a quick statement is one event and not two;
 * it never waits behind bytes for the client. Only its own process being killed in that time loses it, together with
 * the answer that nobody has seen.
 */
export class StreamAudit implements AuditSink {
  readonly #send: (event: Buffer) => void;
  readonly #clock: IntentClock;
  readonly #warn: (text: string) => void;
  #show: ((piece: Buffer) => void) | undefined;
  /** Actions that were let through and not told yet. */
  #waiting: Action[] = [];

  /** @param warn tells the client what a rule says about an action that it lets pass */
  constructor(send: (event: Buffer) => void, clock: IntentClock, warn: (text: string) => void = () => undefined) {
    this.#send = send;
    this.#clock = clock;
    this.#warn = warn;
  }

  intent(action: Action, verdict: Verdict): void {
    if (verdict.allow !== true) {
      this.flush();
      this.#send(verdict.allow === 'hold' ? held(action, verdict.hold) : denied(action, verdict.denial));
      return;
    }
    if (verdict.matched) {
      this.flush();
      this.#send(noticed(action, verdict.matched));
      if (verdict.notice !== undefined) this.#warn(verdict.notice);
      return;
    }
    this.#waiting.push(action);
    this.#clock.wake(this);
  }

  decided(action: Action, approval: Approval): void {
    this.flush();
    const { approved, by } = approval;
    const reason = approval.approved ? {} : { reason: approval.reason };
    const event = { type: 'decision', seq: action.seq, approved, ...(by === undefined ? {} : { by }), ...reason };
    this.#send(encodeEvent(approved ? 0 : EVENT_FLAGS.denied, 0, event));
  }

  settled(action: Action, outcome: Outcome): void {
    const at = this.#waiting.indexOf(action);
    if (at < 0) {
      this.#send(encodeEvent(flagsOf(outcome), outcome.rows, { type: 'outcome', seq: action.seq, outcome }));
      return;
    }
    // Order is kept: whatever was let through before this one is told before it.
    for (const earlier of this.#waiting.splice(0, at)) this.#send(allowed(earlier));
    this.#waiting.shift();
    this.#send(encodeEvent(EVENT_FLAGS.action | flagsOf(outcome), outcome.rows, actionEvent(action, { verdict: 'allow', outcome })));
  }

  /** From here on what terminals show is told, too. Not kept for another telling: what the gateway did not hear was not shown. */
  recordTo(send: (piece: Buffer) => void): void {
    this.#show = send;
  }

  shown({ seq }: Action, shown: Shown): void {
    if (!this.#show) return;
    this.flush();
    const piece = encodeShown({ ...shown, seq });
    this.#show(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
  }

  /** Tells what waits: called before bytes go to the client, and when the wait is over. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    for (const action of this.#waiting.splice(0)) this.#send(allowed(action));
  }
}

/** One timer for the intents of all sessions: a timer a statement would cost more than the statement's event. */
export class IntentClock {
  readonly #awake = new Set<StreamAudit>();
  #timer: NodeJS.Timeout | undefined;

  wake(audit: StreamAudit): void {
    this.#awake.add(audit);
    this.#timer ??= setTimeout(this.#ring, AUDIT_INTENT_DELAY_MS);
  }

  readonly #ring = (): void => {
    this.#timer = undefined;
    const audits = [...this.#awake];
    this.#awake.clear();
    for (const audit of audits) audit.flush();
  };
}

function allowed(action: Action): Buffer {
  return encodeEvent(EVENT_FLAGS.action, 0, actionEvent(action, { verdict: 'allow' }));
}

/** Let through, with what a rule found in it. */
function noticed(action: Action, { rule, message }: Matched): Buffer {
  return encodeEvent(EVENT_FLAGS.action, 0, actionEvent(action, { verdict: 'allow', rule, message }));
}

function denied(action: Action, { rule, message }: Denial): Buffer {
  return encodeEvent(EVENT_FLAGS.action | EVENT_FLAGS.denied, 0, actionEvent(action, { verdict: 'deny', rule, message }));
}

function held(action: Action, { rule, message }: Hold): Buffer {
  return encodeEvent(EVENT_FLAGS.action | EVENT_FLAGS.held, 0, actionEvent(action, { verdict: 'hold', rule, message }));
}

function flagsOf(outcome: Outcome): number {
  const exit = outcome.exit_code === undefined ? 0 : EVENT_FLAGS.exit;
  return EVENT_FLAGS.outcome | exit | (outcome.masked ? EVENT_FLAGS.masked : 0);
}

function actionEvent(action: Action, more: object): object {
  const text = cutText(action.text, AUDIT_TEXT_BYTES_MAX);
  const event = { type: 'action', seq: action.seq, via: action.via, text, ...more };
  return text.length === action.text.length ? event : { ...event, text_bytes: Buffer.byteLength(action.text) };
}

function encodeEvent(flags: number, rows: number, event: object): Buffer {
  const json = JSON.stringify(event);
  const bytes = Buffer.allocUnsafe(EVENT_HEADER_BYTES + Buffer.byteLength(json));
  bytes[0] = flags;
  bytes.writeUInt32BE(Math.min(rows, 0xffffffff), 1);
  bytes.write(json, EVENT_HEADER_BYTES);
  return bytes;
}
