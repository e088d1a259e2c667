import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { protocolNamed } from '@hoop/protocols/all';
import { policyMessage } from '../policy-message.ts';
import { addConnection, connectionBody, opaqueProtocol, openApi } from '../testing/fixtures.ts';

const words = (...list: string[]) => ({ rules: [{ type: 'deny_words_list', words: list, message: 'Ask first' }] });
const pattern = (text: string) => ({ rules: [{ type: 'pattern_match', pattern_regex: text }] });
const emails = [{ name: 'contact', entity_types: ['EMAIL_ADDRESS'] }];

test('guardrails are made, read, replaced and deleted, and open sessions hear of it', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  const made = await api.call('admin', 'POST', '/guardrails', { name: 'no-drop', input: words('drop'), connection_ids: [id] });
  assert.equal(made.status, 201);
  assert.deepEqual(made.body.input, { rules: [{ type: 'deny_words_list', words: ['drop'], pattern_regex: '', message: 'Ask first' }] });
  assert.deepEqual((await api.call('auditor', 'GET', `/guardrails/${made.body.id}`)).body, made.body);
  assert.deepEqual((await api.call('auditor', 'GET', '/guardrails/no-drop')).body, made.body);
  const revision = await api.store.policyRevision();
  const replaced = await api.call('admin', 'PUT', '/guardrails/no-drop', {
    ...made.body,
    input: pattern('(?i)drop\\s+table'),
    connection_ids: [],
  });
  assert.equal(replaced.status, 200, replaced.text);
  assert.deepEqual(replaced.body.connection_ids, []);
  assert.ok((await api.store.policyRevision()) > revision);
  assert.equal((await api.call('admin', 'DELETE', `/guardrails/${made.body.id}`)).status, 204);
  assert.deepEqual(api.engine.calls, [`policy ${id}`, 'policy all', 'policy all']);
  for (const method of ['GET', 'DELETE']) assert.equal((await api.call('admin', method, '/guardrails/no-drop')).status, 404);
  assert.equal((await api.call('admin', 'PUT', '/guardrails/no-drop', { name: 'x' })).status, 404);
});

test('a pattern that cannot be compiled or would be slow is told to its author', async () => {
  await using api = await openApi();
  for (const text of ['(', '[a', '(?=x)', '(a)\\1', 'a{100000}']) {
    const answer = await api.call('admin', 'POST', '/guardrails', { name: 'g', input: pattern(text) });
    assert.deepEqual([answer.status, answer.body.field], [422, 'input.rules.0.pattern_regex'], text);
  }
  assert.equal((await api.call('admin', 'POST', '/guardrails', { name: 'g', input: words('  ') })).body.field, 'input.rules.0.words');
  assert.deepEqual((await api.call('admin', 'GET', '/guardrails')).body, []);
});

test('a rule that would not be kept is refused: on output, or on a connection whose statements nobody reads', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  api.protocols.set('tcp', opaqueProtocol('tcp'));
  const tcp = await api.call('admin', 'POST', '/connections', { ...connectionBody(agentId, 'raw'), type: 'application', subtype: 'tcp' });
  assert.equal(tcp.status, 201, tcp.text);
  const guardrail = await api.call('admin', 'POST', '/guardrails', { name: 'g', input: words('x'), connection_ids: [tcp.body.id] });
  assert.deepEqual([guardrail.status, guardrail.body.field], [422, 'connection_ids']);
  assert.match(guardrail.body.message, /raw cannot have this guardrail: tcp is passed on without being understood/);
  const mask = await api.call('admin', 'POST', '/datamasking-rules', {
    name: 'm',
    supported_entity_types: emails,
    connection_ids: [tcp.body.id],
  });
  assert.deepEqual([mask.status, mask.body.field], [422, 'connection_ids']);
  assert.deepEqual([await api.store.guardrails.list(), await api.store.maskingRules.list()], [[], []]);
});

test('a rule for a connection that is not there is refused', async () => {
  await using api = await openApi();
  const answer = await api.call('admin', 'POST', '/guardrails', { name: 'g', input: words('x'), connection_ids: [randomUUID()] });
  assert.deepEqual([answer.status, answer.body.code], [422, 'connection_unknown']);
  const mask = await api.call('admin', 'POST', '/datamasking-rules', {
    name: 'm',
    supported_entity_types: emails,
    connection_ids: [randomUUID()],
  });
  assert.deepEqual([mask.status, mask.body.code], [422, 'connection_unknown']);
});

test('masking rules are made, read, replaced and deleted, and open sessions hear of it', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  const body = { name: 'contact', supported_entity_types: emails, connection_ids: [id], score_threshold: 0.5 };
  const made = await api.call('admin', 'POST', '/datamasking-rules', body);
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.body.supported_entity_types, made.body.connection_ids, made.body.score_threshold], [emails, [id], 0.5]);
  assert.equal((await api.call('admin', 'POST', '/datamasking-rules', body)).status, 409);
  const replaced = await api.call('admin', 'PUT', '/datamasking-rules/contact', { ...made.body, description: 'new' });
  assert.deepEqual([replaced.status, replaced.body.description], [200, 'new']);
  assert.equal((await api.call('auditor', 'GET', '/datamasking-rules')).body.length, 1);
  assert.equal((await api.call('admin', 'DELETE', '/datamasking-rules/contact')).status, 204);
  assert.deepEqual(api.engine.calls, [`policy ${id}`, 'policy all', 'policy all']);
});

test('an entity that nobody can find is refused, with those that can be found', async () => {
  await using api = await openApi();
  const types = [{ name: 'x', entity_types: ['EMAIL_ADDRESS', 'SHOE_SIZE'] }];
  const answer = await api.call('admin', 'POST', '/datamasking-rules', { name: 'm', supported_entity_types: types });
  assert.deepEqual([answer.status, answer.body.field], [422, 'supported_entity_types.0.entity_types.1']);
  assert.match(answer.body.message, /EMAIL_ADDRESS/);
});

