import { outputBytes, ROW, ROW_BYTES } from './bulk-result.ts';
import { pgbench } from './short-queries.ts';
import { median, Stack, table, type Way } from './stack.ts';

/**
 * What does policy cost? The same product, once without any rule, and once with every pack of rules for PostgreSQL and every entity masked:
 * short queries of pgbench, a large result without anything to hide, and one that is full of it.
 */
export interface PolicyCostOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: number;
  readonly scale: number;
  readonly megabytes: number;
  readonly dense_megabytes: number;
}

/** About 120 bytes, of which most has to be hidden. */
const DENSE_ROW =
  "'ada' || i || '@example.org', '4111 1111 1111 1111', '536-90-4399', 'DE89370400440532013000', 'Ada Lovelace', '10.1.2.' || i % 250";
const DENSE_ROW_BYTES = 100;

export async function policyCost(options: PolicyCostOptions, say: (line: string) => void): Promise<void> {
  await using stack = await Stack.start();
  await stack.fill(options.scale);
  const pairs: (readonly [Way, Way])[] = [];
  for (const shape of ['standalone', 'gateway + agent'] as const) {
    const way = await stack.through(shape);
    pairs.push([way, await stack.guarded(way)]);
  }
  const rowsOf = (megabytes: number, bytes: number): number => Math.ceil((megabytes * 1e6) / bytes);
  const clean = `select ${ROW} from generate_series(1, ${rowsOf(options.megabytes, ROW_BYTES)}) i`;
  const dense = `select ${DENSE_ROW} from generate_series(1, ${rowsOf(options.dense_megabytes, DENSE_ROW_BYTES)}) i`;
  const lines: (string | number)[][] = [];
  for (const [plain, guarded] of pairs) {
    const queries: number[][] = [[], []];
    const cleans: number[][] = [[], []];
    const denses: number[][] = [[], []];
    for (let round = 0; round < options.rounds; round++) {
      for (const [at, way] of [plain, guarded].entries()) {
        queries[at]?.push((await pgbench(way, options.clients, options.seconds)).tps);
        cleans[at]?.push(await rate(way, clean));
        denses[at]?.push(await rate(way, dense));
      }
    }
    for (const [at, way] of [plain, guarded].entries()) {
      const cells = [queries, cleans, denses].flatMap((all) => {
        const [without = [], own = []] = [all[0], all[at]];
        // Round by round, because a round's ways were measured at about the same time.
        const share = median(own.map((value, round) => value / (without[round] ?? Number.NaN)));
        return [median(own).toFixed(0), share.toFixed(2)];
      });
      lines.push([way.name, ...cells]);
    }
  }
  const of = 'of the same without';
  say(table(['way', 'queries/s', of, 'large result, MB/s', of, 'full of values, MB/s', of], lines));
}

/** Megabytes a second. */
async function rate(way: Way, question: string): Promise<number> {
  const began = performance.now();
  const bytes = await outputBytes(way, question);
  return bytes / 1e3 / (performance.now() - began);
}
