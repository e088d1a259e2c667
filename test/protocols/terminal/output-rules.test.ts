import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { CommandLab } from './lab.ts';

let lab: CommandLab;
before(async () => {
  lab = await CommandLab.start('tunnel');
});
after(() => lab.close());

test('a script ends where its output has what a rule forbids, and the record says why', async () => {
  const connection = await lab.connection(['sh']);
  const { office } = lab.system;
  const { id } = await office.api.call(routes.getConnection, { params: { nameOrID: connection } });
  const rules = [{ type: 'pattern_match' as const, pattern_regex: 'key-[0-9]{4}', message: 'No keys' }];
  await office.api.call(routes.createGuardrail, { body: { name: `out ${randomUUID()}`, output: { rules }, connection_ids: [id] } });
  const ended = await lab.exec(connection, 'echo begins; echo "it is key-1234"; exec sleep 600');
  assert.equal(ended.exit_code, 254);
  assert.match(ended.output, /No keys/);
  assert.doesNotMatch(ended.output, /key-1/);
  const { id: session, end_reason } = await office.endedSession(connection);
  const [action] = await office.actions(session);
  assert.match(action?.outcome?.error ?? '', /^denied: out /);
  assert.equal(end_reason, 'denied');
  const whole = await lab.exec(connection, 'echo "it is key-none"');
  assert.deepEqual([whole.output, whole.exit_code], ['it is key-none\n', 0]);
});
