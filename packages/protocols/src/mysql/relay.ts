import type { AppError } from '@hoop/core/errors';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import { Answers } from './answers.ts';
import { type Books, OwedQueue, Statements } from './books.ts';
import { Requests } from './requests.ts';
import type { Owner } from './threads.ts';
import { fatalWords } from './words.ts';

const NOTHING = Buffer.alloc(0);

/** The two directions of a MySQL session, after both logins. */
export class MysqlRelay implements Relay {
  readonly #ports: RelayPorts;
  readonly #books: Books = { owed: new OwedQueue(), statements: new Statements(), uploading: false, left: false };
  readonly #requests: Requests;
  readonly #answers: Answers;
  readonly #onEnd: () => void;

  /** `owner`: whose sessions a KILL of this one may name. `onEnd` is called once. */
  constructor(ports: RelayPorts, owner: Owner, onEnd: () => void = () => undefined) {
    this.#ports = ports;
    this.#requests = new Requests(ports.gate, this.#books, owner, (bytes) => ports.toTarget(bytes));
    this.#answers = new Answers(ports.gate, this.#books, ports);
    this.#onEnd = onEnd;
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
    this.#onEnd();
    return reason && atBoundary && !this.lastWord ? fatalWords(reason, nextSequence) : NOTHING;
  }
}
