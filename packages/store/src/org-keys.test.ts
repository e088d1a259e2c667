import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { agentId } from './agents.ts';
import { ORG_AGENT } from './org-keys.ts';
import { code, onEachDatabase } from './testing/suite.ts';

const KEY = { key: 'xagt-a-key-that-can-be-seen-again', keyHash: 'a'.repeat(64) };

onEachDatabase('the organization key', (database) => {
  it('is one, can be seen again, and is found by its hash as the agent that stands for all', async () => {
    const { orgKeys, agents } = await database.store();
    assert.equal(await orgKeys.get(), undefined);
    const made = await orgKeys.create(KEY);
    assert.deepEqual(await orgKeys.get(), made);
    assert.equal(made.key, KEY.key);
    const agent = await agents.byKeyHash(KEY.keyHash);
    assert.deepEqual([agent?.id, agent?.name, agent?.mode], [agentId(ORG_AGENT), ORG_AGENT, 'multi-connection']);
    await assert.rejects(orgKeys.create({ key: 'xagt-another', keyHash: 'b'.repeat(64) }), code('org_key_exists'));
    assert.ok(!JSON.stringify(await agents.list()).includes(KEY.key));
  });

  it('is gone when it is deleted, and the next one is for the same agent', async () => {
    const { orgKeys, agents } = await database.store();
    const { id } = await orgKeys.create(KEY);
    assert.equal(await orgKeys.delete(), id);
    assert.equal(await orgKeys.delete(), undefined);
    assert.equal(await agents.byKeyHash(KEY.keyHash), undefined);
    assert.equal((await orgKeys.create({ key: 'xagt-new', keyHash: 'b'.repeat(64) })).id, id);
  });

  it('and the variables of resources open after the encryption key was changed', async () => {
    const place = await database.place();
    const before = await database.store(place);
    await before.orgKeys.create(KEY);
    await before.resources.create({ name: 'r', type: 'custom', subtype: '', agentId: '', env: { 'envvar:A': 'YQ==' } });
    await before.close();
    const encryptionKey = randomBytes(32);
    const during = await database.store({ ...place, encryptionKey, oldEncryptionKeys: [place.encryptionKey] });
    assert.ok((await during.reseal()) >= 2);
    await during.close();
    const after = await database.store({ ...place, encryptionKey });
    assert.equal((await after.orgKeys.get())?.key, KEY.key);
    assert.deepEqual(await after.resources.envOf('r'), { 'envvar:A': 'YQ==' });
  });
});
