import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { TargetFault } from '@hoop/core/errors';
import { addConnection, connectionBody, encoded, opaqueProtocol, openApi, SECRET_VALUE } from '../testing/fixtures.ts';

test('secrets go in and never come out', async () => {
  await using api = await openApi();
  const { id, agentId } = await addConnection(api);
  const answers = [
    await api.call('admin', 'GET', '/connections'),
    await api.call('admin', 'GET', '/connections/pg'),
    await api.call('admin', 'PUT', '/connections/pg', connectionBody(agentId)),
    await api.call('admin', 'PATCH', '/connections/pg', { secret: { 'envvar:DB': encoded('shop') } }),
    await api.call('admin', 'POST', '/connections', connectionBody(agentId, 'pg2')),
  ];
  for (const { text, status } of answers) {
    assert.ok(status === 200 || status === 201, text);
    assert.ok(!text.includes(SECRET_VALUE) && !text.includes(encoded(SECRET_VALUE)) && !text.includes(encoded('db.internal')));
  }
  const { body } = await api.call('standard', 'GET', '/connections/pg');
  assert.deepEqual([body.secret, body.secret_keys], [{}, ['envvar:DB', 'envvar:HOST', 'envvar:PASS', 'envvar:USER']]);
  assert.equal((await api.store.connections.secretsOf(id))['envvar:PASS'], encoded(SECRET_VALUE));
});

test('a replacement without secrets keeps them; a patch adds, replaces and removes single ones', async () => {
  await using api = await openApi();
  const { id, agentId } = await addConnection(api);
  const { secret: _, ...rest } = connectionBody(agentId);
  assert.equal(
    (await api.call('admin', 'PUT', '/connections/pg', { ...rest, access_mode_exec: 'disabled' })).body.access_mode_exec,
    'disabled',
  );
  assert.equal((await api.store.connections.secretsOf(id))['envvar:PASS'], encoded(SECRET_VALUE));
  await api.call('admin', 'PATCH', '/connections/pg', { secret: { 'envvar:PASS': null, 'envvar:HOST': encoded('new') } });
  assert.deepEqual(await api.store.connections.secretsOf(id), { 'envvar:HOST': encoded('new'), 'envvar:USER': encoded('app') });
  const read = (await api.call('admin', 'GET', '/connections/pg')).body;
  assert.equal((await api.call('admin', 'PUT', '/connections/pg', read)).status, 200, 'what was read can be written back');
});

test('secrets are checked against what the protocol needs and knows, and nothing is stored when they are wrong', async () => {
  await using api = await openApi();
  const { id, agentId } = await addConnection(api);
  const withSecret = (secret: object) => ({ ...connectionBody(agentId, 'bad'), secret });
  const good = { 'envvar:HOST': encoded('h'), 'envvar:USER': encoded('u') };
  const wrong: [object, string, RegExp][] = [
    [{}, 'secret.envvar:HOST', /needs the secret envvar:HOST/],
    [{ ...good, 'envvar:PORT': encoded('70000') }, 'secret.envvar:PORT', /PORT/],
    [{ ...good, 'envvar:PORT': encoded('abc') }, 'secret.envvar:PORT', /PORT/],
    [{ ...good, 'envvar:SSLMODE': encoded('maybe') }, 'secret.envvar:SSLMODE', /SSLMODE/],
    [{ ...good, 'envvar:PASSWORD': encoded('x') }, 'secret.envvar:PASSWORD', /knows .*envvar:PASS,/],
    [{ ...good, 'filesystem:KEY': encoded('x') }, 'secret.filesystem:KEY', /has no secret/],
  ];
  for (const [secret, field, words] of wrong) {
    const answer = await api.call('admin', 'POST', '/connections', withSecret(secret));
    assert.deepEqual([answer.status, answer.body.field], [422, field], answer.text);
    assert.match(answer.body.message, words);
  }
  assert.equal(await api.store.connections.get('bad'), undefined);
  const before = await api.store.connections.secretsOf(id);
  const patched = await api.call('admin', 'PATCH', '/connections/pg', { secret: { 'envvar:HOST': null } });
  assert.deepEqual([patched.status, patched.body.field], [422, 'secret.envvar:HOST']);
  assert.deepEqual(await api.store.connections.secretsOf(id), before);
});

test('a command may be given any file, such as a key for ssh', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const command = ['ssh', '-i', '$KEY', 'web-1'];
  const body = {
    name: 'jump',
    type: 'custom',
    agent_id: agentId,
    command,
    secret: { 'filesystem:KEY': encoded('a key'), 'envvar:A': encoded('b') },
  };
  assert.equal((await api.call('admin', 'POST', '/connections', body)).status, 201);
});

