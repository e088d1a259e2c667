import { setTimeout as pause } from 'node:timers/promises';
import { residentMiB, Stack, table } from './stack.ts';
import { psqlLike } from './stalled-client.ts';

/** How much do gateway and agent hold while ten million rows wait for a client that does not read? */
export interface StalledReaderOptions {
  readonly rows: number;
  readonly seconds: number;
}

export interface Growth {
  readonly process: string;
  readonly before_MiB: number;
  readonly most_MiB: number;
}

export async function stalledReader(options: StalledReaderOptions, say: (line: string) => void): Promise<readonly Growth[]> {
  await using stack = await Stack.start();
  const way = await stack.through('gateway + agent');
  const before = way.processes.map(({ pid }) => residentMiB(pid));
  const client = await psqlLike(way, `select i, repeat('x', 100) from generate_series(1, ${options.rows}) i`);
  const most = [...before];
  const end = performance.now() + options.seconds * 1000;
  while (performance.now() < end) {
    await pause(100);
    way.processes.forEach(({ pid }, index) => {
      most[index] = Math.max(most[index] ?? 0, residentMiB(pid));
    });
  }
  client.destroy();
  const growth = way.processes.map(({ name }, index) => ({ process: name, before_MiB: before[index] ?? 0, most_MiB: most[index] ?? 0 }));
  say(`\n${options.rows} rows to a reader that stands still for ${options.seconds} s\n`);
  say(
    table(
      ['process', 'MiB before', 'MiB at most'],
      growth.map((each) => [each.process, each.before_MiB, each.most_MiB]),
    ),
  );
  return growth;
}
