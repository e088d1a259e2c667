import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDsn } from '@hoop/contract/agent-key';
import { Refusal } from '@hoop/core/errors';
import { AgentKeys, secretHash } from '../identity/agent-keys.ts';
import { openApi } from '../testing/fixtures.ts';

test('a new agent’s key is shown once, names this gateway, and only its hash is kept', async () => {
  await using api = await openApi();
  const made = await api.call('admin', 'POST', '/agents', { name: 'dev' });
  assert.equal(made.status, 201);
  assert.deepEqual(Object.keys(made.body), ['token']);
  const { key, ...dsn } = parseDsn(made.body.token);
  assert.deepEqual(dsn, { scheme: 'grpcs', name: 'dev', host: 'gw.example', port: 8010, mode: 'standard', pin: 'p'.repeat(43) });
  assert.match(key, /^xagt-[A-Za-z0-9_-]{43}$/);
  assert.equal((await api.store.agents.byKeyHash(secretHash(key)))?.name, 'dev');
  for (const path of ['/agents', '/agents/dev']) {
    const { text } = await api.call('standard', 'GET', path);
    assert.ok(!text.includes(key) && !text.includes(secretHash(key)));
  }
  assert.equal((await api.call('admin', 'POST', '/agents', { name: 'dev' })).status, 409);
});

test('an agent’s key opens its own agent and nothing else', async () => {
  await using api = await openApi();
  const keys = new AgentKeys(api.store.agents);
  const dsn: string = (await api.call('admin', 'POST', '/agents', { name: 'dev' })).body.token;
  const other: string = (await api.call('admin', 'POST', '/agents', { name: 'other' })).body.token;
  const agent = await api.store.agents.get('dev');
  const keyId = secretHash(parseDsn(dsn).key);
  assert.deepEqual(await keys.verify(dsn), { agentId: agent?.id, name: 'dev', keyId });
  const refused = [
    dsn.replace('//dev:', '//other:'),
    other.replace('//other:', '//dev:'),
    dsn.replace('xagt-', 'xagt_'),
    api.tokens.admin,
    '',
  ];
  for (const text of refused) {
    await assert.rejects(keys.verify(text), (error: unknown) => {
      assert.ok(error instanceof Refusal && error.code === 'agent_key_invalid');
      assert.ok(!error.message.includes(parseDsn(dsn).key));
      return true;
    });
  }
});

test('a deleted agent is cut off, and its key is worth nothing; deleting it again changes nothing', async () => {
  await using api = await openApi();
  const dsn: string = (await api.call('admin', 'POST', '/agents', { name: 'dev' })).body.token;
  const agent = await api.store.agents.get('dev');
  assert.equal((await api.call('admin', 'DELETE', '/agents/dev')).status, 204);
  assert.deepEqual(api.engine.calls, [`disconnect ${agent?.id}`]);
  await assert.rejects(new AgentKeys(api.store.agents).verify(dsn), Refusal);
  assert.equal((await api.call('admin', 'DELETE', '/agents/dev')).status, 204);
  assert.equal((await api.call('admin', 'GET', '/agents/dev')).status, 404);
});

test('an agent is listed as connected while it is linked to this gateway or to another', async () => {
  await using api = await openApi();
  for (const name of ['here', 'there', 'gone']) await api.call('admin', 'POST', '/agents', { name });
  const id = async (name: string): Promise<string> => (await api.store.agents.get(name))?.id ?? '';
  api.engine.online.add(await id('here'));
  for (const gatewayId of ['this-gateway', 'another-gateway']) await api.store.gateways.beat(gatewayId);
  const link = async (gatewayId: string, name: string): Promise<void> =>
    api.store.gateways.linked({ gatewayId, agentId: await id(name), connection: '' });
  await link('another-gateway', 'there');
  const metadata = { hostname: 'box', version: '0.1.0', platform: 'linux/amd64', kernel_version: '6.1' };
  await api.store.agents.seen(await id('there'), { status: 'CONNECTED', gatewayId: 'another-gateway', metadata });
  // What this gateway, or one that is dead, said of an agent is not true any more.
  await api.store.agents.seen(await id('gone'), { status: 'CONNECTED', gatewayId: 'this-gateway' });
  await link('this-gateway', 'gone');
  await link('dead-gateway', 'gone');
  const names = async (status: string): Promise<string[]> =>
    (await api.call('standard', 'GET', `/agents?status=${status}`)).body.map((agent: { name: string }) => agent.name);
  assert.deepEqual(await names('CONNECTED'), ['here', 'there']);
  assert.deepEqual(await names('DISCONNECTED'), ['gone']);
  const there = (await api.call('standard', 'GET', '/agents/there')).body;
  assert.deepEqual(
    [there.hostname, there.version, there.platform, there.kernel_version, there.token],
    ['box', '0.1.0', 'linux/amd64', '6.1', ''],
  );
});

test('an agent for networks that only let HTTP out gets a key for the API’s address', async () => {
  await using api = await openApi();
  const { body } = await api.call('admin', 'POST', '/agents', { name: 'behind', transport: 'http' });
  const { key: _, ...dsn } = parseDsn(body.token);
  assert.deepEqual(dsn, { scheme: 'http', name: 'behind', host: '127.0.0.1', port: 8009, mode: 'standard' });
});

test('everything that an agent tells of its machine is shown, and nothing is misspelt away', async () => {
  await using api = await openApi();
  await api.call('admin', 'POST', '/agents', { name: 'dev', mode: 'embedded' });
  const metadata = { version: '1.2.3', hostname: 'box', platform: 'linux/arm64', kernel_version: '6.1.0', machine_id: 'abc' };
  await api.store.agents.seen((await api.store.agents.get('dev'))?.id ?? '', { status: 'DISCONNECTED', gatewayId: 'x', metadata });
  const { id: _, ...shown } = (await api.call('standard', 'GET', '/agents/dev')).body;
  assert.deepEqual(shown, {
    ...{ name: 'dev', mode: 'embedded', status: 'DISCONNECTED', token: '', metadata, ...metadata },
    ...{ goversion: '', compiler: '' },
  });
});
