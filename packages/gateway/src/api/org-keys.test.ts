import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDsn } from '@hoop/contract/agent-key';
import { Refusal } from '@hoop/core/errors';
import { AgentKeys } from '../identity/agent-keys.ts';
import { fileLog, openApi, scratchDirectory } from '../testing/fixtures.ts';

test('the organization has one key, without a mode, that administrators can see again', async () => {
  await using api = await openApi();
  assert.equal((await api.call('admin', 'GET', '/orgs/keys')).status, 404);
  const made = await api.call('admin', 'POST', '/orgs/keys');
  assert.equal(made.status, 201);
  assert.ok(!made.body.key.includes('mode='));
  const dsn = parseDsn(made.body.key);
  assert.deepEqual([dsn.scheme, dsn.name, dsn.host, dsn.port, dsn.mode], ['grpcs', '_default', 'gw.example', 8010, 'multi-connection']);
  assert.deepEqual((await api.call('admin', 'GET', '/orgs/keys')).body, made.body);
  const second = await api.call('admin', 'POST', '/orgs/keys');
  assert.deepEqual([second.status, second.body.code], [409, 'org_key_exists']);
  assert.equal((await new AgentKeys(api.store.agents).verify(made.body.key)).agentId, made.body.id);
});

test('the organization key is no agent of the lists, and cannot be deleted as one', async () => {
  await using api = await openApi();
  const { id } = (await api.call('admin', 'POST', '/orgs/keys')).body;
  assert.deepEqual((await api.call('admin', 'GET', '/agents')).body, []);
  for (const name of ['_default', id]) {
    assert.equal((await api.call('admin', 'GET', `/agents/${name}`)).status, 404);
    assert.equal((await api.call('admin', 'DELETE', `/agents/${name}`)).status, 204);
  }
  assert.equal((await api.call('admin', 'GET', '/orgs/keys')).status, 200);
  assert.equal((await api.call('admin', 'POST', '/agents', { name: '_default' })).status, 422);
});

test('a revoked organization key is worth nothing, and whoever came with it is cut off', async () => {
  await using api = await openApi();
  const { id, key } = (await api.call('admin', 'POST', '/orgs/keys')).body;
  assert.equal((await api.call('admin', 'DELETE', '/orgs/keys')).status, 204);
  assert.deepEqual(api.engine.calls, [`disconnect ${id}`]);
  await assert.rejects(new AgentKeys(api.store.agents).verify(key), Refusal);
  assert.equal((await api.call('admin', 'DELETE', '/orgs/keys')).status, 204);
  assert.notEqual((await api.call('admin', 'POST', '/orgs/keys')).body.key, key);
});

test('only administrators see the organization key, and it is noted that they did, without it', async () => {
  using scratch = scratchDirectory();
  using file = fileLog(scratch.path);
  await using api = await openApi({ log: file.log });
  const { key } = (await api.call('admin', 'POST', '/orgs/keys')).body;
  for (const who of ['standard', 'auditor'] as const) {
    for (const method of ['GET', 'POST', 'DELETE']) assert.equal((await api.call(who, method, '/orgs/keys')).status, 403);
  }
  assert.equal((await api.call('admin', 'GET', '/orgs/keys')).status, 200);
  const text = file.text();
  for (const name of ['orgkey.create', 'orgkey.read']) assert.ok(text.includes(`"audit":"${name}"`), name);
  assert.ok(!text.includes(parseDsn(key).key));
});

test('A27: no agent key and no organization key acts as a user, and no user’s token as an agent', async () => {
  await using api = await openApi();
  const { key } = (await api.call('admin', 'POST', '/orgs/keys')).body;
  const { token } = (await api.call('admin', 'POST', '/agents', { name: 'dev' })).body;
  for (const dsn of [key, token]) {
    for (const secret of [dsn, parseDsn(dsn).key]) {
      const answer = await api.app.inject({ method: 'GET', url: '/api/agents', headers: { authorization: `Bearer ${secret}` } });
      assert.equal(answer.statusCode, 401);
    }
  }
  const keys = new AgentKeys(api.store.agents);
  for (const user of Object.values(api.tokens)) {
    const dressed = `grpcs://dev:${user.replaceAll('.', '_').slice(0, 250)}@gw.example:8010?mode=standard`;
    for (const text of [user, `grpcs://dev:${user}@gw.example:8010?mode=standard`, dressed]) {
      await assert.rejects(keys.verify(text), (error: unknown) => error instanceof Refusal && error.code === 'agent_key_invalid');
    }
  }
});