test('a secret that the agent is to fetch is checked for its form, and plain ones beside it as ever', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const save = async (name: string, secret: Record<string, string>) => {
    const coded = Object.fromEntries(Object.entries(secret).map(([key, text]) => [key, encoded(text)]));
    return api.call('admin', 'POST', '/connections', { ...connectionBody(agentId, name), secret: coded });
  };
  const good = { 'envvar:HOST': 'h', 'envvar:USER': 'u' };
  const fetched = { 'envvar:PORT': '_envjson:SHOP:PORT', 'envvar:SSLMODE': 'system.agent.envs', 'envvar:PASS': '_vaultkv2:shop:password' };
  assert.equal((await save('fetched', { ...good, ...fetched })).status, 201);
  assert.equal((await save('iam', { ...good, 'envvar:USER': '_aws_iam_rds:app', 'filesystem:SSLROOTCERT': 'PEM' })).status, 201);
  const wrong: [Record<string, string>, string, RegExp][] = [
    [{ ...good, ...fetched, 'envvar:PORT': '70000' }, 'secret.envvar:PORT', /PORT/],
    [{ ...good, ...fetched, 'envvar:SSLMODE': 'maybe' }, 'secret.envvar:SSLMODE', /SSLMODE/],
    [{ 'envvar:HOST': 'h', ...fetched }, 'secret.envvar:USER', /needs the secret envvar:USER/],
    [{ ...good, 'envvar:PASS': '_aws:hunter2' }, 'secret.envvar:PASS', /write _aws:<secret id or ARN>:<key>/],
    [{ ...good, 'envvar:PASS': '_aws_iam_rds:app' }, 'secret.envvar:PASS', /belongs into envvar:USER/],
    [{ ...good, 'filesystem:PASS': 'x' }, 'secret.filesystem:PASS', /has no secret/],
    [{ ...good, 'filesystem:toString': 'x' }, 'secret.filesystem:toString', /has no secret/],
  ];
  for (const [secret, field, words] of wrong) {
    const answer = await save('bad', secret);
    assert.deepEqual([answer.status, answer.body.field], [422, field], answer.text);
    assert.match(answer.body.message, words);
    assert.ok(!answer.text.includes('hunter2'));
  }
});

test('a connection needs an agent that is there, a protocol that is there, and a name of its own', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const post = (body: object) => api.call('admin', 'POST', '/connections', body);
  assert.deepEqual((await post(connectionBody(randomUUID(), 'x'))).body.field, 'agent_id');
  assert.equal((await post({ ...connectionBody(agentId, 'x'), subtype: 'nosuch' })).body.field, 'subtype');
  assert.equal((await post({ ...connectionBody(agentId, 'x'), type: 'application', subtype: 'nosuch' })).body.field, 'subtype');
  assert.equal((await post(connectionBody(agentId))).status, 409);
  assert.equal((await post({ ...connectionBody(agentId, 'x'), guardrail_rules: [randomUUID()] })).status, 422);
});

test('a connection is online while its agent is', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  assert.equal((await api.call('standard', 'GET', '/connections/pg')).body.status, 'offline');
  api.engine.online.add(agentId);
  assert.equal((await api.call('standard', 'GET', '/connections')).body[0].status, 'online');
});

test('lists are filtered by type, agent, text and tags', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  await api.call('admin', 'POST', '/connections', { ...connectionBody(agentId, 'billing'), connection_tags: { env: 'prod', team: 'pay' } });
  const names = async (query: string): Promise<string[]> =>
    (await api.call('standard', 'GET', `/connections?${query}`)).body.map((each: { name: string }) => each.name);
  assert.deepEqual(await names(''), ['billing', 'pg']);
  assert.deepEqual(await names('search=BILL'), ['billing']);
  assert.deepEqual(await names('search=%25'), []);
  assert.deepEqual(await names(`agent_id=${agentId}&type=database&subtype=postgres`), ['billing', 'pg']);
  assert.deepEqual(await names('tag_selector=env=prod,team!=dev'), ['billing']);
  assert.deepEqual(await names('tag_selector=env!=prod'), ['pg']);
  assert.deepEqual(await names('name=pg'), ['pg']);
});

test('a deleted connection takes its credentials and its open sessions with it', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  await api.call('standard', 'POST', '/connections/pg/credentials', {});
  assert.equal((await api.call('admin', 'DELETE', '/connections/pg')).status, 204);
  assert.deepEqual(api.engine.calls, [`end connection ${id}`]);
  assert.deepEqual((await api.call('standard', 'GET', '/connection-credentials')).body.items, []);
  assert.equal((await api.call('admin', 'DELETE', '/connections/pg')).status, 404);
});