test('an entity of one’s own is kept as it was written; one that could not be looked for is refused with its field', async () => {
  await using api = await openApi();
  const badge = { name: 'BADGE', regex: 'B-\\d{4}', deny_list: ['Zephyr'], score: 0.8 };
  const rule = (...custom_entity_types: unknown[]) => ({ name: 'own', custom_entity_types, score_threshold: 0.6 });
  const made = await api.call('admin', 'POST', '/datamasking-rules', rule(badge));
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.body.custom_entity_types, made.body.supported_entity_types], [[badge], []]);
  for (const [custom, field] of [
    [{ ...badge, regex: '(a)\\1' }, 'custom_entity_types.1'],
    [{ ...badge, name: 'EMAIL_ADDRESS' }, 'custom_entity_types.1'],
    [{ ...badge, name: 'EMPTY', regex: '', deny_list: [] }, 'custom_entity_types.1'],
    [badge, 'custom_entity_types.1.name'],
    [{ ...badge, name: 'MORE', score: 2 }, 'custom_entity_types.1.score'],
  ] as const) {
    const refused = await api.call('admin', 'PUT', '/datamasking-rules/own', rule(badge, custom));
    assert.deepEqual([refused.status, refused.body.field], [422, field], refused.text);
  }
  const empty = await api.call('admin', 'PUT', '/datamasking-rules/own', rule());
  assert.deepEqual([empty.status, empty.body.field], [422, 'supported_entity_types']);
});

test('rules on output and limits of rows are kept where the protocol can keep them, and refused where not', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  const limit = { rules: [{ type: 'row_limit', rows_max: 100 }] };
  const send = (body: object) => api.call('admin', 'POST', '/guardrails', { name: 'g', connection_ids: [id], ...body });
  const protocol = protocolNamed('postgres');
  assert.ok(protocol);
  api.protocols.set('postgres', { ...protocol, abilities: { ...protocol.abilities, answers: [] } });
  for (const body of [{ input: limit }, { output: words('x') }]) {
    const refused = await send(body);
    assert.deepEqual([refused.status, refused.body.field], [422, 'connection_ids'], refused.text);
  }
  api.protocols.set('postgres', { ...protocol, abilities: { ...protocol.abilities, answers: ['rows', 'forbids'] } });
  assert.equal((await send({ input: limit, output: words('x') })).status, 201);
});

test('a rule on output that nobody could keep is refused with its field, and the reason', async () => {
  await using api = await openApi();
  for (const [output, field, why] of [
    [{ type: 'operation', operations: ['drop'] }, 'output.rules.0.type', /is about statements, and an answer is none/],
    [{ type: 'row_limit', rows_max: 5 }, 'output.rules.0.type', /is a rule on input/],
    [{ type: 'deny_words_list', words: ['x'], action: 'warn' }, 'output.rules.0.action', /can only block, not warn/],
    [{ type: 'pattern_match', pattern_regex: 'x', action: 'require_approval' }, 'output.rules.0.action', /nobody can be asked/],
    [{ type: 'pattern_match', pattern_regex: '(' }, 'output.rules.0.pattern_regex', /cannot be used/],
  ] as const) {
    const refused = await api.call('admin', 'POST', '/guardrails', { name: 'g', output: { rules: [output] } });
    assert.deepEqual([refused.status, refused.body.field], [422, field], refused.text);
    assert.match(refused.body.message, why);
  }
  const limit = { rules: [{ type: 'row_limit', rows_max: 5, action: 'log' }] };
  assert.equal((await api.call('admin', 'POST', '/guardrails', { name: 'g', input: limit })).body.field, 'input.rules.0.action');
});

test('a masking rule names columns and what is shown instead; what is no pattern, or would not be kept, is refused', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  const protocol = protocolNamed('postgres');
  assert.ok(protocol);
  const body = { name: 'm', columns: ['*email*', 'hr.users.ssn'], strategy: 'partial', keep: 2, connection_ids: [id] };
  api.protocols.set('postgres', { ...protocol, abilities: { ...protocol.abilities, answers: [] } });
  const misfit = await api.call('admin', 'POST', '/datamasking-rules', body);
  assert.deepEqual([misfit.status, misfit.body.field], [422, 'connection_ids'], misfit.text);
  assert.match(misfit.body.message, /does not tell the columns of an answer apart/);
  api.protocols.set('postgres', { ...protocol, abilities: { ...protocol.abilities, answers: ['hides'] } });
  const made = await api.call('admin', 'POST', '/datamasking-rules', body);
  assert.equal(made.status, 201, made.text);
  assert.deepEqual([made.body.columns, made.body.strategy, made.body.keep], [body.columns, 'partial', 2]);
  const policy = policyMessage(await api.store.policyOf(id));
  assert.deepEqual(policy.masks, [{ name: 'm', entities: [], columns: body.columns, strategy: 'partial', keep: 2 }]);
  for (const [change, field] of [
    [{ columns: ['users.'] }, 'columns.0'],
    [{ columns: ['a', 'a.b.c.d'] }, 'columns.1'],
    [{ columns: [] }, 'supported_entity_types'],
    [{ strategy: 'blur' }, 'strategy'],
    [{ strategy: 'hash' }, 'keep'],
    [{ keep: 9 }, 'keep'],
  ] as const) {
    const refused = await api.call('admin', 'PUT', '/datamasking-rules/m', { ...body, ...change });
    assert.deepEqual([refused.status, refused.body.field], [422, field], refused.text);
  }
});
