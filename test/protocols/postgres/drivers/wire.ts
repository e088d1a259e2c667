import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';
import {
  cancelRequest,
  cellsOf,
  type Encryption,
  extended,
  query,
  type Reply,
  sync,
  terminate,
  WireClient,
  wordsOf,
} from '../wire-client.ts';

/** Our own client: it pipelines, stalls and vanishes, which drivers take care not to do. */
class WireSession implements Client {
  readonly #wire: WireClient;
  readonly #place: Place;
  readonly #encode: (text: string) => Buffer;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  readonly #ended = Promise.withResolvers<string>();
  readonly ended = this.#ended.promise;

  constructor(wire: WireClient, place: Place, encode: (text: string) => Buffer) {
    this.#wire = wire;
    this.#place = place;
    this.#encode = encode;
    void this.#read();
  }

  ask(text: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#wire.send(this.#encode(text));
    });
  }

  async cancel(): Promise<void> {
    const wire = await WireClient.connect(this.#place);
    wire.send(cancelRequest(this.#wire.cancelKey));
    // Like libpq: the request was taken when the server closes.
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
    this.#wire.send(terminate);
    this.#wire.socket.end();
    this.#wire.socket.resume();
    await this.ended;
    this.#wire.destroy();
  }

  async #read(): Promise<void> {
    let rows: string[] = [];
    let error: string | undefined;
    let words = '';
    try {
      while (true) {
        const reply: Reply = await this.#wire.reply();
        if (reply.type === 'D') rows.push(cellsOf(reply)[0] ?? '');
        if (reply.type === 'E') words = error = wordsOf(reply);
        if (reply.type !== 'Z') continue;
        this.#waiting.shift()?.(error === undefined ? { rows } : { rows, error });
        rows = [];
        error = undefined;
      }
    } catch {
      for (const waiting of this.#waiting) waiting({ rows, error: error ?? 'the connection closed' });
      this.#ended.resolve(words);
    }
  }
}

function kind(name: string, encryption: Encryption, encode: (text: string) => Buffer): ClientKind {
  return {
    name,
    skills: new Set(['pipeline', 'cancel', 'half-close', 'vanish', 'stall', 'last-words', 'notices the end']),
    async open(place) {
      const wire = await WireClient.connect({ ...place, encryption });
      try {
        await wire.login({ user: place.user, password: place.secret });
      } catch (error) {
        wire.destroy();
        throw error;
      }
      return new WireSession(wire, place, encode);
    },
  };
}

export const simpleWire = kind('our own client, simple protocol', 'none', query);
export const extendedWire = kind('our own client, extended protocol over TLS', 'requested', (text) =>
  Buffer.concat([extended(text), sync]),
);
