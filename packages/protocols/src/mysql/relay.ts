import type { AppError } from '@hoop/core/errors';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import { Answers } from './answers.ts';
import { type Books, newOwed, OwedQueue, Statements } from './books.ts';
import { encodePacket } from './frame.ts';
import { COMMAND } from './messages/command.ts';
import { Requests } from './requests.ts';
import type { Owner } from './threads.ts';
import { fatalWords } from './words.ts';

const NOTHING = Buffer.alloc(0);
const PING = encodePacket(0, Buffer.from([COMMAND.ping]));

export interface RelayOptions {
  /** Whose sessions a KILL of this one may name. */
  readonly owner: Owner;
  /** What the client called itself when it logged in. */
  readonly user: string;
  /** The target's own. */
  readonly version: string;
  /** Asks the target to stop what runs now. Never rejects. */
  stop(): Promise<void>;
  /** Called once. */
  onEnd?(): void;
}

/** The two directions of a MySQL session, after both logins. */
export class MysqlRelay implements Relay {
  readonly #ports: RelayPorts;
  readonly #books: Books = { owed: new OwedQueue(), statements: new Statements(), uploading: false, stopping: undefined, left: false };
  readonly #requests: Requests;
  readonly #answers: Answers;
  readonly #options: RelayOptions;
  #hasEnded = false;

  constructor(ports: RelayPorts, options: RelayOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#requests = new Requests(ports.gate, this.#books, options, (bytes) => ports.toTarget(bytes));
    this.#answers = new Answers(ports.gate, this.#books, { ...ports, stop: () => this.#stop() });
  }

  get busy(): boolean {
    return this.#books.owed.length > 0;
  }

  /** The client has said goodbye: the target may close as it likes. */
  get hasLeft(): boolean {
    return this.#books.left;
  }

  get atBoundary(): boolean {
    return this.#answers.atBoundary;
  }

  get lastWord(): AppError | undefined {
    return this.#answers.lastWord;
  }

  fromClient(chunk: Buffer): void | Promise<void> {
    return this.#requests.feed(chunk);
  }

  fromTarget(chunk: Buffer): void | Promise<void> {
    return this.#answers.feed(chunk);
  }

  end(reason: AppError | undefined): Buffer {
    const { atBoundary, nextSequence } = this.#answers;
    const error = reason ? `session ended: ${reason.code}` : 'session ended before the answer';
    for (let entry = this.#books.owed.shift(); entry; entry = this.#books.owed.shift()) {
      if (entry.permit) this.#ports.gate.settle(entry.permit, { rows: entry.rows, bytes: entry.bytes, error: entry.error ?? error });
    }
    this.#hasEnded = true;
    this.#options.onEnd?.();
    return reason && atBoundary && !this.lastWord ? fatalWords(reason, nextSequence) : NOTHING;
  }

  /**
   * Stops what the target runs for nobody. That may come too late and would then hit what it runs next, so nothing is sent until it is
   * done, and then a ping goes ahead: it takes the hit, and its answer is nobody's.
   */
  #stop(): void {
    if (!this.#requests.atBoundary) return;
    const ping = newOwed('ok', 1);
    ping.isOwn = true;
    this.#books.owed.push(ping);
    this.#books.stopping = this.#stopped();
  }

  async #stopped(): Promise<void> {
    try {
      await this.#options.stop();
      if (!this.#hasEnded) await this.#ports.toTarget(PING);
    } finally {
      this.#books.stopping = undefined;
    }
  }
}
