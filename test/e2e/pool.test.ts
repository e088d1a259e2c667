import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { until } from '../support/until.ts';
import { Parts } from './parts.ts';

test('two agents with one key share the work, and when one dies the other does it all', { timeout: 60_000 }, async () => {
  await using parts = await Parts.start();
  const { office } = parts;
  parts.addAgent();
  const { id } = await office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } });
  await until(
    'an agent is there',
    async () => (await office.api.call(routes.getAgent, { params: { nameOrID: 'e2e' } })).status === 'CONNECTED',
  );
  await office.connection('shell', id, {}, {}, { type: 'custom', subtype: '', command: ['sh'] });

  /** The process that ran a command: whose child the shell is. */
  const whereItRan = async (): Promise<number> => {
    const reply = await office.api.call(routes.execSession, { body: { connection: 'shell', script: 'echo $PPID' } });
    assert.equal(reply.exit_code, 0, JSON.stringify(reply));
    return Number(reply.output);
  };
  const used = new Set<number>();
  await until('both have run something', async () => used.add(await whereItRan()).size === 2);

  const counts = new Map<number, number>();
  for (const pid of await Promise.all(Array.from({ length: 10 }, whereItRan))) counts.set(pid, (counts.get(pid) ?? 0) + 1);
  // The next one goes where less is going on, and some are over before others begin.
  const shares = [...counts.values()];
  assert.ok(shares.length === 2 && Math.min(...shares) >= 3, `shares of ten: ${shares.join(' and ')}`);

  const [dead = 0, alive = 0] = used;
  process.kill(dead, 'SIGKILL');
  for (let time = 0; time < 5; time++) assert.equal(await whereItRan(), alive);
});
