import type { Action, Outcome, Verdict } from '@hoop/core/action';
import { cutText } from '@hoop/core/bytes';
import type { AuditSink } from '@hoop/core/gate';
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
  /** Actions that were let through and not told yet. */
  #waiting: Action[] = [];

  constructor(send: (event: Buffer) => void, clock: IntentClock) {
    this.#send = send;
    this.#clock = clock;
  }

  intent(action: Action, verdict: Verdict): void {
    if (!verdict.allow) {
      this.flush();
      this.#send(encode(actionFields(action), { verdict: 'deny', rule: verdict.denial.rule, message: verdict.denial.message }));
      return;
    }
    this.#waiting.push(action);
    this.#clock.wake(this);
  }

  settled(action: Action, outcome: Outcome): void {
    const at = this.#waiting.indexOf(action);
    if (at < 0) {
      this.#send(Buffer.from(JSON.stringify({ type: 'outcome', seq: action.seq, outcome })));
      return;
    }
    // Order is kept: whatever was let through before this one is told before it.
    for (const earlier of this.#waiting.splice(0, at)) this.#send(allowed(earlier));
    this.#waiting.shift();
    this.#send(encode(actionFields(action), { verdict: 'allow', outcome }));
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
  return encode(actionFields(action), { verdict: 'allow' });
}

function actionFields(action: Action): object {
  const text = cutText(action.text, AUDIT_TEXT_BYTES_MAX);
  const cut = text.length === action.text.length ? {} : { text_bytes: Buffer.byteLength(action.text) };
  return { type: 'action', seq: action.seq, via: action.via, text, ...cut };
}

function encode(fields: object, more: object): Buffer {
  return Buffer.from(JSON.stringify({ ...fields, ...more }));
}
