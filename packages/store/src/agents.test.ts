import assert from 'node:assert/strict';
import { it } from 'node:test';
import { agentId } from './agents.ts';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

const DEV = { name: 'dev', mode: 'standard', keyHash: 'a'.repeat(64) } as const;

onEachDatabase('agents', (database) => {
  it('gives back what was stored, by id, by name and by the hash of the key, and never the hash', async () => {
    const { agents } = await database.store();
    const agent = await agents.create(DEV);
    assert.equal(agent.status, 'DISCONNECTED');
    assert.deepEqual(await agents.get('dev'), agent);
    assert.deepEqual(await agents.get(agent.id), agent);
    assert.deepEqual(await agents.byKeyHash(DEV.keyHash), agent);
    assert.equal(await agents.byKeyHash('b'.repeat(64)), undefined);
    assert.ok(!JSON.stringify([agent, await agents.list()]).includes(DEV.keyHash));
  });

  it('gives an agent of the same name the same id, after a deletion too', async () => {
    const { agents } = await database.store();
    const agent = await agents.create(DEV);
    await assert.rejects(agents.create({ ...DEV, keyHash: 'b'.repeat(64) }), code('agent_exists'));
    assert.equal(await agents.delete('dev'), true);
    assert.equal(await agents.delete('dev'), false);
    assert.equal(await agents.byKeyHash(DEV.keyHash), undefined);
    const again = await agents.create({ ...DEV, keyHash: 'b'.repeat(64) });
    assert.equal(again.id, agent.id);
    assert.equal(again.id, agentId('dev'));
  });

  it('refuses names that look like an id, so that none can stand in for another agent', async () => {
    const { agents } = await database.store();
    await assert.rejects(agents.create({ ...DEV, name: agentId('other') }), code('name_reserved'));
  });

  it('notes when an agent was seen and what it said of itself, and keeps that while it is away', async () => {
    const clock = new TestClock();
    const { agents } = await database.store({ clock });
    const { id } = await agents.create(DEV);
    clock.now_ms += 10;
    const metadata = { hostname: 'h', __proto__x: 'y', version: '1' };
    await agents.seen(id, { status: 'CONNECTED', metadata, gatewayId: 'g1' });
    await agents.seen(id, { status: 'DISCONNECTED' });
    const agent = await agents.get('dev');
    assert.deepEqual(agent?.metadata, metadata);
    assert.deepEqual([agent?.status, agent?.seenAt, agent?.gatewayId], ['DISCONNECTED', clock.now_ms, 'g1']);
    await agents.seen(agentId('nobody'), { status: 'CONNECTED' });
    assert.equal((await agents.list()).length, 1);
  });

  it('calls nobody connected after a start of the gateway, and leaves those of other gateways', async () => {
    const { agents } = await database.store();
    const mine = await agents.create(DEV);
    const other = await agents.create({ name: 'other', mode: 'embedded', keyHash: 'c'.repeat(64) });
    await agents.seen(mine.id, { status: 'CONNECTED', gatewayId: 'g1' });
    await agents.seen(other.id, { status: 'CONNECTED', gatewayId: 'g2' });
    await agents.disconnectAll('g1');
    const statuses = (await agents.list()).map((agent) => [agent.name, agent.status]);
    assert.deepEqual(statuses, [
      ['dev', 'DISCONNECTED'],
      ['other', 'CONNECTED'],
    ]);
  });
});
