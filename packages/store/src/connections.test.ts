import assert from 'node:assert/strict';
import { it } from 'node:test';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

const PG = { name: 'pg', type: 'database', subtype: 'postgres', agentId: 'agent-1' } as const;
const SECRETS = { 'envvar:HOST': 'bG9jYWxob3N0', 'envvar:PASS': 'c2VjcmV0' };

onEachDatabase('connections', (database) => {
  it('fills in what is absent, and gives every field back', async () => {
    const clock = new TestClock();
    const { connections, guardrails } = await database.store({ clock });
    const plain = await connections.create(PG);
    assert.deepEqual(plain.accessModes, { connect: true, exec: true, runbooks: true });
    assert.deepEqual([plain.command, plain.secretKeys, plain.tags, plain.managedBy], [[], [], [], null]);
    const rule = await guardrails.create({ name: 'rule' });
    const fields = {
      ...PG,
      name: 'full',
      resourceName: 'res',
      command: ['psql', '-c', 'select 1'],
      defaultDatabase: 'db',
      accessModes: { connect: false, exec: true, runbooks: false },
      accessSchema: false,
      reviewers: ['dba'],
      minReviewApprovals: 2,
      forceApproveGroups: ['sre'],
      accessMaxDuration_s: 3600,
      redactEnabled: true,
      redactTypes: ['EMAIL_ADDRESS'],
      mandatoryMetadataFields: ['ticket'],
      attributes: ['pii'],
      tags: ['prod'],
      connectionTags: { env: 'prod', __proto__x: '1' },
      guardrailRuleIds: [rule.id],
      managedBy: 'hoopagent',
    };
    const full = await connections.create(fields);
    const noted = { ownAgentId: 'agent-1', secretKeys: [], secretsUpdatedAt: null, probedAt: null, probeError: null };
    const server = { id: full.id, orgId: full.orgId, ...noted };
    assert.deepEqual(full, { ...fields, ...server, createdAt: clock.now_ms, updatedAt: clock.now_ms });
    assert.deepEqual(await connections.get('full'), full);
    assert.deepEqual(await connections.get(full.id), full);
    assert.deepEqual(await connections.list(), [full, plain]);
  });

  it('notes whether the target could be reached when it was last tried', async () => {
    const clock = new TestClock();
    const { connections } = await database.store({ clock });
    const { id } = await connections.create(PG);
    clock.now_ms += 7;
    await connections.probed(id, 'nobody answers');
    const failed = await connections.get('pg');
    assert.deepEqual([failed?.probedAt, failed?.probeError], [clock.now_ms, 'nobody answers']);
    await connections.probed(id, null);
    assert.equal((await connections.get('pg'))?.probeError, null);
  });

  it('keeps secrets apart from rows: a row has their keys only', async () => {
    const { connections } = await database.store();
    const row = await connections.create({ ...PG, secrets: SECRETS });
    assert.deepEqual(row.secretKeys, ['envvar:HOST', 'envvar:PASS']);
    assert.ok(!JSON.stringify([row, await connections.list(), await connections.get('pg')]).includes('c2VjcmV0'));
    assert.deepEqual(await connections.secretsOf(row.id), SECRETS);
    assert.deepEqual(await connections.secretsOf('nobody'), {});
  });

  it('replaces secrets as a whole, or merges single ones', async () => {
    const clock = new TestClock();
    const { connections } = await database.store({ clock });
    const { id } = await connections.create({ ...PG, secrets: SECRETS });
    clock.now_ms += 7;
    const merged = await connections.update('pg', { mergeSecrets: { 'envvar:PASS': null, 'envvar:PORT': 'NTQzMg==' } });
    assert.deepEqual(await connections.secretsOf(id), { 'envvar:HOST': 'bG9jYWxob3N0', 'envvar:PORT': 'NTQzMg==' });
    assert.deepEqual([merged?.secretKeys, merged?.secretsUpdatedAt], [['envvar:HOST', 'envvar:PORT'], clock.now_ms]);
    await connections.update(id, { secrets: { 'envvar:USER': 'dQ==' } });
    assert.deepEqual(await connections.secretsOf(id), { 'envvar:USER': 'dQ==' });
    await connections.update(id, { secrets: {} });
    assert.deepEqual([await connections.secretsOf(id), (await connections.get(id))?.secretKeys], [{}, []]);
  });

  it('loses no secret when many patches of one connection race', async () => {
    const { connections } = await database.store();
    const { id } = await connections.create(PG);
    const keys = Array.from({ length: 12 }, (_, index) => `envvar:K${String(index).padStart(2, '0')}`);
    await Promise.all(keys.map((key) => connections.update(id, { mergeSecrets: { [key]: 'dg==' } })));
    assert.deepEqual(Object.keys(await connections.secretsOf(id)).sort(), keys);
    assert.deepEqual((await connections.get(id))?.secretKeys, keys);
  });

  it('takes secrets with keys that JavaScript has a use for', async () => {
    const { connections } = await database.store();
    const secrets = JSON.parse('{"__proto__":"cA==","constructor":"Yw==","toString":"dA==","envvar:\\u0000":"eA==","🦊":"8J+mig=="}');
    const { id, secretKeys } = await connections.create({ ...PG, secrets });
    assert.equal(secretKeys.length, 5);
    const found = await connections.secretsOf(id);
    assert.deepEqual(Object.entries(found).sort(), Object.entries(secrets).sort());
    assert.equal(Object.getPrototypeOf(found), Object.prototype);
    await connections.update(id, { mergeSecrets: JSON.parse('{"__proto__":null,"constructor":"bmV3"}') });
    const after = await connections.secretsOf(id);
    assert.equal(Object.hasOwn(after, '__proto__'), false);
    assert.deepEqual(
      Object.entries(after).find(([key]) => key === 'constructor'),
      ['constructor', 'bmV3'],
    );
  });

  it('refuses a name that is taken, or that looks like an id', async () => {
    const { connections } = await database.store();
    const { id } = await connections.create(PG);
    await connections.create({ ...PG, name: 'other' });
    await assert.rejects(connections.create(PG), code('connection_exists'));
    await assert.rejects(connections.update('other', { name: 'pg' }), code('connection_exists'));
    await assert.rejects(connections.create({ ...PG, name: id }), code('name_reserved'));
    await assert.rejects(connections.update('other', { name: id }), code('name_reserved'));
    assert.equal((await connections.list()).length, 2);
  });

  it('stores nothing of a connection whose guardrail does not exist', async () => {
    const { connections } = await database.store();
    await assert.rejects(connections.create({ ...PG, secrets: SECRETS, guardrailRuleIds: ['nobody'] }), code('guardrail_unknown'));
    assert.deepEqual(await connections.list(), []);
  });

  it('changes only the fields that a patch names; null empties', async () => {
    const { connections } = await database.store();
    const row = await connections.create({ ...PG, minReviewApprovals: 3, command: ['a'], accessModes: { exec: false } });
    const changed = await connections.update('pg', { minReviewApprovals: null, accessModes: { connect: false } });
    const accessModes = { connect: false, exec: false, runbooks: true };
    assert.deepEqual(changed, { ...row, minReviewApprovals: null, accessModes, updatedAt: changed?.updatedAt });
    assert.equal(await connections.update('nobody', { command: [] }), undefined);
  });

  it('filters lists, and takes a search term literally', async () => {
    const { connections } = await database.store();
    const mysql = {
      ...PG,
      name: 'My_SQL',
      subtype: 'mysql',
      agentId: 'agent-2',
      tags: ['a', 'b'],
      connectionTags: { env: 'dev', team: 'x' },
    };
    const { id } = await connections.create(mysql);
    await connections.create({ ...PG, name: 'my-sql', connectionTags: { env: 'prod', team: 'x' }, attributes: ['pii'] });
    await connections.create({ ...PG, name: 'x%y\\z', managedBy: 'hoopagent', resourceName: 'res' });
    const names = async (filter: Parameters<typeof connections.list>[0]): Promise<string[]> =>
      (await connections.list(filter)).map((row) => row.name);
    assert.deepEqual(await names({ search: 'MY_' }), ['My_SQL']);
    assert.deepEqual(await names({ search: '%y\\' }), ['x%y\\z']);
    assert.deepEqual(await names({ search: 'POSTGRES' }), ['my-sql', 'x%y\\z']);
    assert.deepEqual(await names({ agentId: 'agent-2' }), ['My_SQL']);
    assert.deepEqual(await names({ type: 'database', subtype: 'postgres' }), ['my-sql', 'x%y\\z']);
    assert.deepEqual(await names({ managedBy: 'hoopagent', resourceName: 'res' }), ['x%y\\z']);
    assert.deepEqual(await names({ ids: [id, 'nobody'] }), ['My_SQL']);
    assert.deepEqual(await names({ ids: [] }), []);
    assert.deepEqual(await names({ name: 'my-sql' }), ['my-sql']);
    assert.deepEqual(await names({ tags: ['b', 'c'] }), ['My_SQL']);
    assert.deepEqual(await names({ attribute: 'pii' }), ['my-sql']);
    assert.deepEqual(await names({ connectionTags: { team: 'x' } }), ['My_SQL', 'my-sql']);
    assert.deepEqual(await names({ connectionTags: { team: 'x', env: 'prod' } }), ['my-sql']);
    assert.deepEqual(await names({ connectionTags: JSON.parse('{"constructor":"x"}') }), []);
  });

  it('deletes secrets and credentials with the connection', async () => {
    const { connections, credentials, users } = await database.store();
    const { id } = await connections.create({ ...PG, secrets: SECRETS });
    const user = await users.create({ email: 'a@example.org', name: '', groups: [], status: 'active' });
    await credentials.insert({ id: 'c', userId: user.id, connectionId: id, protocol: 'postgres', secretHash: 'h', expireAt: null });
    assert.equal(await connections.delete('pg'), true);
    assert.equal(await connections.delete('pg'), false);
    assert.deepEqual(await connections.secretsOf(id), {});
    assert.equal(await credentials.bySecretHash('h'), undefined);
  });

  it('refuses numbers that a database cannot keep exactly', async () => {
    const { connections } = await database.store();
    for (const accessMaxDuration_s of [2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 1.5]) {
      await assert.rejects(connections.create({ ...PG, accessMaxDuration_s }), code('store_value'), String(accessMaxDuration_s));
    }
    const row = await connections.create({ ...PG, accessMaxDuration_s: Number.MAX_SAFE_INTEGER });
    assert.equal((await connections.get(row.id))?.accessMaxDuration_s, Number.MAX_SAFE_INTEGER);
  });
});
