import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { BodyInput } from '@hoop/contract/route';
import { routes } from '@hoop/contract/routes/all';
import type { createGuardrail } from '@hoop/contract/routes/guardrails';
import { CommandLab } from './lab.ts';

let lab: CommandLab;
before(async () => {
  lab = await CommandLab.start('tunnel');
});
after(() => lab.close());

type Rule = NonNullable<NonNullable<BodyInput<typeof createGuardrail>['input']>['rules']>[number];

async function rule(connection: string, side: 'input' | 'output', given: Rule): Promise<void> {
  const { api } = lab.system.office;
  const { id } = await api.call(routes.getConnection, { params: { nameOrID: connection } });
  await api.call(routes.createGuardrail, { body: { name: `${side} ${randomUUID()}`, [side]: { rules: [given] }, connection_ids: [id] } });
}

test('a script ends where its output has what a rule forbids, and the record says why', async () => {
  const connection = await lab.connection(['sh']);
  const { office } = lab.system;
  await rule(connection, 'output', { type: 'pattern_match', pattern_regex: 'key-[0-9]{4}', message: 'No keys' });
  const ended = await lab.exec(connection, 'echo begins; echo "it is key-1234"; exec sleep 600');
  assert.equal(ended.exit_code, 254);
  assert.match(ended.output, /No keys/);
  assert.doesNotMatch(ended.output, /key-1/);
  const { id: session, end_reason } = await office.endedSession(connection);
  const [action] = await office.actions(session);
  assert.match(action?.outcome?.error ?? '', /^denied: output /);
  assert.equal(end_reason, 'denied');
  const whole = await lab.exec(connection, 'echo "it is key-none"');
  assert.deepEqual([whole.output, whole.exit_code], ['it is key-none\n', 0]);
});

test('a warning is told to whoever runs a script or types a line, and both run all the same', async () => {
  const connection = await lab.connection(['bash', '--norc', '-i']);
  await rule(connection, 'input', { type: 'deny_words_list', words: ['careful'], message: 'Mind this', action: 'warn' });
  const { output, exit_code } = await lab.exec(connection, 'echo careful-$((40+2)); exit 0');
  assert.match(output, /Mind this/);
  assert.match(output, /careful-42/);
  assert.equal(exit_code, 0);
  const client = await lab.sit(connection);
  await client.shows(/[$#] $/);
  await client.type('echo careful-$((50+2))\r');
  await client.shows('careful-52');
  assert.match(client.notices.join(), /Mind this/);
  await client.type('exit\r');
  await client.ended();
});
