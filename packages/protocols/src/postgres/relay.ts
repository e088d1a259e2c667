import type { AppError } from '@hoop/core/errors';
import type { Relay, RelayPorts } from '@hoop/core/protocol';
import { Answers } from './answers.ts';
import { Names, OwedQueue } from './books.ts';
import { Endings, Failing } from './endings.ts';
import { type Books, Requests } from './requests.ts';
import { fatalWords, noticeWords } from './words.ts';

const NOTHING = Buffer.alloc(0);

/** The two directions of a PostgreSQL session, after both logins. */
export class PostgresRelay implements Relay {
  readonly #ports: RelayPorts;
  readonly #books: Books;
  readonly #requests: Requests;
  readonly #answers: Answers;

  /** @param cancel asks the target to cancel what runs. Never rejects */
  constructor(ports: RelayPorts, cancel: () => Promise<void>) {
    this.#ports = ports;
    const owed = new OwedQueue();
    const endings = new Endings({ owed, cancel, isCopyingIn: () => this.#books.copyIn });
    this.#books = { owed, endings, names: new Names(), failing: new Failing(), copyIn: false, skipping: false };
    this.#requests = new Requests(ports.gate, this.#books, (bytes) => ports.toTarget(bytes));
    this.#answers = new Answers(ports, this.#books);
  }

  get busy(): boolean {
    return this.#books.owed.length > 0;
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

  notice(text: string): Buffer | undefined {
    return this.#answers.atBoundary ? noticeWords(text) : undefined;
  }

  end(reason: AppError | undefined): Buffer {
    const error = reason ? `session ended: ${reason.code}` : 'session ended before the answer';
    for (let entry = this.#books.owed.shift(); entry; entry = this.#books.owed.shift()) {
      if (entry.permit) this.#ports.gate.settle(entry.permit, { rows: entry.rows, bytes: entry.bytes, error: entry.error ?? error });
    }
    return reason && this.#answers.atBoundary && !this.lastWord ? fatalWords(reason) : NOTHING;
  }
}
