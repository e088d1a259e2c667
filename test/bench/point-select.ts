import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { choosePorts } from '../../tools/demo/ports.ts';
import { USERS } from '../support/mysql-server.ts';
import type { Kind } from '../support/office.ts';
import { Program, runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { startMariadb } from '../support/test-mariadb.ts';
import { until } from '../support/until.ts';
import { Product, SHAPES } from './product.ts';
import { median, table } from './stack.ts';

/** How many MySQL queries pass, as a share of direct and of a TCP proxy in C? sysbench's point selects, one row each by its key. */
export interface PointSelectOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: readonly number[];
  readonly rows: number;
}

const MYSQL: Kind = { type: 'database', subtype: 'mysql' };

interface Way {
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export async function pointSelect(options: PointSelectOptions, say: (line: string) => void): Promise<void> {
  const mariadb = await startMariadb();
  const running: AsyncDisposable[] = [{ [Symbol.asyncDispose]: () => mariadb.stop() }];
  try {
    const direct = { name: 'direct', port: mariadb.port, ...USERS.trusted, database: await mariadb.database() };
    await sysbench(direct, ['prepare'], options);
    const proxied = await haproxy(mariadb.port);
    running.push(proxied);
    const ways: Way[] = [direct, { ...direct, name: 'haproxy', port: proxied.port }];
    for (const shape of SHAPES) {
      const product = await Product.start(shape);
      running.push(product);
      const settings = mariadb.settings(direct.database, { USER: USERS.trusted.user, PASS: '' });
      await product.office.connection('bench', product.agentId, settings, {}, MYSQL);
      const { port, secret } = await product.office.credential('bench');
      ways.push({ name: shape, port, user: 'bench', password: secret, database: direct.database });
    }
    for (const clients of options.clients) await compare(ways, clients, options, say);
  } finally {
    for (const each of running.reverse()) await each[Symbol.asyncDispose]();
  }
}

async function compare(ways: readonly Way[], clients: number, options: PointSelectOptions, say: (line: string) => void): Promise<void> {
  const measured = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const way of ways) measured.get(way.name)?.push(await queriesPerSecond(way, clients, options));
  }
  const share = (name: string, peer: string): string =>
    median((measured.get(name) ?? []).map((qps, round) => qps / (measured.get(peer)?.[round] ?? Number.NaN))).toFixed(2);
  const rows = ways.map(({ name }) => [name, Math.round(median(measured.get(name) ?? [])), share(name, 'direct'), share(name, 'haproxy')]);
  say(`\nMySQL point selects, ${clients} ${clients === 1 ? 'client' : 'clients'}\n`);
  say(table(['way', 'queries/s', 'of direct', 'of haproxy'], rows));
}

async function queriesPerSecond(way: Way, clients: number, options: PointSelectOptions): Promise<number> {
  const args = [`--threads=${clients}`, `--time=${options.seconds}`, '--db-ps-mode=disable', '--skip-trx=on', 'run'];
  const said = await sysbench(way, args, options);
  const qps = Number(/queries:\s+\d+\s+\(([\d.]+) per sec/.exec(said)?.[1]);
  if (!(qps > 0)) throw new Error(`sysbench through ${way.name} said: ${said}`);
  return qps;
}

async function sysbench(way: Way, args: readonly string[], { rows }: PointSelectOptions): Promise<string> {
  const where = [
    '--mysql-host=127.0.0.1',
    `--mysql-port=${way.port}`,
    `--mysql-user=${way.user}`,
    `--mysql-password=${way.password}`,
    `--mysql-db=${way.database}`,
    `--table-size=${rows}`,
  ];
  const { exitCode, stdout, stderr } = await runProgram('sysbench', ['oltp_point_select', ...where, ...args]);
  if (exitCode !== 0) throw new Error(`sysbench through ${way.name} failed: ${stdout}${stderr}`);
  return stdout;
}

/** A proxy in C that passes bytes on, one hop. */
async function haproxy(target: number): Promise<AsyncDisposable & { readonly port: number }> {
  const { front } = await choosePorts({ front: [] });
  const file = join(temporaryDirectory('haproxy'), 'haproxy.cfg');
  const lines = [
    'defaults',
    '  mode tcp',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
    'listen mysql',
    `  bind 127.0.0.1:${front.port}`,
    `  server target 127.0.0.1:${target}`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const program = new Program('haproxy', ['-db', '-f', file]);
  const ping = ['-h', '127.0.0.1', '-P', String(front.port), '-u', USERS.trusted.user, '-e', 'select 1'];
  await until('haproxy answers', async () => (await runProgram('mariadb', ping)).exitCode === 0);
  return {
    port: front.port,
    [Symbol.asyncDispose]: async () => {
      program.child.kill('SIGKILL');
      await program.done;
    },
  };
}
