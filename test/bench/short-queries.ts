import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { median, Stack, table, type Way } from './stack.ts';

/**
 * How many short queries pass, as a share of what the peers let pass in the same run? pgbench -S, at 1, 8 and 32 clients.
 * Everything is up at once and takes turns, several rounds; medians are printed, because a machine is never quiet.
 */
export interface ShortQueriesOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: readonly number[];
  readonly scale: number;
}

export interface Measured {
  readonly tps: number;
  readonly p50_ms: number;
}

export async function shortQueries(options: ShortQueriesOptions, say: (line: string) => void): Promise<void> {
  await using stack = await Stack.start();
  await stack.fill(options.scale);
  const ways = [
    stack.direct,
    await stack.pgbouncer(),
    await stack.ssh(),
    await stack.through('standalone'),
    await stack.through('gateway + agent'),
  ];
  for (const clients of options.clients) {
    const measured = new Map<string, Measured[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round < options.rounds; round++) {
      for (const way of ways) measured.get(way.name)?.push(await pgbench(way, clients, options.seconds));
    }
    say(`\n${clients} ${clients === 1 ? 'client' : 'clients'}\n`);
    say(report(ways, measured));
  }
}

function report(ways: readonly Way[], measured: ReadonlyMap<string, readonly Measured[]>): string {
  const of = (name: string, field: keyof Measured): number => median((measured.get(name) ?? []).map((each) => each[field]));
  /** Round by round, because a round's ways were measured at about the same time. */
  const share = (name: string, peer: string): string => {
    const peers = measured.get(peer) ?? [];
    return median((measured.get(name) ?? []).map(({ tps }, round) => tps / (peers[round]?.tps ?? Number.NaN))).toFixed(2);
  };
  const rows = ways.map(({ name }) => [
    name,
    Math.round(of(name, 'tps')),
    share(name, 'direct'),
    share(name, 'pgbouncer'),
    share(name, 'ssh -L'),
    of(name, 'p50_ms').toFixed(3),
    (of(name, 'p50_ms') - of('direct', 'p50_ms')).toFixed(3),
  ]);
  return table(['way', 'queries/s', 'of direct', 'of pgbouncer', 'of ssh -L', 'p50 ms', 'added p50 ms'], rows);
}

/** pgbench's short SELECTs on one way. */
export async function pgbench(way: Way, clients: number, seconds: number): Promise<Measured> {
  const directory = temporaryDirectory('pgbench');
  const where = ['-h', '127.0.0.1', '-p', String(way.port), '-U', way.user, way.database];
  const what = ['-n', '-S', '-T', String(seconds), '-c', String(clients), '-j', '1', '--log', '--sampling-rate=0.2'];
  const env = { PGPASSWORD: way.password, PGSSLMODE: 'disable' };
  const { exitCode, stdout, stderr } = await runProgram('pgbench', [...what, ...where], { env, cwd: directory });
  const tps = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  if (exitCode !== 0 || !(tps > 0)) throw new Error(`pgbench through ${way.name} failed: ${stderr}`);
  const latencies_us = readdirSync(directory).flatMap((file) =>
    readFileSync(join(directory, file), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Number(line.split(' ')[2])),
  );
  rmSync(directory, { recursive: true, force: true });
  return { tps, p50_ms: median(latencies_us) / 1000 };
}
