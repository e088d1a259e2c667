import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Row } from './row.ts';

const FORBIDDEN = 'forbidden-word';
const MAIL = 'ada.lovelace@example.org';

export const judgingRows: readonly Row[] = [
  {
    promise: 'a denied action is answered in the protocol’s words, never reaches the target, and the session goes on',
    when: ({ actions, deny }) => actions === 'parsed' && deny === 'answer',
    async prove(world) {
      const visit = await world.visit({ deny: [FORBIDDEN] });
      const { texts } = world.column;
      const denied = texts.mark(`${FORBIDDEN}-${randomUUID()}`);
      const { error = '', rows } = await visit.client.ask(denied);
      assert.match(error, /Blocked by the following Guardrails rule: Not here/);
      assert.deepEqual(rows, []);
      const allowed = `allowed-${randomUUID()}`;
      assert.equal((await visit.client.ask(texts.mark(allowed))).error, undefined);
      const [judged] = await world.actions(visit, denied);
      assert.equal(judged?.verdict, 'deny');
      assert.match(judged.message ?? '', /forbidden-word/);
      const marks = await world.targetPlace.marks();
      assert.ok(marks.includes(allowed), 'what was allowed is there');
      assert.equal(
        marks.some((mark) => mark.startsWith(FORBIDDEN)),
        false,
      );
      await world.leave(visit);
      const session = await world.system.office.endedSession(visit.access.connection);
      assert.equal(session.metrics.denied, 1);
    },
  },
  {
    promise: 'a denied action between slow ones is answered in its turn, and nothing hangs',
    skills: ['pipeline'],
    when: ({ deny }) => deny === 'answer',
    async prove(world) {
      const { client } = await world.visit({ deny: [FORBIDDEN] });
      const { answer, answerLate } = world.column.texts;
      const order: string[] = [];
      const asked = [answerLate('first', 60), answer(FORBIDDEN), answerLate('third', 30), answer(FORBIDDEN), answer('fifth')].map(
        (text, at) =>
          client.ask(text).then(({ rows, error }) => {
            order.push(`${at + 1} ${error === undefined ? rows.join() : 'denied'}`);
          }),
      );
      await Promise.all(asked);
      assert.deepEqual(order, ['1 first', '2 denied', '3 third', '4 denied', '5 fifth']);
    },
  },
  {
    promise: 'a rule that is made while a session is open judges its next action',
    when: ({ actions }) => actions === 'parsed',
    async prove(world) {
      const { client, access } = await world.visit();
      const text = world.column.texts.answer(FORBIDDEN);
      assert.deepEqual(await client.ask(text), { rows: [FORBIDDEN] });
      await world.system.office.deny(access.connectionId, [FORBIDDEN]);
      assert.match((await client.ask(text)).error ?? 'not denied', /Blocked/);
    },
  },
  {
    promise: 'a masked value does not reach the client, and is counted in the audit',
    when: ({ mask }) => mask !== 'none',
    async prove(world) {
      const visit = await world.visit({ mask: ['EMAIL_ADDRESS'] });
      const text = world.column.texts.answer(`write to ${MAIL} or not`);
      const { rows } = await visit.client.ask(text);
      assert.deepEqual(rows, [`write to ${'#'.repeat(MAIL.length)} or not`]);
      const [recorded] = await world.actions(visit, text);
      assert.deepEqual(recorded?.outcome?.masked, { EMAIL_ADDRESS: 1 });
    },
  },
  {
    promise: 'without a mask the same value passes as it is',
    when: ({ mask }) => mask !== 'none',
    async prove(world) {
      const { client } = await world.visit();
      assert.deepEqual(await client.ask(world.column.texts.answer(MAIL)), { rows: [MAIL] });
    },
  },
];
