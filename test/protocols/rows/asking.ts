import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Row } from './row.ts';

const word = (): string => `word-${randomUUID()}`;

export const askingRows: readonly Row[] = [
  {
    promise: 'a client is answered what the target says',
    async prove(world) {
      const { client } = await world.visit();
      assert.deepEqual(await client.ask(world.column.texts.answer('hello')), { rows: ['hello'] });
      assert.equal((await client.ask(world.column.texts.rows(1_000))).rows.length, 1_000);
    },
  },
  {
    promise: 'an action is in the audit with its text, verdict, rows, bytes and duration',
    async prove(world) {
      const visit = await world.visit();
      const { texts } = world.column;
      const answer = texts.answer(word());
      const late = texts.answerLate(word(), 30);
      const change = texts.change(17);
      for (const text of [answer, late, change]) await visit.client.ask(text);
      const [answered, delayed, changed] = await world.actions(visit, answer, late, change);
      assert.equal(answered?.verdict, 'allow');
      assert.equal(answered.outcome?.rows, world.counted(1));
      assert.ok(answered.outcome.bytes > 40, `the answer's bytes are counted: ${answered.outcome.bytes}`);
      const took_us = delayed?.outcome?.duration_us ?? 0;
      assert.ok(took_us >= 30_000 && took_us < 20_000_000, `an answer that takes 30 ms took ${took_us} µs`);
      assert.equal(changed?.outcome?.rows, world.counted(17));
      assert.ok(answered.seq < (delayed?.seq ?? 0), 'actions are numbered in their order');
    },
  },
  {
    promise: 'the session has a row with who, where and how it ended',
    async prove(world) {
      const visit = await world.visit();
      await visit.client.ask(world.column.texts.rows(3));
      await world.leave(visit);
      const session = await world.system.office.endedSession(visit.access.connection);
      assert.equal(session.user, 'admin@example.test');
      assert.equal(session.connection, visit.access.connection);
      assert.equal(session.origin, 'native');
      assert.equal(session.verb, 'connect');
      assert.equal(session.end_reason, 'client_left');
      assert.equal(session.exit_code, 0);
      assert.ok(Number(session.metrics.rows) >= world.counted(3));
    },
  },
  {
    promise: 'what the target refuses is told to the client and recorded, and the session goes on',
    async prove(world) {
      const visit = await world.visit();
      const { failing, answer } = world.column.texts;
      const { error = '' } = await visit.client.ask(failing.text);
      assert.ok(error.includes(failing.words), `the client hears ${error}`);
      assert.deepEqual(await visit.client.ask(answer('still here')), { rows: ['still here'] });
      await world.leave(visit);
      const session = await world.system.office.endedSession(visit.access.connection);
      const actions = await world.system.office.actions(session.id);
      const failed = actions.filter(({ outcome }) => outcome?.error?.includes(failing.words) || (outcome?.status ?? 0) >= 400);
      // A driver that prepares first fails there, before anything runs: then there is nothing to record.
      const ran = actions.some(({ text }) => text.startsWith(failing.text));
      assert.equal(failed.length, ran ? 1 : 0);
    },
  },
  {
    promise: 'the audits of two sessions do not mix',
    async prove(world) {
      const [one, two] = [await world.visit(), await world.visit()];
      const [first, second] = [world.column.texts.answer(word()), world.column.texts.answer(word())];
      await Promise.all([one.client.ask(first), two.client.ask(second)]);
      await world.actions(one, first);
      await world.actions(two, second);
      for (const [visit, foreign] of [
        [one, second],
        [two, first],
      ] as const) {
        const session = (await world.system.office.sessions(visit.access.connection)).at(-1);
        const actions = await world.system.office.actions(session?.id ?? '');
        assert.equal(
          actions.some(({ text }) => text.startsWith(foreign)),
          false,
        );
      }
    },
  },
];
