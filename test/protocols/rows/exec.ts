import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { routes } from '@hoop/contract/routes/all';
import type { ExecReply } from '@hoop/contract/routes/sessions';
import type { Row, World } from './row.ts';

const FORBIDDEN = 'forbidden-word';
const MAIL = 'ada.lovelace@example.org';

function run(world: World, connection: string, script: string): Promise<ExecReply> {
  return world.system.office.api.call(routes.execSession, { body: { connection, script } });
}

/** Scripts that come over the API go the way of any client: the same rules, the same masks, the same records. */
export const execRows: readonly Row[] = [
  {
    promise: 'a script over the API is answered, and recorded as what it is',
    once: true,
    executes: true,
    async prove(world) {
      const { connection } = await world.access();
      const text = world.column.texts.answer(`word-${randomUUID()}`);
      const { output, output_status, exit_code, session_id } = await run(world, connection, text);
      assert.deepEqual([output_status, exit_code], ['success', 0]);
      assert.match(output, /word-/);
      const session = await world.system.office.endedSession(connection);
      assert.deepEqual([session.id, session.verb, session.exit_code], [session_id, 'exec', 0]);
      const [action] = await world.system.office.actions(session_id);
      assert.deepEqual([action?.text, action?.verdict, action?.outcome?.rows], [text, 'allow', 1]);
    },
  },
  {
    promise: 'a script over the API gets the same verdict as over the wire, and the same mask',
    once: true,
    executes: true,
    when: ({ actions, mask }) => actions === 'parsed' && mask !== 'none',
    async prove(world) {
      const { connection } = await world.access({ deny: [FORBIDDEN], mask: ['EMAIL_ADDRESS'] });
      const word = `${FORBIDDEN}-${randomUUID()}`;
      const denied = await run(world, connection, world.column.texts.mark(word));
      assert.deepEqual([denied.output_status, denied.exit_code], ['blocked', 254]);
      assert.match(denied.output, /Blocked by the following Guardrails rule/);
      assert.equal((await world.targetPlace.marks()).includes(word), false);
      const { output } = await run(world, connection, world.column.texts.answer(MAIL));
      assert.ok(output.includes('#'.repeat(MAIL.length)) && !output.includes(MAIL));
    },
  },
  {
    promise: 'a script that fails says what the target said, and one that cannot begin says why',
    once: true,
    executes: true,
    async prove(world) {
      const { failing } = world.column.texts;
      const { connection } = await world.access();
      const failed = await run(world, connection, failing.text);
      assert.deepEqual([failed.output_status, failed.exit_code], ['failed', 1]);
      assert.ok(failed.output.includes(failing.words));
      const nowhere = await world.access(undefined, world.target.nowhere());
      const refused = await run(world, nowhere.connection, failing.text);
      assert.equal(refused.output_status, 'failed');
      assert.match(refused.output, world.column.words['target down']);
    },
  },
  {
    promise: 'a script with an answer of thirty megabytes gives all of it, in good time',
    once: true,
    executes: true,
    async prove(world) {
      const { connection } = await world.access();
      const { output, truncated } = await run(world, connection, world.column.texts.rows(3, 10_000_000));
      assert.ok(output.length > 30_000_000);
      assert.equal(truncated, false);
    },
  },
  {
    promise: 'a connection can be tried without running anything, and what is wrong with it is told',
    once: true,
    executes: true,
    async prove(world) {
      const { connection } = await world.access();
      const { api } = world.system.office;
      assert.deepEqual(await api.call(routes.testConnection, { params: { nameOrID: connection } }), { success: true });
      const nowhere = await world.access(undefined, world.target.nowhere());
      await assert.rejects(
        api.call(routes.testConnection, { params: { nameOrID: nowhere.connection } }),
        world.column.words['target down'],
      );
      assert.deepEqual(await world.system.office.sessions(connection), []);
    },
  },
];
