import assert from 'node:assert/strict';
import { it } from 'node:test';
import { code, onEachDatabase } from './testing/suite.ts';

const PG = { name: 'pg', type: 'database', subtype: 'postgres', agentId: '' } as const;
const ENV = { 'envvar:HOST': 'ZGI=', 'envvar:PASS': 'c2VjcmV0' };

onEachDatabase('resources', (database) => {
  it('give their connections an agent, and variables under their own', async () => {
    const { resources, connections } = await database.store();
    await resources.create({ name: 'orders', type: 'database', subtype: 'postgres', agentId: 'agent-1', env: ENV });
    const secrets = { 'envvar:PASS': 'b3du' };
    const { id } = await connections.create({ ...PG, resourceName: 'orders', secrets });
    const row = await connections.get('pg');
    assert.deepEqual([row?.agentId, row?.ownAgentId, row?.secretKeys], ['agent-1', '', ['envvar:PASS']]);
    assert.deepEqual(await connections.secretsOf(id), { ...ENV, ...secrets });
    assert.deepEqual(
      (await connections.list({ agentId: 'agent-1' })).map((each) => each.name),
      ['pg'],
    );
    await resources.update('orders', { agentId: 'agent-2', env: {} });
    assert.equal((await connections.get('pg'))?.agentId, 'agent-2');
    assert.deepEqual(await connections.secretsOf(id), secrets);
    await connections.update('pg', { agentId: 'own' });
    assert.equal((await connections.get('pg'))?.agentId, 'own');
    assert.deepEqual(await connections.list({ agentId: 'agent-2' }), []);
  });

  it('keep their variables out of every list, and sealed', async () => {
    const { resources } = await database.store();
    const row = await resources.create({ name: 'orders', type: 'database', subtype: 'postgres', agentId: '', env: ENV });
    assert.deepEqual(row.envKeys, ['envvar:HOST', 'envvar:PASS']);
    assert.ok(!JSON.stringify([row, await resources.list()]).includes(ENV['envvar:PASS']));
    assert.deepEqual(await resources.envOf('orders'), ENV);
  });

  it('come with a connection that names none, and go with the last of theirs', async () => {
    const { resources, connections } = await database.store();
    await connections.create({ ...PG, agentId: 'a' });
    assert.equal((await connections.get('pg'))?.resourceName, 'pg');
    assert.equal((await resources.get('pg'))?.type, 'database');
    await connections.create({ ...PG, name: 'pg2', agentId: 'a', resourceName: 'pg' });
    await connections.delete('pg');
    assert.ok(await resources.get('pg'));
    await connections.update('pg2', { resourceName: 'elsewhere' });
    assert.equal(await resources.get('pg'), undefined);
    await connections.delete('pg2');
    assert.deepEqual(await resources.list(), []);
  });

  it('that somebody made or changed stay without connections, and are not deleted while they have some', async () => {
    const { resources, connections } = await database.store();
    await connections.create({ ...PG, agentId: 'a' });
    await resources.update('pg', { subtype: 'postgres' });
    await assert.rejects(resources.delete('pg'), code('resource_in_use'));
    await assert.rejects(resources.create({ ...PG }), code('resource_exists'));
    await connections.delete('pg');
    assert.ok(await resources.get('pg'));
    assert.equal(await resources.delete('pg'), true);
    assert.equal(await resources.delete('pg'), false);
  });

  it('take their connections along when they are renamed', async () => {
    const { resources, connections } = await database.store();
    await resources.create({ name: 'orders', type: 'database', subtype: 'postgres', agentId: 'agent-1' });
    await connections.create({ ...PG, resourceName: 'orders' });
    await resources.update('orders', { name: 'sales' });
    const row = await connections.get('pg');
    assert.deepEqual([row?.resourceName, row?.agentId], ['sales', 'agent-1']);
  });
});
