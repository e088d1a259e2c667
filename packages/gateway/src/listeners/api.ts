import { randomUUID } from 'node:crypto';
import type { Route } from '@hoop/contract/route';
import { type RouteName, routes } from '@hoop/contract/routes/all';
import type { Identity } from '@hoop/core/identity';
import type { Log } from '@hoop/core/log';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Call, Done, Handlers } from '../api/handler.ts';
import type { Authenticator } from '../identity/authenticator.ts';
import { API_BODY_BYTES_MAX, API_CONNECTIONS_MAX, API_REQUEST_MS_MAX } from '../limits.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Origin } from '../ports.ts';
import { bodyLimit } from './body-limits.ts';
import { API_HEADERS, TLS_HEADERS } from './headers.ts';
import { httpFailure } from './http-errors.ts';
import { checkRole } from './roles.ts';
import { START_PAGE } from './start-page.ts';
import { validate } from './validate.ts';

export interface ApiListenerOptions {
  readonly handlers: Handlers;
  readonly authenticator: Authenticator;
  readonly metrics: GatewayMetrics;
  /** Whether this request may read `/metrics`. */
  mayScrape(header: string | undefined): Promise<boolean>;
  readonly log: Log;
  /** Path in front of `/api`, without a slash at its end. */
  readonly prefix: string;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** Addresses whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
}

/** The HTTP listener of the REST API: every route of the contract, and nothing that is not in it but `/` and `/metrics`. */
export function createApiListener(options: ApiListenerOptions): FastifyInstance {
  const app = newServer(options);
  app.server.maxConnections = API_CONNECTIONS_MAX;
  const identities = new WeakMap<FastifyRequest, Identity>();
  app.setErrorHandler((thrown, request, reply) => fail(options.log, thrown, request, reply));
  app.setNotFoundHandler((_, reply) => reply.code(404).send({ message: 'There is nothing at this address', code: 'not_found' }));
  acceptJsonOnly(app);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(API_HEADERS).header('x-request-id', request.id);
    if (options.tls) reply.headers(TLS_HEADERS);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    options.metrics.httpRequest(request.method, request.routeOptions.config.name ?? 'none', reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
  for (const name of Object.keys(routes) as RouteName[]) addRoute(app, options, identities, name);
  app.get(`${options.prefix}/`, (_, reply) => reply.type('text/html; charset=utf-8').send(START_PAGE));
  if (options.prefix) app.get(options.prefix, (_, reply) => reply.redirect(`${options.prefix}/`, 308));
  app.get(`${options.prefix}/metrics`, { config: { name: 'metrics' } }, async (request, reply) => {
    if (!(await options.mayScrape(request.headers.authorization))) {
      return reply
        .code(401)
        .send({ message: 'Metrics are for administrators, auditors and who has the METRICS_TOKEN', code: 'unauthenticated' });
    }
    return reply.type(options.metrics.contentType).send(await options.metrics.text());
  });
  return app;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of the route, for metrics and logs: an address may hold names of users' things. */
    readonly name?: string;
  }
}

function newServer(options: ApiListenerOptions): FastifyInstance {
  const common = {
    // The framework's own log would write whole requests; ours is in the hooks.
    logger: false,
    bodyLimit: API_BODY_BYTES_MAX,
    requestTimeout: API_REQUEST_MS_MAX,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle' as const,
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    genReqId: () => randomUUID(),
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 300 },
    onProtoPoisoning: 'error' as const,
    onConstructorPoisoning: 'error' as const,
    // An address that cannot be read never gets to the hooks.
    frameworkErrors: (thrown: Error, request: FastifyRequest, reply: FastifyReply) => {
      reply.headers(API_HEADERS);
      return fail(options.log, thrown, request, reply);
    },
  };
  if (!options.tls) return fastify(common) as unknown as FastifyInstance;
  return fastify({ ...common, https: { ...options.tls, minVersion: 'TLSv1.2' } }) as unknown as FastifyInstance;
}

/** A POST without a body is fine where the route takes none; its schema tells. */
function acceptJsonOnly(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.trim() === '') done(null, undefined);
    else parse(request, body, done);
  });
}

function addRoute(app: FastifyInstance, options: ApiListenerOptions, identities: WeakMap<FastifyRequest, Identity>, name: RouteName): void {
  const route: Route = routes[name];
  const handle = options.handlers[name] as unknown as (call: Call) => Promise<Done> | Done;
  app.route({
    method: route.method,
    url: `${options.prefix}/api${route.path}`,
    bodyLimit: bodyLimit(name),
    config: { name },
    // Before the body is read: who may not come in cannot make us take megabytes.
    onRequest: async (request) => {
      if (route.role === 'public') return;
      const identity = await options.authenticator.fromBearer(request.headers.authorization);
      checkRole(route.role, identity);
      identities.set(request, identity);
    },
    handler: async (request, reply) => {
      const identity = identities.get(request);
      const given = validate(route, request);
      const call = { ...given, identity, peer: request.ip, origin: originOf(request), signal: hangUpSignal(request, reply) };
      const done = await handle(call as Call);
      noteChange(options.log, route, call);
      return answer(route, reply, done);
    },
  });
}

function answer(route: Route, reply: FastifyReply, done: Done): FastifyReply {
  reply.code(done.status ?? route.status ?? 200).headers({ ...done.headers });
  if (!route.reply) return reply.send();
  // What is not in the contract does not leave, whatever a handler put in.
  return reply.send(route.reply.parse(done.body));
}

/** Who changed what, by names: bodies may hold secrets. */
function noteChange(log: Log, route: Route, call: Given): void {
  if (!route.audit) return;
  const on = call.params === undefined ? undefined : Object.values(call.params as object).join(' ');
  log.info({ audit: route.audit, user: call.identity?.email, peer: call.peer, ...(on ? { on } : {}) }, 'Changed through the API');
}

interface Given {
  readonly params: unknown;
  readonly identity: Identity | undefined;
  readonly peer: string;
}

/** By the client's own word, from the name of its product; it decides nothing. */
function originOf(request: FastifyRequest): Origin {
  const agent = request.headers['user-client'] ?? request.headers['user-agent'] ?? '';
  const product = /^[^/\s]*/.exec(String(agent))?.[0].toLowerCase() ?? '';
  if (product.startsWith('webapp')) return 'webapp';
  return product === 'hoopcli' || product === 'hoop-cli' ? 'cli' : 'api';
}

function hangUpSignal(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const { socket } = request;
  const onClose = (): void => gone.abort();
  socket.once('close', onClose);
  reply.raw.once('finish', () => socket.off('close', onClose));
  return gone.signal;
}

const NOTED: ReadonlySet<string> = new Set(['forbidden', 'invalid_login', 'too_many_attempts']);

function fail(log: Log, thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, retry_after_s, ...body } = httpFailure(thrown, request.id);
  const where = { request: request.id, route: request.routeOptions.config.name, status, code: body.code };
  if (status >= 500 && body.code === 'internal') log.error({ ...where, err: thrown }, 'A request broke something');
  // Who knocks where they may not is worth knowing; what they sent is not, because it may be a password.
  else if (NOTED.has(body.code)) log.info({ ...where, peer: request.ip }, 'A request was refused');
  else log.debug(where, 'A request was refused');
  if (retry_after_s !== undefined) reply.header('retry-after', String(retry_after_s));
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(status).send(body);
}
