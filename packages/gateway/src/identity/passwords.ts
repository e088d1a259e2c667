import { randomBytes } from 'node:crypto';
import { Refusal } from '@hoop/core/errors';
import { hash, verify } from '@node-rs/argon2';
import { HASHINGS_MAX, HASHINGS_QUEUE_MAX } from '../limits.ts';

/** OWASP's recommendation for argon2id, which is the library's default algorithm: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/**
 * Hashes and checks passwords with argon2id, off the event loop and a few at a time: what costs an attacker a guess
 * must not cost everybody else the machine.
 */
export class Passwords {
  /** Of a password that nobody has: an unknown e-mail costs as much as a known one. */
  readonly #decoy: string;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  private constructor(decoy: string) {
    this.#decoy = decoy;
  }

  static async create(): Promise<Passwords> {
    return new Passwords(await hash(randomBytes(32), COST));
  }

  /** @throws Refusal `too_busy` */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password.normalize('NFC'), COST));
  }

  /** Whether the password is the one of this hash. Without a hash the same work is done, and the answer is no. @throws Refusal `too_busy` */
  async verify(known: string | undefined, password: string): Promise<boolean> {
    const matches = await this.#inTurn(() => verify(known ?? this.#decoy, password.normalize('NFC')));
    return matches && known !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= HASHINGS_MAX) {
      if (this.#waiting.length >= HASHINGS_QUEUE_MAX)
        throw new Refusal('too_busy', 'Too many logins at this moment. Try again in a few seconds');
      // The place is handed over, not given up: nobody who comes later slips in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
