import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { routes } from '@hoop/contract/routes/all';
import { maskableEntities } from '@hoop/policy/masks';
import { PACKS } from '@hoop/policy/packs/all';
import { choosePorts } from '../../tools/demo/ports.ts';
import { serverAccount } from '../../tools/postgres/account.ts';
import { atExit } from '../support/at-exit.ts';
import type { Office } from '../support/office.ts';
import { Program, runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { TestPostgres, USERS } from '../support/test-postgres.ts';
import { until } from '../support/until.ts';
import { Product, type Shape } from './product.ts';

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
  readonly office: Office;
  readonly agentId: string;
}

/** Everything that is compared, up at the same time: the server, the peers, and the product as real processes. */
export class Stack implements AsyncDisposable {
  readonly direct: Way;
  readonly #postgres: TestPostgres;
  readonly #programs: Program[] = [];
  readonly #products: Product[] = [];

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

  /** Through the product, audit on. */
  async through(shape: Shape): Promise<OurWay> {
    const product = await Product.start(shape);
    this.#products.push(product);
    const { database, port, user } = this.direct;
    const { office } = product;
    await office.connection('bench', product.agentId, {
      HOST: '127.0.0.1',
      PORT: String(port),
      USER: user,
      DB: database,
      SSLMODE: 'disable',
    });
    const access = await office.credential('bench');
    const way = { name: shape, port: access.port, user: 'bench', password: access.secret, database };
    await this.#answers(way);
    return { ...way, processes: product.processes, office, agentId: product.agentId };
  }

  /** The same, on a connection of its own with every pack of rules for PostgreSQL, and with every entity masked. */
  async guarded(way: OurWay): Promise<Way> {
    const { office, agentId } = way;
    const { database, port, user } = this.direct;
    const secrets = { HOST: '127.0.0.1', PORT: String(port), USER: user, DB: database, SSLMODE: 'disable' };
    const id = await office.connection('guarded', agentId, secrets);
    for (const { id: name, rules } of PACKS.filter(({ fits }) => fits === 'postgres')) {
      const body = { name, input: { rules: JSON.parse(JSON.stringify(rules)) }, connection_ids: [id] };
      await office.api.call(routes.createGuardrail, { body });
    }
    const supported_entity_types = [{ name: 'all', entity_types: [...maskableEntities()] }];
    await office.api.call(routes.createMaskingRule, { body: { name: 'all', supported_entity_types, connection_ids: [id] } });
    const access = await office.credential('guarded');
    const guarded = { name: `${way.name}, policy`, port: access.port, user: 'guarded', password: access.secret, database };
    await this.#answers(guarded);
    return guarded;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const product of this.#products.splice(0)) await product[Symbol.asyncDispose]();
    for (const program of this.#programs.splice(0).reverse()) {
      program.child.kill('SIGKILL');
      await program.done;
    }
    await this.#postgres.stop();
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
