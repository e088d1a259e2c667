import { agentStorm } from './agent-storm.ts';
import { bulkResult } from './bulk-result.ts';
import { httpBench } from './http.ts';
import { largeFiles } from './large-files/main.ts';
import { masking } from './masking.ts';
import { pointSelect } from './point-select.ts';
import { policyDecisions } from './policy.ts';
import { policyCost } from './policy-cost.ts';
import { shortQueries } from './short-queries.ts';
import { sshBulk } from './ssh-bulk.ts';
import { stalledReader } from './stalled-reader.ts';
import { tcpBench } from './tcp.ts';

/**
 * Runs the benchmarks in full: `node --conditions=hoop:source test/bench/main.ts [short|ssh|mysql|http|tcp|bulk|files|stalled|agents|policy|cost|masking]`.
 * The product runs from dist: build it first.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const BENCHMARKS: Readonly<Record<string, () => Promise<unknown>>> = {
  short: () => shortQueries({ seconds: 5, rounds: 5, clients: [1, 8, 32], scale: 10 }, say),
  mysql: () => pointSelect({ seconds: 5, rounds: 3, clients: [1, 8, 32], rows: 10_000 }, say),
  ssh: () => sshBulk({ megabytes: 500, rounds: 5 }, say),
  http: () => httpBench({ seconds: 5, rounds: 5, clients: [1, 8, 32], megabytes: 500 }, say),
  tcp: () => tcpBench({ megabytes: 500, rounds: 5 }, say),
  bulk: () => bulkResult({ megabytes: 200, rounds: 5 }, say),
  files: () => largeFiles({ megabytes: 1000 }, say),
  agents: () => agentStorm({ agents: 1_000 }, say),
  policy: () => policyDecisions({ decisions: 20_000 }, say),
  cost: () => policyCost({ seconds: 5, rounds: 5, clients: 8, scale: 10, megabytes: 200, dense_megabytes: 40 }, say),
  masking: async () => masking({ megabytes: 16, rounds: 5 }, say),
  stalled: () => stalledReader({ rows: 10_000_000, seconds: 20 }, say),
};

const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(BENCHMARKS)) {
  if (wanted.length === 0 || wanted.includes(name)) await run();
}
