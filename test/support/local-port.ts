import { once } from 'node:events';
import net from 'node:net';
import { asAppError } from '@hoop/core/errors';
import { SocketWire, type Wire } from '@hoop/core/wire';
import type { TunnelClient } from '@hoop/tunnel/client';
import { StreamWire } from '@hoop/tunnel/stream-wire';

/** What `hoop connect` does: a local port whose clients go through the tunnel with the user's token, and need no secret. */
export class LocalPort {
  readonly port: number;
  readonly failures: string[] = [];
  readonly #server: net.Server;

  private constructor(server: net.Server) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
  }

  static async open(tunnel: TunnelClient, connection: string, token: string): Promise<LocalPort> {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const local = new LocalPort(server);
    server.on('connection', (socket) => {
      const near = new SocketWire(socket);
      tunnel.openConnection(connection, token).then(
        (stream) => {
          const far = new StreamWire(stream, 'gateway');
          local.#join(near, far);
          local.#join(far, near);
        },
        (error) => {
          local.failures.push(asAppError(error).message);
          near.destroy();
        },
      );
    });
    return local;
  }

  #join(from: Wire, to: Wire): void {
    from
      .pump((chunk) => to.write(chunk))
      .then(
        () => to.end(),
        (error) => {
          this.failures.push(asAppError(error).message);
          to.end();
        },
      );
  }

  close(): void {
    this.#server.close();
  }
}
