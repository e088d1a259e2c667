import { Agent, type ClientRequest, type IncomingMessage, request as sendRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { asAppError, TargetFault } from '@hoop/core/errors';
import { dialTarget } from './dial-target.ts';
import { Exchange, ExchangeReset } from './exchange.ts';
import { endToEnd, only, pairsOf, toRecord, UPSTREAM_AUTHORIZATION } from './headers.ts';
import { ANSWER_MS_MAX, EXCHANGES_MAX, HEADER_BYTES_MAX, HEADERS_MAX, TARGET_SOCKETS_MAX, UPGRADED_IDLE_MS_MAX } from './limits.ts';
import { type LinkOwner, MessageLink } from './link.ts';
import { decodeHead, encodeHead, type HeaderList, KINDS, type Message, RequestHead, ResetMessage } from './message.ts';
import { codingsOf } from './reading.ts';
import type { HttpSettings } from './settings.ts';
import { resetOf } from './words.ts';

/** Header lines of an answer or a request that would lead around the gateway, or that somebody else decides. */
const OURS = new Set(['host', UPSTREAM_AUTHORIZATION]);

/** How long a target may take; tests have less patience. */
export interface TargetPatience {
  readonly answer_ms: number;
  readonly upgradedIdle_ms: number;
}

export interface TargetOptions {
  readonly patience?: TargetPatience;
  /** See `ConnectContext.current`: asked before each request. */
  readonly current?: (() => Promise<HttpSettings>) | undefined;
}

const PATIENCE: TargetPatience = { answer_ms: ANSWER_MS_MAX, upgradedIdle_ms: UPGRADED_IDLE_MS_MAX };

/** The target's side of a session: exchanges become requests over connections that it keeps. */
export class TargetSide implements LinkOwner {
  readonly link: MessageLink;
  readonly #settings: HttpSettings;
  readonly #current: TargetOptions['current'];
  readonly #agent: Agent;
  readonly #exchanges = new Map<number, Exchange>();
  readonly #patience: TargetPatience;
  readonly #first: Socket;
  /** The connection that showed that the target is there. */
  #spare: Socket | undefined;
  #over = false;

  constructor(settings: HttpSettings, first: Socket, { patience = PATIENCE, current }: TargetOptions = {}) {
    this.#settings = settings;
    this.#current = current;
    this.#patience = patience;
    this.#first = first;
    this.#spare = first;
    first.once('close', () => {
      this.#spare = undefined;
    });
    first.on('error', () => undefined);
    this.link = new MessageLink(settings.url.host, this);
    this.#agent = new Agent({ keepAlive: true, maxSockets: TARGET_SOCKETS_MAX, scheduling: 'lifo' });
    this.#agent.createConnection = (_options, callback) => {
      const spare = this.#spare;
      this.#spare = undefined;
      if (spare) return spare;
      dialTarget(settings).then(
        (socket) => callback?.(null, socket),
        (error: Error) => callback?.(error, undefined as never),
      );
      return undefined;
    };
  }

  take(message: Message): void {
    if (message.kind === KINDS.request) {
      this.#begin(message.exchange, decodeHead(RequestHead, message.payload));
      return;
    }
    const exchange = this.#exchanges.get(message.exchange);
    if (message.kind === KINDS.reset) exchange?.destroy(new ExchangeReset(decodeHead(ResetMessage, message.payload)));
    else exchange?.receive(message);
  }

  over(): void {
    if (this.#over) return;
    this.#over = true;
    for (const exchange of [...this.#exchanges.values()]) exchange.destroy();
    this.#agent.destroy();
    this.#spare?.destroy();
    this.link.finish();
  }

  #begin(id: number, head: RequestHead): void {
    const exchange = new Exchange(id, this.link, () => this.#exchanges.delete(id));
    // Whoever gave it up knows; whoever did not is told by the reset.
    exchange.on('error', () => undefined);
    this.#exchanges.set(id, exchange);
    const fail = (error: unknown): void => this.#fail(exchange, error);
    const path = pathAt(this.#settings.url, head.path);
    if (this.#exchanges.size > EXCHANGES_MAX) fail(new TargetFault('too_many_requests', 'Too many requests at a time'));
    else if (path === undefined)
      fail(new TargetFault('bad_path', 'The path leads out of the part of the target that this connection is for'));
    else if (this.#current) {
      const send = ({ headers }: HttpSettings): void => {
        if (!exchange.destroyed) this.#send(exchange, head, path, headers, true, fail);
      };
      this.#current().then(send).catch(fail);
    } else this.#send(exchange, head, path, this.#settings.headers, true, fail);
  }

  /** @param own the headers that the connection sets */
  #send(
    exchange: Exchange,
    head: RequestHead,
    path: string,
    own: HttpSettings['headers'],
    mayRepeat: boolean,
    fail: (error: unknown) => void,
  ): void {
    const request = sendRequest({
      agent: this.#agent,
      method: head.method,
      path,
      headers: this.#headersOf(head, own),
      setHost: false,
      maxHeaderSize: HEADER_BYTES_MAX,
    });
    Object.assign(request, { strictContentLength: true, maxHeadersCount: 0 });
    let answered: IncomingMessage | undefined;
    let timer: NodeJS.Timeout | undefined;
    request.once('finish', () => {
      const { answer_ms } = this.#patience;
      const words = `The target did not begin to answer within ${answer_ms / 1000} seconds`;
      timer = setTimeout(() => request.destroy(new TargetFault('target_timeout', words)), answer_ms);
    });
    const begin = (response: IncomingMessage, body: Readable | undefined): void => {
      answered = response;
      clearTimeout(timer);
      const wrong = faultOf(response, head);
      if (wrong === undefined) this.#answer(exchange, head, response, body, fail);
      else {
        fail(new TargetFault('target_closed', wrong));
        request.destroy();
      }
    };
    request.once('response', (response) => begin(response, undefined));
    request.once('upgrade', (response: IncomingMessage, socket: Socket, first: Buffer) => {
      socket.on('error', () => undefined);
      if (head.upgrade === undefined) {
        socket.destroy();
        fail(new TargetFault('target_closed', 'The target went over to another protocol, which nobody had asked for'));
        return;
      }
      if (first.length > 0) socket.unshift(first);
      const { upgradedIdle_ms } = this.#patience;
      const words = `Neither side said anything for ${upgradedIdle_ms / 1000} seconds`;
      socket.setTimeout(upgradedIdle_ms, () => socket.destroy(new TargetFault('target_timeout', words)));
      begin(response, socket);
      exchange.pipe(socket);
      exchange.once('close', () => socket.destroy());
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      // A connection that was kept may have been closed by the target just now: that is no answer to this request.
      const kept = request.reusedSocket || request.socket === this.#first;
      const stale = mayRepeat && !answered && kept && error.code === 'ECONNRESET' && head.body === 'none' && isSafe(head.method);
      if (stale && !exchange.destroyed) this.#send(exchange, head, path, own, false, fail);
      else if (!answered?.complete) fail(error);
    });
    // An answer that is complete before its request is: nobody waits for the rest.
    exchange.once('finish', () => {
      if (head.upgrade !== undefined || request.writableFinished) return;
      request.destroy();
      exchange.destroy();
    });
    exchange.once('close', () => {
      clearTimeout(timer);
      if (!answered || isUnfinished(head, request)) request.destroy();
    });
    sendBody(exchange, head, request);
  }

  #answer(
    exchange: Exchange,
    head: RequestHead,
    response: IncomingMessage,
    upgraded: Readable | undefined,
    fail: (error: unknown) => void,
  ): void {
    const headers = endToEnd(pairsOf(response.rawHeaders));
    const decoders = head.plain === true && upgraded === undefined ? decodersFor(headers) : [];
    const told = headers
      .filter(([name]) => decoders.length === 0 || (name !== 'content-encoding' && name !== 'content-length'))
      .map(([name, value]) => ownHeader(this.#settings.url, name, value));
    this.link.send(encodeHead(KINDS.answer, exchange.id, { status: response.statusCode ?? 502, headers: told }));
    const body = upgraded ?? decoders.reduce<Readable>((coded, decoder) => coded.pipe(decoder), response);
    for (const each of [response, ...decoders, body]) each.on('error', fail);
    response.once('aborted', () => fail(new TargetFault('target_closed', 'The target broke off its answer')));
    body.pipe(exchange);
    exchange.once('close', () => {
      for (const each of [body, ...decoders, response]) each.destroy();
    });
  }

  #fail(exchange: Exchange, error: unknown): void {
    if (exchange.destroyed) return;
    const fault = error instanceof Error && 'code' in error && 'kind' in error ? asAppError(error) : brokenTarget(error);
    this.link.send(encodeHead(KINDS.reset, exchange.id, resetOf(fault)));
    exchange.destroy(new ExchangeReset(resetOf(fault)));
  }

  /** What the connection sets stands against what the client says. */
  #headersOf({ headers, body, upgrade }: RequestHead, own: HttpSettings['headers']): Record<string, string | string[]> {
    const { url, clientAuthorization } = this.#settings;
    const set = new Set(own.map(([name]) => name));
    const asked = clientAuthorization ? only(headers, UPSTREAM_AUTHORIZATION) : undefined;
    const kept = headers.filter(([name]) => !OURS.has(name) && !set.has(name) && !(asked !== undefined && name === 'authorization'));
    const framed: [string, string][] = [
      ['host', url.host],
      ...kept.filter(([name]) => name !== 'content-length' || body === 'length'),
      ...own,
    ] as [string, string][];
    if (asked !== undefined && !set.has('authorization')) framed.push(['authorization', asked]);
    if (body === 'stream') framed.push(['transfer-encoding', 'chunked']);
    if (upgrade !== undefined) framed.push(['connection', 'Upgrade'], ['upgrade', upgrade]);
    return toRecord(framed);
  }
}

/** A request whose body will never be complete: its connection is good for nothing else. */
function isUnfinished({ upgrade }: RequestHead, request: ClientRequest): boolean {
  return upgrade === undefined && !request.writableFinished;
}

/** A body with a length that was said must have it; one without goes in chunks; where there was none, none is sent. */
function sendBody(exchange: Exchange, head: RequestHead, request: ClientRequest): void {
  if (head.body === 'none') {
    request.end();
    // Its end has nothing in it, and after an upgrade it comes much later.
    if (head.upgrade === undefined) exchange.resume();
    return;
  }
  exchange.pipe(request);
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/** Why an answer is none that could be passed on. */
function faultOf({ rawHeaders, statusCode = 0 }: IncomingMessage, { plain }: RequestHead): string | undefined {
  if (rawHeaders.length > HEADERS_MAX * 2) return `The target's answer has more than ${HEADERS_MAX} headers`;
  if (statusCode < STATUS_MIN) return `The target's answer is not HTTP: its status is ${statusCode}`;
  const codings = plain ? codingsOf(pairsOf(rawHeaders)) : [];
  if (codings.length > CODINGS_MAX || (codings.length > 1 && codings.some((coding) => !DECODED.has(coding))))
    return 'The target’s answer is coded in a way that nobody can look into; have it sent without Content-Encoding';
  return undefined;
}

const STATUS_MIN = 100;

const DECODED = new Set(['gzip', 'x-gzip', 'br', 'deflate', 'zstd']);

/** A body is coded no more often than this. */
const CODINGS_MAX = 2;

/** What undoes the codings of a body, the last one first. One that is not known is taken for no coding. */
function decodersFor(headers: HeaderList): Decoder[] {
  return codingsOf(headers)
    .reverse()
    .map(decoderFor)
    .filter((decoder) => decoder !== undefined);
}

type Decoder = NodeJS.ReadWriteStream & Readable;

function decoderFor(coding: string | undefined): Decoder | undefined {
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip();
  if (coding === 'br') return createBrotliDecompress();
  if (coding === 'deflate') return createInflate();
  return coding === 'zstd' ? createZstdDecompress() : undefined;
}

/** The path below the connection's own; undefined where dots lead out of it. Each side reads `%2e` as it likes, so it counts as a dot. */
export function pathAt(url: URL, path: string): string | undefined {
  const base = url.pathname.replace(/\/+$/, '');
  if (base === '') return path;
  const [plain = ''] = path.split('?', 1);
  const segments = plain
    .replaceAll('\\', '/')
    .replace(/%2f|%5c/gi, '/')
    .replace(/%2e/gi, '.')
    .split('/');
  return segments.some((segment) => segment === '..' || segment.startsWith('..;')) ? undefined : `${base}${path}`;
}

/** An answer that sends the client to the target itself sends it here; a cookie is for whatever host the client sees. */
function ownHeader(url: URL, name: string, value: string): [string, string] {
  if (name === 'set-cookie') return [name, value.replace(/;\s*domain=[^;]*/i, '')];
  if (name !== 'location' && name !== 'content-location') return [name, value];
  const at = URL.parse(value);
  if (!at || at.host !== url.host) return [name, value];
  const base = url.pathname.replace(/\/+$/, '');
  const path = at.pathname.startsWith(base) ? at.pathname.slice(base.length) : at.pathname;
  return [name, `/${path.replace(/^\/+/, '')}${at.search}${at.hash}`];
}

function brokenTarget(error: unknown): TargetFault {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const why =
    code === 'HPE_HEADER_OVERFLOW'
      ? `its headers are longer than ${HEADER_BYTES_MAX} bytes`
      : code.startsWith('HPE_')
        ? 'its answer is not HTTP'
        : code === 'ECONNRESET'
          ? 'it closed the connection'
          : code || 'it broke off';
  return new TargetFault('target_closed', `The target gave no whole answer: ${why}`, { cause: error });
}
