import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { routes } from '@hoop/contract/routes/all';
import { choosePorts } from '../../tools/demo/ports.ts';
import { serverAccount } from '../../tools/postgres/account.ts';
import { atExit } from '../support/at-exit.ts';
import { Office } from '../support/office.ts';
import { Program, runProgram } from '../support/program.ts';
import { nativeListen } from '../support/system.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { TestPostgres, USERS } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';

/** As a user starts it: what npm links, which finds its own Node.js. */
const HOOP = fileURLToPath(new URL('../../node_modules/.bin/hoop', import.meta.url));

/** A way to the same database. */
export interface Way {
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A way through us, with the processes that it goes through. */
export interface OurWay extends Way {
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

/** Everything that is compared, up at the same time: the server, the peers, and the product as real processes. */
export class Stack implements AsyncDisposable {
  readonly direct: Way;
  readonly #postgres: TestPostgres;
  readonly #programs: Program[] = [];

  private constructor(postgres: TestPostgres, database: string) {
    this.#postgres = postgres;
    atExit(() => {
      for (const program of this.#programs) program.child.kill('SIGKILL');
    });
    this.direct = { name: 'direct', port: postgres.port, user: USERS.trusted.user, password: 'none', database };
  }

  static async start(): Promise<Stack> {
    const postgres = await TestPostgres.start();
    return new Stack(postgres, await postgres.database());
  }

  /** The tables of pgbench; 100,000 accounts each unit of scale. */
  async fill(scale: number): Promise<void> {
    const { port, user, database } = this.direct;
    const args = ['-i', '-q', '-s', String(scale), '-h', '127.0.0.1', '-p', String(port), '-U', user, database];
    const { exitCode, stderr } = await runProgram('pgbench', args);
    if (exitCode !== 0) throw new Error(`pgbench could not fill the database: ${stderr}`);
  }

  /** A pool in C, one hop: the usual thing in front of PostgreSQL. */
  async pgbouncer(): Promise<Way> {
    const directory = temporaryDirectory('pgbouncer');
    const { pool } = await choosePorts({ pool: [] });
    const { database, port } = this.direct;
    const settings = [
      '[databases]',
      `${database} = host=127.0.0.1 port=${port} user=${USERS.trusted.user}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${pool.port}`,
      'unix_socket_dir =',
      'auth_type = any',
      'pool_mode = session',
      'default_pool_size = 100',
      'logfile = pgbouncer.log',
    ];
    const file = join(directory, 'pgbouncer.ini');
    writeFileSync(file, settings.join('\n'));
    const account = serverAccount();
    if (account) for (const path of [directory, file]) chownSync(path, account.uid, account.gid);
    this.#programs.push(new Program('pgbouncer', [file], { cwd: directory, ...account }));
    const way = { ...this.direct, name: 'pgbouncer', port: pool.port };
    await this.#answers(way);
    return way;
  }

  /** A plain tunnel in C, two hops: the least that a tunnel between two machines can cost. */
  async ssh(): Promise<Way> {
    const directory = temporaryDirectory('ssh');
    const path = (name: string): string => join(directory, name);
    for (const key of ['host', 'user']) await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path(key)]);
    const { server, tunnel } = await choosePorts({ server: [], tunnel: [] });
    const config = [
      `Port ${server.port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${path('host')}`,
      `AuthorizedKeysFile ${path('user.pub')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
    ];
    writeFileSync(path('sshd_config'), `${config.join('\n')}\n`);
    await runProgram('mkdir', ['-p', '/run/sshd']);
    this.#run('/usr/sbin/sshd', ['-D', '-e', '-f', path('sshd_config')]);
    const trust = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'ConnectionAttempts=20'];
    const forward = `127.0.0.1:${tunnel.port}:127.0.0.1:${this.direct.port}`;
    this.#run('ssh', ['-N', ...trust, '-i', path('user'), '-p', String(server.port), '-L', forward, `${userInfo().username}@127.0.0.1`]);
    const way = { ...this.direct, name: 'ssh -L', port: tunnel.port };
    await this.#answers(way);
    return way;
  }

  /** Gateway and agent as two processes with TLS between them, audit on. */
  async twoHops(): Promise<OurWay> {
    const started = await this.#gateway('gateway');
    const { token } = await started.office.api.call(routes.createAgent, { body: { name: 'bench' } });
    const agent = this.#run(HOOP, ['start', 'agent'], { HOOP_KEY: token, LOG_LEVEL: 'warn' });
    const way = await this.#way('gateway + agent', started.office, 'bench');
    return { ...way, processes: [started.process, { name: 'agent', pid: agent.child.pid ?? 0 }] };
  }

  /** Both in one process, as `hoop start standalone` runs them. */
  async oneHop(): Promise<OurWay> {
    const started = await this.#gateway('standalone');
    return { ...(await this.#way('standalone', started.office, 'local')), processes: [started.process] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.splice(0).reverse()) {
      program.child.kill('SIGKILL');
      await program.done;
    }
    await this.#postgres.stop();
  }

  async #gateway(part: 'gateway' | 'standalone'): Promise<{ office: Office; process: { name: string; pid: number } }> {
    const ports = await choosePorts({ api: [], tunnel: [], native: [] });
    const on = (name: 'api' | 'tunnel' | 'native'): string => `127.0.0.1:${ports[name].port}`;
    const env = {
      HOOP_HOME: join(temporaryDirectory('bench'), 'home'),
      API_LISTEN: on('api'),
      GRPC_LISTEN: on('tunnel'),
      GRPC_URL: `grpcs://${on('tunnel')}`,
      ...nativeListen('127.0.0.1:0'),
      POSTGRES_LISTEN: on('native'),
      LOG_LEVEL: 'warn',
    };
    const program = this.#run(HOOP, ['start', part], env);
    const url = `http://${on('api')}`;
    await until('the gateway is ready', () =>
      fetch(`${url}/api/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return { office: await Office.enter(url), process: { name: part, pid: program.child.pid ?? 0 } };
  }

  async #way(name: string, office: Office, agent: string): Promise<Way> {
    const { id } = await office.api.call(routes.getAgent, { params: { nameOrID: agent } });
    const { database, port, user } = this.direct;
    await office.connection('bench', id, { HOST: '127.0.0.1', PORT: String(port), USER: user, DB: database, SSLMODE: 'disable' });
    const access = await office.credential('bench');
    const way = { name, port: access.port, user: 'bench', password: access.secret, database };
    await this.#answers(way);
    return way;
  }

  #run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const program = new Program(command, args, { env });
    this.#programs.push(program);
    return program;
  }

  #answers(way: Way): Promise<unknown> {
    return until(`${way.name} answers`, async () => (await psql(way, ['-c', 'select 1'])).exitCode === 0, 30_000);
  }
}

/** Runs psql on a way, without TLS on the client's side: what is compared is what stands in between. */
export function psql(way: Way, args: readonly string[]): ReturnType<typeof runProgram> {
  const env = { PGPASSWORD: way.password, PGSSLMODE: 'disable', PGCONNECT_TIMEOUT: '5' };
  return runProgram('psql', ['-X', '-h', '127.0.0.1', '-p', String(way.port), '-U', way.user, '-d', way.database, ...args], { env });
}

/** Resident memory of a process, in MiB. */
export function residentMiB(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(match?.[1] ?? 0) / 1024);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
