import type http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Change, Cluster, merged, type Place, placeOf, tableOf } from './cluster.ts';
import { discover, KINDS } from './discovery.ts';
import { listen, type OwnServer } from './own-server.ts';
import { Pods } from './pods.ts';
import { forwardPorts } from './port-forward.ts';
import type { Channels } from './remote-command.ts';
import { acceptSpdy, gatherChannels, SPDY, type Wanted } from './spdy-channels.ts';
import type { TestCluster } from './test-cluster.ts';
import { acceptWebSocket, channelsOf, TUNNEL, tunnelled } from './websocket.ts';

/** A request as it arrived. */
export interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  /** `websocket` or `SPDY/3.1`. */
  readonly upgrade: string | undefined;
}

/** The API server of a small cluster. */
export class FakeKubernetes implements TestCluster {
  readonly token = 'cluster-token';
  readonly cluster = new Cluster();
  readonly pods = new Pods();
  readonly heard: Heard[] = [];
  readonly url: string;
  /** The certificate of the server, which is its own authority. */
  readonly ca: string;
  /** Off: as servers of before 1.30, which know SPDY only. */
  websockets = true;
  readonly #server: OwnServer;

  private constructor(own: OwnServer) {
    this.#server = own;
    this.ca = own.cert;
    this.url = `https://127.0.0.1:${own.port}`;
    own.server.on('request', (request, response) => void this.#serve(request, response));
    own.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    this.cluster.put(at('namespaces'), { metadata: { name: 'default' }, status: { phase: 'Active' } });
  }

  static async start(): Promise<FakeKubernetes> {
    return new FakeKubernetes(await listen('cluster'));
  }

  /** The secrets of a connection to it. */
  settings(): Record<string, string> {
    return { KUBERNETES_CLUSTER_URL: this.url, KUBERNETES_BEARER_TOKEN: this.token, KUBERNETES_CA: this.ca };
  }

  async addPod(name: string, more: object = {}): Promise<void> {
    const containers = [{ name: 'main', image: 'registry.example/web:1' }];
    const status = { phase: 'Running', containerStatuses: [{ name: 'main', ready: true, restartCount: 0, state: { running: {} } }] };
    this.cluster.put(at('pods', 'default'), { metadata: { name, ...more }, spec: { containers, nodeName: 'node-1' }, status });
  }

  /** Who watches pods. */
  async watchers(): Promise<number> {
    return this.cluster.watchers;
  }

  async close(): Promise<void> {
    this.#server.close();
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
    if (place.part === 'log') this.pods.tellLog(place.name ?? '', url.searchParams.get('follow') === 'true', response);
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

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined);
    const url = this.#admit(request);
    const place = url && placeOf(url.pathname);
    const spdy = request.headers.upgrade === SPDY;
    if (!url || !place || !this.cluster.find(place) || !(spdy || this.websockets)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const forwards = place.part === 'portforward';
    const run = (channels: Channels): void => this.#run(place, url, channels);
    if (spdy) {
      acceptSpdy(request, socket, head);
      if (forwards) forwardPorts(socket);
      else gatherChannels(socket, wantedOf(url), run);
    } else {
      acceptWebSocket(request, socket, head, (webSocket) => {
        if (webSocket.protocol === TUNNEL) forwardPorts(tunnelled(webSocket));
        else run(channelsOf(webSocket));
      });
    }
  }

  #run({ name = '', part }: Place, { searchParams }: URL, channels: Channels): void {
    const { stdin, tty } = wantedOf({ searchParams });
    const command = part === 'attach' ? undefined : searchParams.getAll('command');
    this.pods.run(name, command, tty, { ...channels, stdin: stdin ? channels.stdin : undefined });
  }
}

function wantedOf({ searchParams }: Pick<URL, 'searchParams'>): Wanted {
  const asked = (name: string): boolean => searchParams.get(name) === 'true';
  return { stdin: asked('stdin'), stdout: asked('stdout'), stderr: asked('stderr'), tty: asked('tty') };
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
