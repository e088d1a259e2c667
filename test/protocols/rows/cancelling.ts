import assert from 'node:assert/strict';
import { until, within } from '../../support/until.ts';
import type { Row } from './row.ts';

export const cancellingRows: readonly Row[] = [
  {
    promise: 'a cancel stops the action that runs, and the session goes on',
    skills: ['cancel'],
    when: ({ cancel }) => cancel,
    async prove(world) {
      const visit = await world.visit();
      const { endless, answer } = world.column.texts;
      const running = visit.client.ask(endless());
      const session = await world.system.office.openSession(visit.access.connection);
      await until('the action is recorded', async () =>
        (await world.system.office.actions(session.id)).some(({ text }) => text === endless()),
      );
      await visit.client.cancel?.();
      const { error = '' } = await within('the cancelled action ends', running);
      assert.match(error, world.column.words.cancelled);
      assert.deepEqual(await visit.client.ask(answer('next')), { rows: ['next'] });
      const [cancelled] = await world.actions(visit, endless());
      assert.match(cancelled?.outcome?.error ?? '', world.column.words.cancelled);
    },
  },
  {
    promise: 'a cancel does not touch a neighbour on the same target',
    skills: ['cancel'],
    when: ({ cancel }) => cancel,
    async prove(world) {
      const access = await world.access();
      const [one, two] = [await world.enter(access), await world.enter(access)];
      const { endless, answerLate } = world.column.texts;
      const untouched = two.client.ask(answerLate('untouched', 150));
      const running = one.client.ask(endless());
      await until('both run', async () => {
        const sessions = await world.system.office.sessions(access.connection);
        const counts = await Promise.all(sessions.map(async ({ id }) => (await world.system.office.actions(id)).length));
        return counts.every((count) => count > 0);
      });
      await one.client.cancel?.();
      assert.match((await within('the cancelled action ends', running)).error ?? '', world.column.words.cancelled);
      assert.deepEqual(await untouched, { rows: ['untouched'] });
    },
  },
  {
    promise: 'a cancel that comes when nothing runs hits nothing that comes after it',
    skills: ['cancel', 'pipeline'],
    when: ({ cancel }) => cancel,
    async prove(world) {
      const { client } = await world.visit();
      const { answer, answerLate } = world.column.texts;
      await client.ask(answer('first'));
      for (let time = 0; time < 10; time++) {
        await client.cancel?.();
        assert.deepEqual(await client.ask(answerLate('whole', 10)), { rows: ['whole'] });
      }
    },
  },
];
