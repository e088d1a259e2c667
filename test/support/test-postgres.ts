import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serverCertificate } from '@hoop/gateway/certificate';
import { loadConfig } from '@hoop/gateway/config';
import pg from 'pg';
import { choosePorts } from '../../tools/demo/ports.ts';
import { serverAccount } from '../../tools/postgres/account.ts';
import { findBinaries } from '../../tools/postgres/binaries.ts';
import { atExit } from './at-exit.ts';
import { endProcess } from './end-process.ts';
import { plainEnv } from './env.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** How each user logs in: the server asks each in its own way. */
export const USERS = {
  /** SCRAM-SHA-256, with or without TLS. */
  app: { user: 'app', password: 'Straße 7 — pässword' },
  md5: { user: 'old_md5', password: 'md5 secret' },
  cleartext: { user: 'old_plain', password: 'plain secret' },
  tlsOnly: { user: 'tls_only', password: 'tls secret' },
  plainOnly: { user: 'plain_only', password: 'no tls secret' },
  /** No password at all: for conversations byte by byte, where a login would differ each time. */
  trusted: { user: 'trusted', password: '' },
} as const;

const HBA = `
host    all  old_md5    127.0.0.1/32 md5
host    all  old_plain  127.0.0.1/32 password
hostssl all  tls_only   127.0.0.1/32 scram-sha-256
hostnossl all tls_only  127.0.0.1/32 reject
hostnossl all plain_only 127.0.0.1/32 scram-sha-256
hostssl all  plain_only 127.0.0.1/32 reject
host    all  trusted    127.0.0.1/32 trust
host    all  all        127.0.0.1/32 scram-sha-256
`;

const ADMIN_PASSWORD = 'admin of the tests';

/** A real PostgreSQL server with TLS and SCRAM, thrown away when the test's process ends. */
export class TestPostgres {
  readonly port: number;
  /** PEM of the authority that signed the server's certificate; it vouches for localhost and 127.0.0.1. */
  readonly ca: string;
  readonly #bin: string;
  readonly #directory: string;
  #server: ChildProcess;
  #databases = 0;

  private constructor(bin: string, directory: string, port: number, ca: string) {
    this.#bin = bin;
    this.#directory = directory;
    this.port = port;
    this.ca = ca;
    this.#server = this.#spawn();
    atExit(() => {
      this.#server.kill('SIGQUIT');
      rmSync(directory, { recursive: true, force: true });
    });
  }

  static async start(): Promise<TestPostgres> {
    const directory = temporaryDirectory('postgres');
    const binaries = findBinaries({ root: ROOT, engines: join(directory, 'engines'), choice: 'any' });
    if (!binaries) throw new Error('There is no PostgreSQL server here; install the package postgresql');
    const account = serverAccount();
    const own = (path: string): void => {
      if (account) chownSync(path, account.uid, account.gid);
    };
    const write = (name: string, text: string): void => {
      const path = join(directory, name);
      writeFileSync(path, text, { mode: 0o600 });
      own(path);
    };
    own(directory);
    chmodSync(directory, 0o700);
    const certificate = await makeCertificate();
    write('server.pem', certificate.cert);
    write('server.key', certificate.key);
    write('password', ADMIN_PASSWORD);
    const data = join(directory, 'data');
    const args = ['-D', data, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${join(directory, 'password')}`];
    execFileSync(join(binaries.bin, 'initdb'), [...args, '--encoding=UTF8', '--locale=C', '--no-sync'], {
      cwd: directory,
      env: plainEnv({ LC_ALL: 'C' }),
      stdio: 'pipe',
      ...account,
    });
    writeFileSync(join(data, 'pg_hba.conf'), HBA);
    const { server } = await choosePorts({ server: [] });
    const postgres = new TestPostgres(binaries.bin, directory, server.port, certificate.ca);
    await postgres.#ready();
    await postgres.#makeUsers();
    return postgres;
  }

  /** A client of the superuser, past the system under test. The caller ends it. */
  async admin(database = 'postgres'): Promise<pg.Client> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: 'postgres', password: ADMIN_PASSWORD, database });
    // A server that is stopped in a test must not end the test's process.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Runs SQL as the superuser, past the system under test. */
  async sql(text: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
    const client = await this.admin(database);
    try {
      const result = await client.query(text);
      return result.rows;
    } finally {
      await client.end();
    }
  }

  /** A new database that the users of the tests own together. */
  async database(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.sql(`create database ${name} owner app`);
    await this.sql('grant all on schema public to public', name);
    return name;
  }

  /** What a connection needs to reach a database here. */
  settings(database: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const { user, password } = USERS.app;
    return { HOST: '127.0.0.1', PORT: String(this.port), USER: user, PASS: password, DB: database, SSLMODE: 'disable', ...more };
  }

  /** Ends the server with whoever is connected. */
  async stop(): Promise<void> {
    await endProcess(this.#server, 'SIGINT');
  }

  /** The same server again, on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    this.#server = this.#spawn();
    await this.#ready();
  }

  get log(): string {
    return readFileSync(join(this.#directory, 'log'), 'utf8');
  }

  #spawn(): ChildProcess {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      fsync: 'off',
      max_connections: '200',
      ssl: 'on',
      ssl_cert_file: join(this.#directory, 'server.pem'),
      ssl_key_file: join(this.#directory, 'server.key'),
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(join(this.#bin, 'postgres'), ['-D', join(this.#directory, 'data'), ...flags], {
      cwd: this.#directory,
      env: plainEnv({ LC_ALL: 'C' }),
      stdio: ['ignore', 'ignore', 'pipe'],
      ...serverAccount(),
    });
    const log = join(this.#directory, 'log');
    server.stderr.on('data', (text: Buffer) => appendFileSync(log, text));
    return server;
  }

  async #ready(): Promise<void> {
    await until(
      'the PostgreSQL server takes connections',
      async () => {
        if (this.#server.exitCode !== null) throw new Error(`PostgreSQL ended with ${this.#server.exitCode}: ${this.log}`);
        return this.sql('select 1').catch(() => undefined);
      },
      60_000,
    );
  }

  async #makeUsers(): Promise<void> {
    const create = ({ user, password }: { user: string; password: string }): string =>
      `create role ${user} login ${password ? `password '${password}'` : ''}`;
    const { md5, ...others } = USERS;
    await this.sql(`set password_encryption = 'md5'; ${create(md5)}`);
    await this.sql(Object.values(others).map(create).join('; '));
  }
}

async function makeCertificate(): Promise<{ cert: string; key: string; ca: string }> {
  const home = temporaryDirectory('certificate');
  const { cert, key, ca } = await serverCertificate(loadConfig({ values: { HOOP_HOME: home }, others: [], isTerminal: false }));
  return { cert, key: key.reveal(), ca: ca ?? cert };
}
