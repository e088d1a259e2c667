import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { listen, type OwnServer } from './own-server.ts';
import type { Pods } from './pods.ts';
import { forwardPorts } from './port-forward.ts';
import { acceptSpdy, gatherChannels, SPDY } from './spdy-channels.ts';

/** What an API server asks of the node of a pod: `/exec/NAMESPACE/POD/CONTAINER` and the like. */
interface Asked {
  readonly what: string;
  readonly pod: string;
  readonly params: URLSearchParams;
}

/** The node that a real API server's pods run on: what it asks a kubelet for, without containers. */
export class Kubelet {
  readonly port: number;
  readonly #server: OwnServer;
  readonly #pods: Pods;

  private constructor(own: OwnServer, pods: Pods) {
    this.#server = own;
    this.#pods = pods;
    this.port = own.port;
    own.server.on('request', (request, response) => this.#serve(request, response));
    own.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
  }

  static async start(pods: Pods): Promise<Kubelet> {
    return new Kubelet(await listen('node'), pods);
  }

  close(): void {
    this.#server.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { what, pod, params } = asked(request);
    if (what === 'containerLogs') this.#pods.tellLog(pod, params.get('follow') === 'true', response);
    else response.writeHead(404).end();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined);
    const { what, pod, params } = asked(request);
    if (request.headers.upgrade !== SPDY) {
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    acceptSpdy(request, socket, head);
    if (what === 'portForward') {
      forwardPorts(socket);
      return;
    }
    const wants = (name: string): boolean => params.get(name) === '1';
    const [stdin, tty] = [wants('input'), wants('tty')];
    const command = what === 'attach' ? undefined : params.getAll('command');
    gatherChannels(socket, { stdin, stdout: wants('output'), stderr: wants('error'), tty }, (channels) =>
      this.#pods.run(pod, command, tty, channels),
    );
  }
}

function asked({ url = '/' }: IncomingMessage): Asked {
  const { pathname, searchParams } = new URL(url, 'https://node');
  const [, what = '', , pod = ''] = pathname.split('/');
  return { what, pod, params: searchParams };
}
