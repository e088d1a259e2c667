import { randomBytes } from 'node:crypto';
import type { Denial } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import type { Owed, OwedQueue } from './books.ts';
import { encodeMessage, int32 } from './frame.ts';

/** A query that fails, and an Execute: so that a server does what it does after an error. */
export class Failing {
  readonly query: Buffer;
  readonly execute: Buffer;

  /** Of a name that nothing has: nobody knows it before. */
  constructor(name = `hoop_denied_${randomBytes(12).toString('hex')}`) {
    this.query = encodeMessage('Q', `EXECUTE ${name}`);
    this.execute = encodeMessage('E', name, int32(0));
  }
}

/** Has a server say what it has to say, without ending anything. */
export const FLUSH_MESSAGE = encodeMessage('H');

const COPY = /\bcopy\b/i;

/** Whether an answer without types ends, and is not only counted. */
export function isDenial(untyped: AnswerRules['untyped']): untyped is Denial {
  return untyped !== undefined && 'message' in untyped;
}

export interface EndingPorts {
  readonly owed: OwedQueue;
  /** Whether the server takes copy data now: then it is the client that it waits for. */
  isCopyingIn(): boolean;
  /** Asks the target to cancel what runs. Never rejects. */
  cancel(): Promise<void>;
}

/**
 * Answers that rules may end before their end. While there is one, what the client sends behind it waits: the server must not run
 * what it would have passed over after an error, and a cancel must hit nothing else.
 */
export class Endings {
  readonly #ports: EndingPorts;
  #watched: Owed | undefined;
  /** The newest answer that a cancel was sent for: one is enough. */
  #cancelled: Owed | undefined;
  #cancelling: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(ports: EndingPorts) {
    this.#ports = ports;
  }

  get watched(): Owed | undefined {
    return this.#watched;
  }

  /** An action is on its way whose answer may have to be ended. */
  watch(entry: Owed): void {
    const { answer, action } = entry.permit ?? {};
    // Columns of a copy can only be hidden where it is told which they are.
    if (answer && (answer.rows || answer.forbids || isDenial(answer.untyped) || (answer.hides && COPY.test(action?.text ?? ''))))
      this.#watched = entry;
  }

  /** Resolves when something more may be sent; undefined when it may be now. Ask again then. */
  turn(): Promise<void> | undefined {
    if (this.#maySend()) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing more of this answer is shown. */
  end(entry: Owed, denial: Denial): void {
    entry.ended = denial;
  }

  /** Called when all that came has been looked at: what still runs and is not to be shown is to stop, and who waits may have his turn. */
  look(): void {
    const { owed } = this.#ports;
    const watched = this.#watched;
    if (!watched) return;
    if (owed.length === 0) this.#watched = undefined;
    else if (watched.ended && owed.first === watched && !watched.failing) this.#cancel();
    this.#release();
  }

  #cancel(): void {
    if (this.#cancelling || this.#cancelled === this.#watched) return;
    this.#cancelled = this.#watched;
    this.#cancelling = this.#ports.cancel().then(() => {
      this.#cancelling = undefined;
      this.#release();
    });
  }

  #maySend(): boolean {
    if (this.#cancelling) return false;
    return this.#watched === undefined || this.#ports.isCopyingIn();
  }

  #release(): void {
    if (!this.#maySend()) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
