import assert from 'node:assert/strict';
import { test } from 'node:test';
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

/** Benchmarks rot when nobody runs them: here each runs for a moment. What it measures is not judged, but for memory. */
function listen(): { say: (line: string) => void; said: () => string } {
  const lines: string[] = [];
  return { say: (line) => void lines.push(line), said: () => lines.join('\n') };
}

test('the benchmark of short queries compares every way', async () => {
  const { say, said } = listen();
  await shortQueries({ seconds: 1, rounds: 1, clients: [4], scale: 1 }, say);
  for (const way of ['direct', 'pgbouncer', 'ssh -L', 'standalone', 'gateway + agent'])
    assert.match(said(), new RegExp(`\\| ${way.replace('+', '\\+')} \\| \\d+`));
  assert.doesNotMatch(said(), /NaN/);
});

test('the benchmark of MySQL’s short queries compares every way', async () => {
  const { say, said } = listen();
  await pointSelect({ seconds: 1, rounds: 1, clients: [4], rows: 100 }, say);
  for (const way of ['direct', 'haproxy', 'standalone', 'gateway + agent'])
    assert.match(said(), new RegExp(`\\| ${way.replace('+', '\\+')} \\| \\d+`));
  assert.doesNotMatch(said(), /NaN/);
});

test('the benchmark of a large result compares every way', async () => {
  const { say, said } = listen();
  await bulkResult({ megabytes: 5, rounds: 1 }, say);
  assert.match(said(), /\| gateway \+ agent \| \d+ \| \d/);
  assert.doesNotMatch(said(), /NaN/);
});

test('the benchmark of HTTP compares every way, with short answers and large ones', async () => {
  const { say, said } = listen();
  await httpBench({ seconds: 1, rounds: 1, clients: [4], megabytes: 5 }, say);
  for (const way of ['direct', 'haproxy', 'standalone', 'gateway \\+ agent'])
    assert.equal(said().match(new RegExp(`\\| ${way} \\| \\d+`, 'g'))?.length, 3, said());
  assert.doesNotMatch(said(), /NaN/);
});

test('the benchmark of TCP compares every way', async () => {
  const { say, said } = listen();
  await tcpBench({ megabytes: 5, rounds: 1 }, say);
  assert.equal(said().match(/\| hoop connect \+ gateway \+ agent \| \d+/g)?.length, 2, said());
  assert.doesNotMatch(said(), /NaN/);
});

test('the benchmark of masking looks at clean and dense rows, and hides in the dense ones only', () => {
  const { say, said } = listen();
  const rates = masking({ megabytes: 0.2, rounds: 1 }, say);
  assert.deepEqual([...new Set(rates.map(({ rows }) => rows))], ['clean', 'dense', 'dense, all different']);
  for (const { mask_MBps } of rates) assert.ok(mask_MBps > 0, said());
});

test('the benchmark of SSH compares direct with through', async () => {
  const { say, said } = listen();
  await sshBulk({ megabytes: 5, rounds: 1 }, say);
  assert.equal(said().match(/\| gateway \+ agent \| \d+ \| \d/g)?.length, 6);
  assert.doesNotMatch(said(), /NaN/);
});

test('large files arrive as they were by every tool, and neither gateway nor agent holds them', async () => {
  const { say } = listen();
  const journeys = await largeFiles({ megabytes: 100 }, say);
  assert.equal(journeys.length, 10);
  for (const { name, growth_MiB } of journeys) assert.ok(growth_MiB < 120, `${name}: grew by ${growth_MiB} MiB`);
});

test('a reader that stands still costs gateway and agent a few megabytes, not the result', async () => {
  const { say } = listen();
  const growth = await stalledReader({ rows: 3_000_000, seconds: 3 }, say);
  for (const { process: name, before_MiB, most_MiB } of growth) {
    assert.ok(most_MiB - before_MiB < 60, `${name} grew from ${before_MiB} to ${most_MiB} MiB while 300 MB waited`);
  }
});

test('a crowd of agents costs a gateway little memory, and is back soon after it was killed', async () => {
  const { say } = listen();
  const { memory_MiB, healed_s } = await agentStorm({ agents: 100 }, say);
  assert.ok(memory_MiB < 400, `the gateway has ${memory_MiB} MiB`);
  assert.ok(healed_s < 20, `it took ${healed_s} s until all were back`);
});

test('the benchmark of decisions times every kind of statement', async () => {
  const { say, said } = listen();
  const times = await policyDecisions({ decisions: 50 }, say);
  assert.equal(times.length, 19);
  for (const { name, p50_ms } of times) assert.ok(p50_ms >= 0 && said().includes(name), name);
});

test('the benchmark of what policy costs compares each shape with and without it', async () => {
  const { say, said } = listen();
  await policyCost({ seconds: 1, rounds: 1, clients: 4, scale: 1, megabytes: 3, dense_megabytes: 1 }, say);
  for (const way of ['standalone', 'standalone, policy', 'gateway \\+ agent', 'gateway \\+ agent, policy'])
    assert.match(said(), new RegExp(`\\| ${way} \\| \\d+ \\| \\d`));
  assert.doesNotMatch(said(), /NaN/);
});
