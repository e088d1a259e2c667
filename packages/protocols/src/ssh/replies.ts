import { PeerFault } from '@hoop/core/errors';
import { REPLIES_OWED_MAX } from './limits.ts';

type Owed = { readonly own: Buffer } | { readonly own?: undefined; readonly told: ((ok: boolean) => void) | undefined };

/**
 * The answers to one line of requests, which carry no number and are known by their order alone (RFC 4254, sections 4 and 5.4).
 * What we answer ourselves waits for its turn among those of the other side.
 */
export class Replies {
  readonly #owed: Owed[] = [];

  /** The other side will answer. `told` hears how. @throws PeerFault `too_many_requests` */
  expect(told?: (ok: boolean) => void): void {
    this.#owe({ told });
  }

  /** Our own answer, with whatever is to come right behind it; empty when it has to wait. */
  answer(...messages: readonly Buffer[]): readonly Buffer[] {
    if (this.#owed.length === 0) return messages;
    for (const own of messages) this.#owe({ own });
    return [];
  }

  /** The other side has answered; returns what of our own comes next. @throws PeerFault when nothing was asked */
  answered(ok: boolean): readonly Buffer[] {
    const owed = this.#owed.shift();
    if (!owed || owed.own) throw new PeerFault('bad_message', 'An SSH answer came to which there was no request');
    owed.told?.(ok);
    return this.#ours();
  }

  /** Nobody answers any more: what of our own has waited, in order. */
  flush(): readonly Buffer[] {
    const all = this.#owed.splice(0);
    return all.flatMap(({ own }) => (own ? [own] : []));
  }

  #ours(): Buffer[] {
    const ready: Buffer[] = [];
    for (let next = this.#owed[0]; next?.own; next = this.#owed[0]) {
      ready.push(next.own);
      this.#owed.shift();
    }
    return ready;
  }

  #owe(owed: Owed): void {
    if (this.#owed.length >= REPLIES_OWED_MAX)
      throw new PeerFault('too_many_requests', 'SSH requests are sent and their answers not awaited');
    this.#owed.push(owed);
  }
}
