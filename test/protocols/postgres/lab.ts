import net from 'node:net';
import type { SessionAction } from '@hoop/contract/routes/sessions';
import type { Access, Policy } from '../../support/office.ts';
import { System, type SystemOptions } from '../../support/system.ts';
import { TestPostgres, USERS } from '../../support/test-postgres.ts';
import { until } from '../../support/until.ts';
import { type Encryption, type LoginOptions, WireClient } from './wire-client.ts';

/** A server, a system in front of it, and our own client for both. */
export class Lab {
  readonly postgres: TestPostgres;
  readonly system: System;
  readonly #clients = new Set<WireClient>();

  private constructor(postgres: TestPostgres, system: System) {
    this.postgres = postgres;
    this.system = system;
  }

  static async start(agent: SystemOptions['agent'] = 'tunnel', postgres?: TestPostgres): Promise<Lab> {
    return new Lab(postgres ?? (await TestPostgres.start()), await System.start({ agent }));
  }

  /** A connection to a database, as the user that needs no password there. */
  access(database: string, policy?: Policy, more: Readonly<Record<string, string>> = {}): Promise<Access> {
    return this.system.access(this.postgres.settings(database, { USER: USERS.trusted.user, ...more }), policy);
  }

  /** A session past the system. */
  async direct(database: string, more: Partial<LoginOptions> = {}): Promise<WireClient> {
    const client = await WireClient.connect({ host: '127.0.0.1', port: this.postgres.port });
    this.#clients.add(client);
    await client.login({ ...USERS.trusted, database, ...more });
    return client;
  }

  /** A session through the system. */
  async through(access: Access, more: Partial<LoginOptions> = {}, encryption: Encryption = 'none'): Promise<WireClient> {
    const client = await this.connect(access, encryption);
    await client.login({ user: access.connection, password: access.secret, ...more });
    return client;
  }

  /** A connection to the gateway that has said nothing yet. */
  async connect({ host, port }: { host: string; port: number }, encryption: Encryption = 'none'): Promise<WireClient> {
    const client = await WireClient.connect({ host, port, encryption });
    this.#clients.add(client);
    return client;
  }

  /** What the newest session on a connection did, once this many actions are there and all that were let through have ended. */
  actions(access: Access, count: number): Promise<SessionAction[]> {
    return until(`${count} settled actions on ${access.connection}`, async () => {
      const session = (await this.system.office.sessions(access.connection)).at(-1);
      const actions = session ? await this.system.office.actions(session.id) : [];
      return actions.length >= count && actions.every(({ verdict, outcome }) => verdict === 'deny' || outcome) && actions;
    });
  }

  /** Ends what a test left open. */
  tidyUp(): void {
    for (const client of this.#clients) client.destroy();
    this.#clients.clear();
  }

  async close(): Promise<void> {
    this.tidyUp();
    await this.system.close();
    await this.postgres.stop();
  }
}

/** Stands in front of a server and passes on what that says, in pieces of a size of our choice. */
export class PieceProxy {
  readonly port: number;
  readonly #server: net.Server;

  private constructor(server: net.Server) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
  }

  static async start(target_port: number, piece_bytes: number): Promise<PieceProxy> {
    const server = net.createServer({ noDelay: true }, (near) => {
      const far = net.connect({ port: target_port, host: '127.0.0.1', noDelay: true });
      near.pipe(far);
      far.on('data', (chunk) => {
        far.pause();
        void sendInPieces(near, chunk, piece_bytes).then(() => far.resume());
      });
      far.on('end', () => near.end());
      for (const socket of [near, far])
        socket.on('error', () => {
          near.destroy();
          far.destroy();
        });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PieceProxy(server);
  }

  close(): void {
    this.#server.close();
  }
}

/** Writes piece by piece, each in a turn of its own, so that the other side reads them one by one. */
export async function sendInPieces(socket: net.Socket, bytes: Buffer, piece_bytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += piece_bytes) {
    socket.write(bytes.subarray(at, at + piece_bytes));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
