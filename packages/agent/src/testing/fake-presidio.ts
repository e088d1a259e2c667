import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** What was asked in one request. */
export interface AskedOfPresidio {
  readonly texts: readonly string[];
  readonly entities: readonly string[];
  readonly threshold: number;
}

type Answer = (response: http.ServerResponse) => void;

/** Words that its model knows. */
const MODEL: readonly (readonly [string, RegExp])[] = [
  ['PERSON', /Zaphod Beeblebrox|Ångström Ñandú|Marvin/gu],
  ['ORGANIZATION', /Sirius Cybernetics|Megadodo/gu],
];

/** What a Presidio analyzer does over REST, with places counted in code points as Python does. */
export class FakePresidio implements AsyncDisposable {
  readonly url: string;
  readonly asked: AskedOfPresidio[] = [];
  known = ['PERSON', 'ORGANIZATION', 'EMAIL_ADDRESS'];
  /** Requests at one time, at most. */
  busiest = 0;
  /** In place of every answer to `/analyze`; one that does nothing hangs. */
  instead: Answer | undefined;
  /** Waited for before every answer to `/analyze`. */
  slow: (() => Promise<void>) | undefined;
  #busy = 0;
  readonly #server: http.Server;

  private constructor(server: http.Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(): Promise<FakePresidio> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const presidio = new FakePresidio(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('request', (request, response) => void presidio.#serve(request, response));
    return presidio;
  }

  /** Every text that it was asked about. */
  get texts(): readonly string[] {
    return this.asked.flatMap(({ texts }) => texts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += String(part);
    const reply = (answer: unknown): void => void response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    if (request.url?.startsWith('/supportedentities')) return reply(this.known);
    const { text, entities, score_threshold } = JSON.parse(body) as { text: string[]; entities: string[]; score_threshold: number };
    this.asked.push({ texts: text, entities, threshold: score_threshold });
    this.busiest = Math.max(this.busiest, ++this.#busy);
    await this.slow?.();
    this.#busy--;
    if (this.instead) return this.instead(response);
    reply(text.map((each) => recognized(each, entities)));
  }
}

function recognized(text: string, entities: readonly string[]): object[] {
  return MODEL.filter(([entity]) => entities.includes(entity)).flatMap(([entity_type, words]) =>
    [...text.matchAll(words)].map(({ index, 0: word }) => {
      const start = [...text.slice(0, index)].length;
      return { entity_type, start, end: start + [...word].length, score: 0.85, analysis_explanation: null };
    }),
  );
}
