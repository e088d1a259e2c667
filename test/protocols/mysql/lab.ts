import type { SessionAction } from '@hoop/contract/routes/sessions';
import { type MysqlServer, USERS } from '../../support/mysql-server.ts';
import type { Access, Policy } from '../../support/office.ts';
import { System, type SystemOptions } from '../../support/system.ts';
import { startMariadb } from '../../support/test-mariadb.ts';
import { until } from '../../support/until.ts';
import { type LoginOptions, WireClient } from './wire-client.ts';

const KIND = { type: 'database', subtype: 'mysql' } as const;

/** A server, a system in front of it, and our own client for both. */
export class Lab {
  /** MariaDB, or the server that the lab was made with. */
  readonly mariadb: MysqlServer;
  readonly system: System;
  readonly #clients = new Set<WireClient>();

  private constructor(mariadb: MysqlServer, system: System) {
    this.mariadb = mariadb;
    this.system = system;
  }

  static async start(agent: SystemOptions['agent'] = 'tunnel', mariadb?: MysqlServer): Promise<Lab> {
    return new Lab(mariadb ?? (await startMariadb()), await System.start({ agent }));
  }

  /** A connection to a database, as the user that needs no password there. */
  access(database: string, policy?: Policy, more: Readonly<Record<string, string>> = {}): Promise<Access> {
    const settings = this.mariadb.settings(database, { USER: USERS.trusted.user, PASS: '', ...more });
    return this.system.access(settings, policy, KIND);
  }

  /** A session past the system. */
  async direct(database: string, more: Partial<LoginOptions> = {}): Promise<WireClient> {
    const client = await this.connect({ host: '127.0.0.1', port: this.mariadb.port });
    await client.login({ ...USERS.trusted, database, ...more });
    return client;
  }

  /** A session through the system. */
  async through(access: Access, more: Partial<LoginOptions> = {}): Promise<WireClient> {
    const client = await this.connect(access);
    await client.login({ user: access.connection, password: access.secret, ...more });
    return client;
  }

  /** A connection that has said nothing yet. */
  async connect(place: { readonly host: string; readonly port: number }): Promise<WireClient> {
    const client = await WireClient.connect(place);
    this.#clients.add(client);
    return client;
  }

  /** What sessions on a connection did, once this many actions are there and all that were let through have ended. */
  actions(access: Access, count: number): Promise<SessionAction[]> {
    return until(`${count} settled actions on ${access.connection}`, async () => {
      const sessions = await this.system.office.sessions(access.connection);
      const actions = (await Promise.all(sessions.map(({ id }) => this.system.office.actions(id)))).flat();
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
    await this.mariadb.stop();
  }
}
