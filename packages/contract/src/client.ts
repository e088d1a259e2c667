import type { ZodType, z } from 'zod';
import type { BodyInput, QueryInput, ReplyOf, Route } from './route.ts';
import { ErrorReply } from './routes/common.ts';

type ParamsInput<T> = T extends { params: infer S extends ZodType } ? z.input<S> : undefined;

/** A part of the input: absent where the route has none, optional where every field of it is. */
type Part<Name extends string, Value> = Value extends undefined
  ? { readonly [K in Name]?: undefined }
  : Record<never, never> extends Value
    ? { readonly [K in Name]?: Value }
    : { readonly [K in Name]: Value };

export type CallInput<T extends Route> = Part<'params', ParamsInput<T>> & Part<'query', QueryInput<T>> & Part<'body', BodyInput<T>>;

/** The input argument itself may be left out when nothing in it is required. */
type InputArguments<T extends Route> =
  Record<never, never> extends CallInput<T> ? [input?: CallInput<T> & CallOptions] : [input: CallInput<T> & CallOptions];

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** For this call instead of the client's own; an exec may take long. */
  readonly timeout_ms?: number;
}

export interface ClientOptions {
  /** The gateway's `API_URL`, with a path prefix if it has one and without `/api`. */
  readonly baseUrl: string;
  readonly token?: string;
  /** Stands in for the global `fetch`, for a certificate authority of one's own or a test. */
  readonly fetch?: typeof globalThis.fetch;
  readonly timeout_ms?: number;
  /** An honest product name: it becomes the origin of sessions. */
  readonly userAgent?: string;
}

export interface Answer<T extends Route> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReplyOf<T>;
}

export interface Client {
  /** Calls a route and gives the reply's body. @throws ApiError on anything but success. */
  call<T extends Route>(route: T, ...input: InputArguments<T>): Promise<ReplyOf<T>>;
  /** As `call`, with status and headers. */
  send<T extends Route>(route: T, ...input: InputArguments<T>): Promise<Answer<T>>;
}

/**
 * A call that did not succeed. `status` is the HTTP status, or 0 when there was no answer:
 * then `code` is `unreachable`, `timeout`, `aborted` or `bad_parameter`.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** The part of the request at fault, where the gateway said it. */
  readonly field: string | undefined;

  constructor(status: number, code: string, message: string, options: { field?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.field = options.field;
  }
}

const TIMEOUT_MS = 60_000;

/** A typed client of the REST API over `fetch`. Works in Node and in browsers. */
export function createClient(options: ClientOptions): Client {
  const send = async <T extends Route>(route: T, ...[input]: InputArguments<T>): Promise<Answer<T>> => {
    const given: LooseInput = input ?? {};
    const response = await request(options, route, given);
    const text = await response.text().catch((cause: unknown) => {
      throw new ApiError(0, 'unreachable', `The answer of ${options.baseUrl} broke off`, { cause });
    });
    if (!response.ok) throw failure(response, text, options.baseUrl);
    return { status: response.status, headers: response.headers, body: bodyOf(route, response, text) as ReplyOf<T> };
  };
  return { send, call: async (route, ...input) => (await send(route, ...input)).body };
}

interface LooseInput extends CallOptions {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
}

async function request(options: ClientOptions, route: Route, input: LooseInput): Promise<Response> {
  const url = `${options.baseUrl.replace(/\/+$/, '')}/api${fillPath(route.path, input.params)}${queryString(input.query)}`;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.token) headers.authorization = `Bearer ${options.token}`;
  if (options.userAgent) headers['user-agent'] = options.userAgent;
  const hasBody = route.body !== undefined;
  if (hasBody) headers['content-type'] = 'application/json';
  const timeout = AbortSignal.timeout(input.timeout_ms ?? options.timeout_ms ?? TIMEOUT_MS);
  try {
    return await (options.fetch ?? globalThis.fetch)(url, {
      method: route.method,
      headers,
      body: hasBody ? JSON.stringify(input.body ?? {}) : undefined,
      redirect: 'error',
      signal: input.signal ? AbortSignal.any([input.signal, timeout]) : timeout,
    });
  } catch (cause) {
    if (input.signal?.aborted) throw new ApiError(0, 'aborted', 'The call was cancelled', { cause });
    if (timeout.aborted) throw new ApiError(0, 'timeout', `${options.baseUrl} did not answer in time`, { cause });
    throw new ApiError(0, 'unreachable', `${options.baseUrl} cannot be reached: ${reasonOf(cause)}`, { cause });
  }
}

/** `fetch` hides the real reason in the cause. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause instanceof Error && thrown.cause.message ? thrown.cause.message : thrown.message;
}

/** Puts parameters into a route's path. @throws ApiError `bad_parameter` where one would change the path itself. */
export function fillPath(path: string, params: unknown): string {
  const values = (params ?? {}) as Record<string, unknown>;
  return path.replace(/:([A-Za-z_]+)/g, (_, name: string) => {
    const value = String(values[name] ?? '');
    // URL parsers resolve dot segments even when they are escaped.
    if (value === '' || value === '.' || value === '..') throw new ApiError(0, 'bad_parameter', `“${value}” cannot be used as ${name}`);
    return encodeURIComponent(value);
  });
}

function queryString(query: unknown): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined && value !== null) given.set(name, String(value));
  }
  const text = given.toString();
  return text === '' ? '' : `?${text}`;
}

function failure(response: Response, text: string, baseUrl: string): ApiError {
  const told = ErrorReply.safeParse(parseJson(text));
  if (told.success) return new ApiError(response.status, told.data.code, told.data.message, { field: told.data.field });
  return new ApiError(response.status, 'unexpected_reply', `${baseUrl} answered ${response.status}, not in the words of a gateway`);
}

function bodyOf(route: Route, response: Response, text: string): unknown {
  if (route.reply === undefined) return undefined;
  const parsed = route.reply.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new ApiError(
    response.status,
    'unexpected_reply',
    `The gateway's reply is not what this version knows${where ? ` (${where})` : ''}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
