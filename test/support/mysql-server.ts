import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverCertificate } from '@hoop/gateway/certificate';
import { loadConfig } from '@hoop/gateway/config';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { choosePorts } from '../../tools/demo/ports.ts';
import type { Account } from '../../tools/postgres/account.ts';
import { atExit } from './at-exit.ts';
import { endProcess } from './end-process.ts';
import { plainEnv } from './env.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

/** A program that serves MySQL's protocol. */
export interface Engine {
  /** Fills an empty folder with what the server needs to start: a program and its arguments. */
  install(data: string): readonly [string, ...string[]];
  /** A program and its first arguments. */
  serve(): readonly [string, ...string[]];
  /** Options of this one alone. */
  readonly settings: Readonly<Record<string, string>>;
  /** Whom it runs as, where it cannot be ourselves. */
  readonly account?: Account | undefined;
}

/** How each user logs in. */
export const USERS = {
  app: { user: 'app', password: 'Straße 7 — pässword' },
  tlsOnly: { user: 'tls_only', password: 'tls secret' },
  /** No password at all: for conversations byte by byte, and for many sessions. */
  trusted: { user: 'trusted', password: '' },
} as const;

const ADMIN = { user: 'admin', password: 'admin of the tests' };

/** A real server with TLS, thrown away when the test's process ends. */
export class MysqlServer {
  readonly port: number;
  /** PEM of the authority that signed the server's certificate; it vouches for localhost and 127.0.0.1. */
  readonly ca: string;
  readonly #engine: Engine;
  readonly #directory: string;
  #server: ChildProcess;
  #databases = 0;

  private constructor(engine: Engine, directory: string, port: number, ca: string) {
    this.#engine = engine;
    this.#directory = directory;
    this.port = port;
    this.ca = ca;
    this.#server = this.#spawn();
    atExit(() => {
      this.#server.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    });
  }

  static async start(engine: Engine): Promise<MysqlServer> {
    const directory = temporaryDirectory('mysql-server');
    const { account } = engine;
    const own = (path: string): void => {
      if (account) chownSync(path, account.uid, account.gid);
    };
    chmodSync(directory, 0o700);
    own(directory);
    const certificate = await makeCertificate();
    for (const [name, text] of Object.entries({ 'server.pem': certificate.cert, 'server.key': certificate.key, 'init.sql': usersSql() })) {
      const path = join(directory, name);
      writeFileSync(path, text, { mode: 0o600 });
      own(path);
    }
    const data = join(directory, 'data');
    mkdirSync(data);
    own(data);
    const [program, ...args] = engine.install(data);
    execFileSync(program, args, { cwd: directory, env: plainEnv(), stdio: 'pipe', ...account });
    const { server } = await choosePorts({ server: [] });
    const started = new MysqlServer(engine, directory, server.port, certificate.ca);
    await started.#ready();
    return started;
  }

  /** A client of the superuser, past the system under test. The caller ends it. */
  admin(database?: string): Promise<Connection> {
    return createConnection({ host: '127.0.0.1', port: this.port, ...ADMIN, ...(database ? { database } : {}), multipleStatements: true });
  }

  /** Runs SQL as the superuser, past the system under test. */
  async sql(text: string, database?: string): Promise<RowDataPacket[]> {
    const client = await this.admin(database);
    try {
      const [rows] = await client.query<RowDataPacket[]>(text);
      return rows;
    } finally {
      await client.end();
    }
  }

  /** A new database that the users of the tests own together. */
  async database(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.sql(`create database ${name}`);
    return name;
  }

  /** What a connection needs to reach a database here. */
  settings(database: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { user, password } = USERS.app;
    return { HOST: '127.0.0.1', PORT: String(this.port), USER: user, PASS: password, DB: database, SSLMODE: 'disable', ...more };
  }

  /** Ends the server with whoever is connected. */
  async stop(): Promise<void> {
    await endProcess(this.#server, 'SIGKILL');
  }

  get log(): string {
    return readFileSync(join(this.#directory, 'log'), 'utf8');
  }

  #spawn(): ChildProcess {
    const inside = (name: string): string => join(this.#directory, name);
    const settings = {
      datadir: inside('data'),
      socket: inside('socket'),
      'pid-file': inside('pid'),
      'init-file': inside('init.sql'),
      'bind-address': '127.0.0.1',
      port: String(this.port),
      'ssl-cert': inside('server.pem'),
      'ssl-key': inside('server.key'),
      'max-connections': '300',
      // A thread that is used again goes on counting its prepared statements where the session before it stopped.
      'thread-cache-size': '0',
      'max-allowed-packet': '128M',
      'local-infile': 'ON',
      'innodb-buffer-pool-size': '32M',
      'innodb-flush-log-at-trx-commit': '0',
      'innodb-fast-shutdown': '2',
      'skip-name-resolve': 'ON',
      ...this.#engine.settings,
    };
    const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const [program, ...first] = this.#engine.serve();
    const server = spawn(program, [...first, ...flags], {
      cwd: this.#directory,
      env: plainEnv(),
      stdio: ['ignore', 'ignore', 'pipe'],
      ...this.#engine.account,
    });
    server.stderr.on('data', (text: Buffer) => appendFileSync(inside('log'), text));
    return server;
  }

  async #ready(): Promise<void> {
    await until(
      'the server takes connections',
      async () => {
        if (this.#server.exitCode !== null) throw new Error(`The server ended with ${this.#server.exitCode}: ${this.log}`);
        return this.sql('select 1').catch(() => undefined);
      },
      60_000,
    );
  }
}

/** Runs before the server listens; each statement on a line of its own. */
function usersSql(): string {
  const create = ({ user, password }: { user: string; password: string }): string =>
    `create user '${user}'@'%' identified by '${password}';\ngrant all on \`test\\_%\`.* to '${user}'@'%';\n`;
  return [
    ...[USERS.app, USERS.tlsOnly, USERS.trusted].map(create),
    `alter user '${USERS.tlsOnly.user}'@'%' require ssl;\n`,
    create(ADMIN),
    `grant all on *.* to '${ADMIN.user}'@'%' with grant option;\n`,
  ].join('');
}

async function makeCertificate(): Promise<{ cert: string; key: string; ca: string }> {
  const home = temporaryDirectory('certificate');
  const { cert, key, ca } = await serverCertificate(loadConfig({ values: { HOOP_HOME: home }, others: [], isTerminal: false }));
  return { cert, key: key.reveal(), ca: ca ?? cert };
}