test('switching native access off ends who is in and lets nobody in', async () => {
  await using api = await openApi();
  const { id } = await addConnection(api);
  const minted = await api.call('standard', 'POST', '/connections/pg/credentials', {});
  await api.call('admin', 'PATCH', '/connections/pg', { access_mode_connect: 'disabled' });
  assert.deepEqual(api.engine.calls, [`end connection ${id}`]);
  const answer = await api.call('standard', 'POST', '/connections/pg/credentials', {});
  assert.deepEqual([answer.status, answer.body.code], [403, 'access_mode_disabled']);
  await assert.rejects(api.parts.credentials.resolve(minted.body.connection_credentials.password, 'postgres'), /switched off/);
});

test('a rule that a connection’s protocol cannot keep stops the change', async () => {
  await using api = await openApi();
  const { id, agentId } = await addConnection(api);
  api.protocols.set('mysql', opaqueProtocol('mysql'));
  const rules = [{ type: 'deny_words_list', words: ['drop'] }];
  const guardrail = await api.call('admin', 'POST', '/guardrails', { name: 'no-drop', input: { rules }, connection_ids: [id] });
  assert.equal(guardrail.status, 201);
  const switched = await api.call('admin', 'PATCH', '/connections/pg', { subtype: 'mysql' });
  assert.deepEqual([switched.status, switched.body.field], [422, 'guardrail_rules']);
  assert.match(switched.body.message, /no-drop.*cannot be judged/);
  const body = { ...connectionBody(agentId, 'my'), subtype: 'mysql', guardrail_rules: [guardrail.body.id] };
  assert.equal((await api.call('admin', 'POST', '/connections', body)).status, 422);
  assert.equal(await api.store.connections.get('my'), undefined);
});

test('a test of a connection says why it failed, and breaks nothing', async () => {
  await using api = await openApi();
  await addConnection(api);
  assert.deepEqual((await api.call('standard', 'GET', '/connections/pg/test')).body, { success: true });
  api.engine.probeError = new TargetFault('target_unreachable', 'The target db.internal:5432 cannot be reached: connection refused');
  const answer = await api.call('standard', 'GET', '/connections/pg/test');
  assert.deepEqual([answer.status, answer.body.code], [400, 'test_failed']);
  assert.match(answer.body.message, /connection refused/);
  assert.equal((await api.call('standard', 'GET', '/connections/nosuch/test')).status, 404);
});

test('a failed test makes a connection offline until one succeeds; that its agent is away says nothing of the target', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  api.engine.online.add(agentId);
  const shown = async () => {
    const { status, last_probe: probe } = (await api.call('standard', 'GET', '/connections/pg')).body;
    return [status, probe && { success: probe.success, error: probe.error }];
  };
  assert.deepEqual(await shown(), ['online', null]);
  api.engine.probeError = new TargetFault('agent_offline', 'The agent is offline');
  assert.equal((await api.call('standard', 'GET', '/connections/pg/test')).status, 400);
  assert.deepEqual(await shown(), ['online', null]);
  api.engine.probeError = new TargetFault('target_refused', 'Nobody answers at db.internal');
  const failed = await api.call('standard', 'GET', '/connections/pg/test');
  assert.deepEqual([failed.status, failed.body.message], [400, 'Nobody answers at db.internal']);
  assert.deepEqual(await shown(), ['offline', { success: false, error: 'Nobody answers at db.internal' }]);
  api.engine.probeError = undefined;
  assert.equal((await api.call('standard', 'GET', '/connections/pg/test')).status, 200);
  assert.deepEqual(await shown(), ['online', { success: true, error: '' }]);
});

test('a connection without an agent needs a resource that has one', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const { agent_id: _, ...body } = connectionBody(agentId, 'x');
  assert.equal((await api.call('admin', 'POST', '/connections', body)).body.field, 'agent_id');
  await api.store.resources.create({ name: 'orders', type: 'database', subtype: 'postgres', agentId });
  const made = await api.call('admin', 'POST', '/connections', { ...body, resource_name: 'orders' });
  assert.deepEqual([made.status, made.body.agent_id, made.body.effective_agent_id], [201, '', agentId]);
  const listed = (await api.call('admin', 'GET', `/connections?agent_id=${agentId}`)).body;
  assert.deepEqual(
    listed.map((each: { name: string }) => each.name),
    ['pg', 'x'],
  );
});
