import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { addConnection, connectionBody, encoded, openApi, SECRET_VALUE } from '../testing/fixtures.ts';

const ENV = { 'envvar:HOST': encoded('db.internal'), 'envvar:USER': encoded('app'), 'envvar:PASS': encoded(SECRET_VALUE) };

test('a resource gives its connections an agent and variables, and never shows their values', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const body = { name: 'orders', type: 'database', subtype: 'postgres', agent_id: agentId, env_vars: ENV };
  const made = await api.call('admin', 'POST', '/resources', body);
  assert.equal(made.status, 201);
  const role = { name: 'orders-ro', type: 'database', subtype: 'postgres', resource_name: 'orders' };
  const connection = await api.call('admin', 'POST', '/connections', role);
  assert.deepEqual([connection.status, connection.body.effective_agent_id, connection.body.secret_keys], [201, agentId, []]);
  assert.deepEqual(await api.store.connections.secretsOf(connection.body.id), ENV);
  const answers = [made, await api.call('standard', 'GET', '/resources'), await api.call('standard', 'GET', '/resources/orders')];
  for (const { text } of answers) assert.ok(!text.includes(SECRET_VALUE) && !text.includes(encoded(SECRET_VALUE)));
  const { id: _, created_at: __, updated_at: ___, ...shown } = answers[2]?.body ?? {};
  assert.deepEqual(shown, {
    ...{ name: 'orders', type: 'database', subtype: 'postgres', agent_id: agentId, env_vars: {} },
    ...{ env_keys: Object.keys(ENV).sort(), connections: ['orders-ro'] },
  });
});

test('a connection that names no resource has one of its own name, which goes with it', async () => {
  await using api = await openApi();
  await addConnection(api);
  assert.equal((await api.call('admin', 'GET', '/connections/pg')).body.resource_name, 'pg');
  assert.deepEqual((await api.call('admin', 'GET', '/resources?name=pg')).body[0].connections, ['pg']);
  await api.call('admin', 'DELETE', '/connections/pg');
  assert.deepEqual((await api.call('admin', 'GET', '/resources')).body, []);
});

test('a resource is not deleted under its connections, nor changed so that they would not work', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const whole = { type: 'database', subtype: 'postgres', agent_id: agentId };
  await api.call('admin', 'POST', '/resources', { ...whole, name: 'orders', env_vars: ENV });
  await api.call('admin', 'POST', '/connections', { name: 'ro', type: 'database', subtype: 'postgres', resource_name: 'orders' });
  const refused = await api.call('admin', 'DELETE', '/resources/orders');
  assert.deepEqual([refused.status, refused.body.code], [409, 'resource_in_use']);
  const put = (body: object) => api.call('admin', 'PUT', '/resources/orders', { ...whole, ...body });
  assert.equal((await put({ agent_id: '' })).body.field, 'agent_id');
  assert.equal((await put({ agent_id: randomUUID() })).body.field, 'agent_id');
  assert.equal((await put({ env_vars: { 'envvar:USER': encoded('app') } })).body.field, 'secret.envvar:HOST');
  assert.deepEqual((await api.call('admin', 'GET', '/resources/orders')).body.env_keys, Object.keys(ENV).sort());
  assert.equal((await put({ name: 'sales' })).status, 200);
  assert.equal((await api.call('admin', 'GET', '/connections/ro')).body.resource_name, 'sales');
  await api.call('admin', 'DELETE', '/connections/ro');
  assert.equal((await api.call('admin', 'DELETE', '/resources/sales')).status, 204);
  assert.equal((await api.call('admin', 'DELETE', '/resources/sales')).status, 404);
});

test('two resources of one name, a nameless one and one of an unknown agent are refused', async () => {
  await using api = await openApi();
  const { agentId } = await addConnection(api);
  const post = (body: object) => api.call('admin', 'POST', '/resources', { type: 'database', subtype: 'postgres', ...body });
  assert.equal((await post({ name: 'orders' })).status, 201);
  assert.deepEqual([(await post({ name: 'orders' })).status, (await post({ name: '' })).status], [409, 422]);
  assert.equal((await post({ name: 'x', agent_id: randomUUID() })).body.field, 'agent_id');
  for (const who of ['standard', 'auditor'] as const) assert.equal((await api.call(who, 'POST', '/resources', {})).status, 403);
  assert.equal((await api.call('admin', 'POST', '/connections', { ...connectionBody(agentId, 'x'), resource_name: '../x' })).status, 422);
});
