import { EventEmitter, once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Duplex, PassThrough } from 'node:stream';
import { generate } from 'selfsigned';
import { temporaryDirectory } from '../temporary.ts';
import { type Change, Cluster, merged, type Place, placeOf, tableOf } from './cluster.ts';
import { discover, KINDS } from './discovery.ts';
import { forwardPorts } from './port-forward.ts';
import { type Channels, runRemotely } from './remote-command.ts';
import { SpdyConnection, type SpdyStream } from './spdy.ts';
import { acceptWebSocket, channelsOf, TUNNEL, tunnelled } from './websocket.ts';

/** A request as it arrived. */
export interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  /** `websocket` or `SPDY/3.1`. */
  readonly upgrade: string | undefined;
}

const SPDY_VERSIONS = ['v4.channel.k8s.io', 'portforward.k8s.io'];

/** The API server of a small cluster. */
export class FakeKubernetes {
  readonly token = 'cluster-token';
  readonly cluster = new Cluster();
  readonly heard: Heard[] = [];
  readonly url: string;
  /** The certificate of the server, which is its own authority. */
  readonly ca: string;
  /** Off: as servers of before 1.30, which know SPDY only. */
  websockets = true;
  readonly #server: https.Server;
  readonly #directory = temporaryDirectory('pods');
  readonly #logs = new EventEmitter();
  readonly #written = new Map<string, string>();
  readonly #sockets = new Set<Duplex>();

