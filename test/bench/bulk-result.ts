import { spawn } from 'node:child_process';
import { plainEnv } from '../support/env.ts';
import { median, Stack, table, type Way } from './stack.ts';

/** How long does a large result take, as a share of direct? psql reads it as people do, and as COPY. */
export interface BulkResultOptions {
  readonly megabytes: number;
  readonly rounds: number;
}

/** A row of about 140 bytes. */
export const ROW = "i, md5(i::text), repeat('payload-', 12)";
export const ROW_BYTES = 137;

export async function bulkResult(options: BulkResultOptions, say: (line: string) => void): Promise<void> {
  await using stack = await Stack.start();
  const ways = [
    stack.direct,
    await stack.pgbouncer(),
    await stack.ssh(),
    await stack.through('standalone'),
    await stack.through('gateway + agent'),
  ];
  const rows = Math.ceil((options.megabytes * 1e6) / ROW_BYTES);
  const select = `select ${ROW} from generate_series(1, ${rows}) i`;
  const questions = { 'select in psql': select, 'copy to stdout': `copy (${select}) to stdout` };
  for (const [name, question] of Object.entries(questions)) {
    const seconds = new Map<string, number[]>(ways.map((way) => [way.name, []]));
    let bytes = 0;
    for (let round = 0; round < options.rounds; round++) {
      for (const way of ways) {
        const began = performance.now();
        bytes = await outputBytes(way, question);
        seconds.get(way.name)?.push((performance.now() - began) / 1000);
      }
    }
    const share = (way: string): string => {
      const direct = seconds.get('direct') ?? [];
      return median((seconds.get(way) ?? []).map((took, round) => (direct[round] ?? Number.NaN) / took)).toFixed(2);
    };
    say(`\n${name}, ${Math.round(bytes / 1e6)} MB\n`);
    const lines = ways.map((way) => [way.name, (bytes / 1e6 / median(seconds.get(way.name) ?? [])).toFixed(0), share(way.name)]);
    say(table(['way', 'MB/s', 'of direct'], lines));
  }
}

/** Runs psql and counts what it prints. */
export function outputBytes(way: Way, question: string): Promise<number> {
  const args = ['-X', '-At', '-h', '127.0.0.1', '-p', String(way.port), '-U', way.user, '-d', way.database, '-c', question];
  const env = plainEnv({ PGPASSWORD: way.password, PGSSLMODE: 'disable' });
  const child = spawn('psql', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(bytes) : reject(new Error(`psql through ${way.name} ended with ${code}`))));
  });
}
