import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BodyOf, ParamsOf, QueryOf, ReplyOf, Route } from '@hoop/contract/route';
import { type RouteName, routes } from '@hoop/contract/routes/all';
import type { ZodType } from 'zod';

type Routes = typeof routes;

export interface Call<T extends Route> {
  readonly params: ParamsOf<T>;
  readonly query: QueryOf<T>;
  readonly body: BodyOf<T>;
  readonly headers: IncomingMessage['headers'];
  /** Aborts when the caller goes away before the answer. */
  readonly gone: AbortSignal;
}

/** What a route answers with when it is more than a body. */
export class Answered<T extends Route> {
  readonly body: ReplyOf<T>;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(body: ReplyOf<T>, options: { status?: number; headers?: Record<string, string> } = {}) {
    this.body = body;
    this.status = options.status;
    this.headers = options.headers ?? {};
  }
}

/** A refusal in the API's words. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;

  constructor(status: number, code: string, message: string, field?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

type Handled<T extends Route> = ReplyOf<T> | Answered<T>;

export type Handlers = {
  readonly [Name in RouteName]?: (call: Call<Routes[Name]>) => Handled<Routes[Name]> | Promise<Handled<Routes[Name]>>;
};

/**
 * An HTTP server made of the contract's routes: it takes and gives what their schemas allow and nothing else,
 * so that a command that is tested against it fits a real gateway. Routes without a handler answer 501.
 */
export class FakeGateway implements AsyncDisposable {
  readonly #server: Server;
  /** The names of the routes that were called, in order. */
  readonly calls: RouteName[] = [];

  private constructor(handlers: Handlers) {
    this.#server = createServer((request, response) => {
      const gone = new AbortController();
      response.on('close', () => {
        if (!response.writableFinished) gone.abort();
      });
      answer(handlers, request, gone.signal, this.calls)
        .catch((error: unknown) =>
          error instanceof Refused
            ? {
                status: error.status,
                headers: {},
                body: { message: error.message, code: error.code, ...(error.field && { field: error.field }) },
              }
            : { status: 500, headers: {}, body: { message: String(error), code: 'fake_failed' } },
        )
        .then(({ status, headers, body }) => {
          response.writeHead(status, { 'content-type': 'application/json', ...headers });
          response.end(body === undefined ? undefined : JSON.stringify(body));
        })
        .catch(() => response.destroy());
    });
  }

  static async start(handlers: Handlers): Promise<FakeGateway> {
    const gateway = new FakeGateway(handlers);
    await new Promise<void>((resolve) => gateway.#server.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Wired {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

async function answer(handlers: Handlers, request: IncomingMessage, gone: AbortSignal, calls: RouteName[]): Promise<Wired> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const found = find(request.method ?? '', url.pathname);
  if (!found) throw new Refused(404, 'not_found', `No route ${request.method} ${url.pathname}`);
  const { name, params } = found;
  const route: Route = routes[name];
  calls.push(name);
  const handler = handlers[name] as ((call: Call<Route>) => unknown) | undefined;
  if (!handler) throw new Refused(501, 'not_faked', `The test does not answer ${name}`);
  const call = {
    params: parsed(route.params, params, `${name} params`),
    query: parsed(route.query, Object.fromEntries(url.searchParams), `${name} query`),
    body: parsed(route.body, await bodyOf(request), `${name} body`),
    headers: request.headers,
    gone,
  };
  const result = await handler(call as Call<Route>);
  const { status, headers, body } = result instanceof Answered ? result : { status: undefined, headers: {}, body: result };
  return { status: status ?? route.status ?? 200, headers, body: parsed(route.reply, body, `${name} reply`) };
}

function find(method: string, path: string): { name: RouteName; params: Record<string, string> } | undefined {
  const candidates = (Object.keys(routes) as RouteName[]).filter((name) => routes[name].method === method);
  // A fixed path goes before one with parameters.
  candidates.sort((left, right) => Number(routes[left].path.includes(':')) - Number(routes[right].path.includes(':')));
  for (const name of candidates) {
    const pattern = new RegExp(`^/api${routes[name].path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const match = pattern.exec(path);
    if (!match) continue;
    const params = Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return { name, params: Object.fromEntries(params) };
  }
  return undefined;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
}

function parsed(schema: ZodType | undefined, value: unknown, what: string): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Refused(422, 'invalid', `${what}: ${issue?.message}`, issue?.path.join('.'));
}