  private constructor(server: https.Server, ca: string) {
    this.#server = server;
    this.ca = ca;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#logs.setMaxListeners(0);
    server.on('request', (request, response) => void this.#serve(request, response));
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    server.on('connection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.cluster.put(at('namespaces'), { metadata: { name: 'default' }, status: { phase: 'Active' } });
  }

  static async start(): Promise<FakeKubernetes> {
    const altNames = [{ type: 7 as const, ip: '127.0.0.1' }];
    const extensions = [
      { name: 'basicConstraints' as const, cA: true },
      { name: 'subjectAltName' as const, altNames },
    ];
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'cluster' }], {
      algorithm: 'sha256',
      keyType: 'ec',
      extensions,
    });
    const server = https.createServer({ key, cert });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new FakeKubernetes(server, cert);
  }

  /** The secrets of a connection to it. */
  settings(): Record<string, string> {
    return { KUBERNETES_CLUSTER_URL: this.url, KUBERNETES_BEARER_TOKEN: this.token, KUBERNETES_CA: this.ca };
  }

  addPod(name: string, more: object = {}): void {
    const containers = [{ name: 'main', image: 'registry.example/web:1' }];
    const status = { phase: 'Running', containerStatuses: [{ name: 'main', ready: true, restartCount: 0, state: { running: {} } }] };
    this.cluster.put(at('pods', 'default'), { metadata: { name, ...more }, spec: { containers, nodeName: 'node-1' }, status });
  }

  /** What a pod's program prints. */
  log(pod: string, text: string): void {
    this.#written.set(pod, (this.#written.get(pod) ?? '') + text);
    this.#logs.emit(pod, text);
  }

  /** Who follows a pod's log. */
  followers(pod: string): number {
    return this.#logs.listenerCount(pod);
  }

  /** Where a pod's commands run. */
  directoryOf(pod: string): string {
    const directory = join(this.#directory, pod);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Remembers the request; undefined, and answered, where it does not show the token. */
  #admit(request: IncomingMessage): URL | undefined {
    const { method = '', url = '', headers } = request;
    this.heard.push({ method, url, headers, upgrade: headers.upgrade });
    return headers.authorization === `Bearer ${this.token}` ? new URL(url, this.url) : undefined;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = this.#admit(request);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (!url) return fail(response, 401, 'Unauthorized', 'Unauthorized');
    const accept = request.headers.accept ?? '';
    const described = discover(url.pathname, accept);
    if (described) return answer(response, 200, described.body, described.type);
    const place = placeOf(url.pathname);
    if (!place) return fail(response, 404, 'NotFound', 'the server could not find the requested resource');
    const body = Buffer.concat(chunks).toString();
    if (place.part === 'log') this.#log(place, url, response);
    else if (request.method === 'GET' && place.name === undefined) this.#list(place, url, accept, response);
    else this.#one(place, request.method ?? '', body, accept, response);
  }

  #list(place: Place, { searchParams }: URL, accept: string, response: ServerResponse): void {
    const { kind } = place;
    const asTable = accept.includes('as=Table');
    const items = this.cluster.list(place, searchParams.get('fieldSelector') ?? '');
    const { version } = this.cluster;
    if (searchParams.get('watch') === null) {
      const list = { kind: `${kind.kind}List`, apiVersion: 'v1', metadata: { resourceVersion: version }, items };
      answer(response, 200, asTable ? tableOf(kind, items, version) : list);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
    response.flushHeaders();
    const tell = ({ type, thing }: Change): void => {
      const object = asTable ? tableOf(kind, [thing], thing.metadata.resourceVersion) : thing;
      response.write(`${JSON.stringify({ type, object })}\n`);
    };
    response.once('close', this.cluster.watch(place, Number(searchParams.get('resourceVersion') ?? version), tell));
  }

  #one(place: Place, method: string, body: string, accept: string, response: ServerResponse): void {
    const { cluster } = this;
    const found = cluster.find(place);
    const { kind, name = '' } = place;
    if (method === 'POST') answer(response, 201, cluster.put(place, JSON.parse(body) as object));
    else if (!found) fail(response, 404, 'NotFound', `${kind.plural} "${name}" not found`);
    else if (method === 'GET') answer(response, 200, accept.includes('as=Table') ? tableOf(kind, [found], cluster.version) : found);
    else if (method === 'PATCH') answer(response, 200, cluster.put(place, merged(found, JSON.parse(body)) as object));
    else if (method === 'PUT') answer(response, 200, cluster.put(place, JSON.parse(body) as object));
    else if (method === 'DELETE') {
      cluster.remove(place);
      const details = { name, kind: kind.plural, uid: found.metadata.uid };
      answer(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
    } else fail(response, 405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }

  #log({ name = '' }: Place, { searchParams }: URL, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write(this.#written.get(name) ?? '');
    if (searchParams.get('follow') !== 'true') {
      response.end();
      return;
    }
    const tell = (text: string): void => void response.write(text);
    this.#logs.on(name, tell);
    response.once('close', () => this.#logs.off(name, tell));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined);
    const url = this.#admit(request);
    const place = url && placeOf(url.pathname);
    const spdy = request.headers.upgrade === 'SPDY/3.1';
    if (!url || !place || !this.cluster.find(place) || !(spdy || this.websockets)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const forwards = place.part === 'portforward';
    const run = (channels: Channels): void => this.#run(place, url, channels);
    if (spdy) {
      const offered = (request.headers['x-stream-protocol-version'] ?? '').toString();
      const version = SPDY_VERSIONS.find((each) => offered.includes(each)) ?? '';
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${version}\r\n\r\n`,
      );
      if (head.length > 0) socket.unshift(head);
      if (forwards) forwardPorts(socket);
      else gatherChannels(socket, url, run);
    } else {
      acceptWebSocket(request, socket, head, (webSocket) => {
        if (webSocket.protocol === TUNNEL) forwardPorts(tunnelled(webSocket));
        else run(channelsOf(webSocket));
      });
    }
  }

  #run({ name = '', part }: Place, { searchParams }: URL, channels: Channels): void {
    // What a pod's own program does with its input is not told apart: it says it again.
    const command = part === 'attach' ? ['cat'] : searchParams.getAll('command');
    const stdin = searchParams.get('stdin') === 'true' ? channels.stdin : undefined;
    runRemotely(command, this.directoryOf(name), searchParams.get('tty') === 'true', { ...channels, stdin });
  }
}

/** The streams that a client of exec opens one by one, once all are there. */
function gatherChannels(socket: Duplex, { searchParams }: URL, run: (channels: Channels) => void): void {
  const asked = ['stdin', 'stdout', 'stderr'].filter((name) => searchParams.get(name) === 'true');
  const wanted = new Set(['error', ...asked, ...(searchParams.get('tty') === 'true' ? ['resize'] : [])]);
  const streams = new Map<string, SpdyStream>();
  const connection = new SpdyConnection(socket, (stream) => {
    streams.set(stream.headers.get('streamtype') ?? '', stream);
    if (![...wanted].every((name) => streams.has(name))) return;
    wanted.add('begun');
    const status = (text: object): void => {
      streams.get('stdout')?.end();
      streams.get('stderr')?.end();
      streams.get('error')?.end(JSON.stringify(text), () => connection.end());
    };
    const said = streams.get('stdin');
    const stdin = said?.pipe(new PassThrough());
    said?.once('close', () => stdin?.end());
    run({ stdin, stdout: streams.get('stdout'), stderr: streams.get('stderr'), resize: streams.get('resize'), status });
  });
}

function at(plural: string, namespace?: string): Place {
  const kind = KINDS.find((each) => each.plural === plural);
  if (!kind) throw new Error(`The cluster keeps no ${plural}`);
  return { kind, namespace, name: undefined, part: undefined };
}

function answer(response: ServerResponse, status: number, body: unknown, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
}

function fail(response: ServerResponse, code: number, reason: string, message: string): void {
  answer(response, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });
}
