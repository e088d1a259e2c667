import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';
import { query, quit, WireClient } from '../wire-client.ts';

/** Our own client: it pipelines, stalls and vanishes, which drivers take care not to do. */
class WireSession implements Client {
  readonly #wire: WireClient;
  readonly #place: Place;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;

  constructor(wire: WireClient, place: Place) {
    this.#wire = wire;
    this.#place = place;
    void this.#read();
  }

  ask(text: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#wire.send(query(text));
    });
  }

  /** As the client of the command line does: another session that names this one by the number in its greeting. */
  async cancel(): Promise<void> {
    const wire = await WireClient.connect(this.#place);
    await wire.login({ user: this.#place.user, password: this.#place.secret });
    await wire.ask(`KILL QUERY ${this.#wire.threadId}`);
    wire.send(quit);
    await wire.rest();
    wire.destroy();
  }

  halfClose(): void {
    this.#wire.socket.end();
  }

  vanish(): void {
    this.#wire.vanish();
  }

  stall(): void {
    this.#wire.socket.pause();
  }

  async leave(): Promise<void> {
    this.#wire.send(quit);
    this.#wire.socket.end();
    this.#wire.socket.resume();
    await this.ended;
    this.#wire.destroy();
  }

  async #read(): Promise<void> {
    let words = '';
    try {
      while (true) {
        const { rows, error } = await this.#wire.result();
        if (error !== undefined) words = error;
        this.#waiting.shift()?.(error === undefined ? { rows } : { rows, error });
      }
    } catch {
      for (const waiting of this.#waiting) waiting({ rows: [], error: words || 'the connection closed' });
      this.#ended.resolve(words);
    }
  }
}

function kind(name: string, encrypted: boolean): ClientKind {
  return {
    name,
    skills: new Set(['pipeline', 'cancel', 'half-close', 'vanish', 'stall', 'last-words', 'notices the end']),
    async open(place) {
      const wire = await WireClient.connect(place);
      try {
        await wire.login({ user: place.user, password: place.secret, encrypted });
      } catch (error) {
        wire.destroy();
        throw error;
      }
      return new WireSession(wire, place);
    },
  };
}

export const plainWire = kind('our own client', false);
export const secureWire = kind('our own client over TLS', true);
