import assert from 'node:assert/strict';
import { it } from 'node:test';
import { GATEWAY_DEAD_MS } from './gateways.ts';
import { onEachDatabase, TestClock } from './testing/suite.ts';

const LINK = { gatewayId: 'here', agentId: 'agent', connection: '' } as const;

onEachDatabase('gateways', (database) => {
  it('tell who is linked to which, as long as they live', async () => {
    const clock = new TestClock();
    const { gateways } = await database.store({ clock });
    await gateways.beat('here');
    await gateways.beat('there');
    const declared = { ...LINK, gatewayId: 'there', connection: 'app' };
    await gateways.linked(LINK);
    await gateways.linked(LINK);
    await gateways.linked(declared);
    assert.deepEqual(await gateways.links(), [LINK, declared]);
    clock.now_ms += GATEWAY_DEAD_MS;
    await gateways.beat('there');
    assert.deepEqual(await gateways.links(), [declared]);
    assert.deepEqual([await gateways.isLive('here'), await gateways.isLive('there')], [false, true]);
    await gateways.unlinked(declared);
    assert.deepEqual(await gateways.links(), []);
  });

  it('that start again have no links of their earlier life', async () => {
    const { gateways } = await database.store();
    await gateways.linked(LINK);
    await gateways.forget('here');
    await gateways.beat('here');
    assert.deepEqual(await gateways.links(), []);
  });
});
