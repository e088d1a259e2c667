import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { GuardrailRule } from '@hoop/contract/tunnel';
import type { ConnectionRow } from './connections.ts';
import type { Store } from './store.ts';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

const DENY: GuardrailRule = { type: 'pattern_match', words: [], pattern_regex: 'drop\\s+table', message: 'No drops' };

function connect(store: Store, name: string, attributes: readonly string[] = []): Promise<ConnectionRow> {
  return store.connections.create({ name, type: 'database', subtype: 'postgres', agentId: 'a', attributes });
}

async function names(rules: Promise<readonly { name: string }[]>): Promise<string[]> {
  return (await rules).map((rule) => rule.name);
}

onEachDatabase('guardrails and masking rules', (database) => {
  it('gives every field of a guardrail back', async () => {
    const clock = new TestClock();
    const store = await database.store({ clock });
    const { id } = await connect(store, 'pg');
    const fields = {
      name: 'g',
      description: 'd',
      input: [DENY],
      output: [DENY],
      connectionIds: [id],
      attributes: ['pii'],
      managedBy: 'hoop',
    };
    const rule = await store.guardrails.create(fields);
    const server = { id: rule.id, orgId: rule.orgId, createdAt: clock.now_ms, updatedAt: clock.now_ms };
    assert.deepEqual(rule, { ...fields, ...server });
    assert.deepEqual(await store.guardrails.get('g'), rule);
    assert.deepEqual(await store.guardrails.get(rule.id), rule);
    assert.deepEqual(await store.guardrails.list(), [rule]);
    assert.deepEqual((await store.connections.get('pg'))?.guardrailRuleIds, [rule.id]);
  });

  it('gives every field of a masking rule back', async () => {
    const clock = new TestClock();
    const store = await database.store({ clock });
    const { id } = await connect(store, 'pg');
    const fields = {
      name: 'm',
      description: 'd',
      supportedEntityTypes: [{ name: 'PII', entityTypes: ['EMAIL_ADDRESS'] }],
      customEntityTypes: [{ name: 'TICKET', regex: 'T-\\d+', denyList: ['x'], score: 0.7 }],
      columns: ['*email*', 'hr.people.salary'],
      scoreThreshold: 0.6,
      strategy: 'partial' as const,
      keep: 3,
      connectionIds: [id],
      attributes: ['pii'],
      managedBy: null,
    };
    const rule = await store.maskingRules.create(fields);
    const server = { id: rule.id, orgId: rule.orgId, inactiveConnectionIds: [], createdAt: clock.now_ms, updatedAt: clock.now_ms };
    assert.deepEqual(rule, { ...fields, ...server });
    assert.deepEqual(await store.maskingRules.get('m'), rule);
    assert.deepEqual(await store.maskingRules.list(), [rule]);
    for (const scoreThreshold of [0, 1, null]) {
      assert.equal((await store.maskingRules.update('m', { scoreThreshold }))?.scoreThreshold, scoreThreshold);
    }
  });

  it('applies rules by connection and by attribute, and to nobody else', async () => {
    const store = await database.store();
    const pg = await connect(store, 'pg');
    const tagged = await connect(store, 'tagged', ['pii']);
    const bare = await connect(store, 'bare');
    for (const rules of [store.guardrails, store.maskingRules]) {
      await rules.create({ name: 'direct', connectionIds: [pg.id] });
      await rules.create({ name: 'by attribute', attributes: ['pii', 'other'] });
      await rules.create({ name: 'unused' });
      assert.deepEqual(await names(rules.rulesOf(pg.id)), ['direct']);
      assert.deepEqual(await names(rules.rulesOf(tagged.id)), ['by attribute']);
      assert.deepEqual(await names(rules.rulesOf(bare.id)), []);
      assert.deepEqual(await names(rules.rulesOf('nobody')), []);
    }
  });

  it('grows the revision with every change of what applies, and with nothing else', async () => {
    const store = await database.store();
    const { id } = await connect(store, 'pg');
    let before = await store.policyRevision();
    const grows = async (what: string, change: () => Promise<unknown>): Promise<void> => {
      await change();
      const after = await store.policyRevision();
      assert.ok(after > before, what);
      before = after;
    };
    await grows('create guardrail', () => store.guardrails.create({ name: 'g' }));
    await grows('attach', () => store.guardrails.update('g', { connectionIds: [id] }));
    await grows('detach from the other side', () => store.connections.update(id, { guardrailRuleIds: [] }));
    await grows('attribute of a connection', () => store.connections.update(id, { attributes: ['x'] }));
    await grows('change', () => store.guardrails.update('g', { input: [DENY] }));
    await grows('delete', () => store.guardrails.delete('g'));
    await grows('create mask', () => store.maskingRules.create({ name: 'm' }));
    const [mask] = await store.maskingRules.list();
    await grows('switch', () => store.maskingRules.switchFor(id, [{ ruleId: mask?.id ?? '', active: true }]));
    await grows('change mask', () => store.maskingRules.update('m', { description: 'd' }));
    await grows('delete mask', () => store.maskingRules.delete('m'));
    await store.guardrails.delete('g');
    await store.guardrails.update('nobody', { description: 'x' });
    await assert.rejects(store.guardrails.create({ name: 'x', connectionIds: ['nobody'] }), code('connection_unknown'));
    await store.connections.update(id, { command: ['psql'], mergeSecrets: { 'envvar:A': 'YQ==' } });
    assert.equal(await store.policyRevision(), before);
  });

  it('loses no revision when changes race', async () => {
    const place = await database.place();
    const neighbour = database.neighbour(place);
    const one = await database.store(place);
    const other = neighbour ? await database.store(neighbour) : one;
    const before = await one.policyRevision();
    const create = (index: number) => (index % 2 ? one : other).guardrails.create({ name: `g${index}` });
    await Promise.all(Array.from({ length: 20 }, (_, index) => create(index)));
    assert.equal(await other.policyRevision(), before + 20);
  });

  it('refuses names that are taken and connections that do not exist, and stores nothing then', async () => {
    const store = await database.store();
    for (const [rules, exists] of [
      [store.guardrails, 'guardrail_exists'],
      [store.maskingRules, 'masking_rule_exists'],
    ] as const) {
      const { id } = await rules.create({ name: 'a' });
      await rules.create({ name: 'b' });
      await assert.rejects(rules.create({ name: 'a' }), code(exists));
      await assert.rejects(rules.update('b', { name: 'a' }), code(exists));
      await assert.rejects(rules.create({ name: id }), code('name_reserved'));
      await assert.rejects(rules.create({ name: 'c', connectionIds: ['nobody'] }), code('connection_unknown'));
      assert.deepEqual(await names(rules.list()), ['a', 'b']);
    }
  });

  it('keeps a mask off where an administrator switched it off, whatever its attributes say', async () => {
    const store = await database.store();
    const { id } = await connect(store, 'pg', ['pii']);
    const rule = await store.maskingRules.create({ name: 'm', attributes: ['pii'] });
    await store.maskingRules.switchFor(id, [{ ruleId: rule.id, active: false }]);
    assert.deepEqual(await names(store.maskingRules.rulesOf(id)), []);
    const off = await store.maskingRules.update('m', { description: 'changed', connectionIds: [] });
    assert.deepEqual(off?.inactiveConnectionIds, [id]);
    assert.deepEqual(await names(store.maskingRules.rulesOf(id)), []);
    await store.maskingRules.switchFor(id, [{ ruleId: rule.id, active: true }]);
    assert.deepEqual(await names(store.maskingRules.rulesOf(id)), ['m']);
    await assert.rejects(store.maskingRules.switchFor(id, [{ ruleId: 'nobody', active: true }]), code('masking_rule_unknown'));
    await assert.rejects(store.maskingRules.switchFor('nobody', [{ ruleId: rule.id, active: true }]), code('masking_rule_unknown'));
  });

  it('gives the whole policy of a connection, and forgets a deleted connection', async () => {
    const store = await database.store();
    const { id } = await connect(store, 'pg');
    const guardrail = await store.guardrails.create({ name: 'g', connectionIds: [id, id] });
    const mask = await store.maskingRules.create({ name: 'm', connectionIds: [id] });
    const policy = { revision: await store.policyRevision(), guardrails: [guardrail], maskingRules: [mask], redactTypes: [] };
    assert.deepEqual(await store.policyOf(id), policy);
    await store.connections.update(id, { redactTypes: ['EMAIL_ADDRESS'] });
    const redacting = await store.policyOf(id);
    assert.deepEqual(redacting.redactTypes, ['EMAIL_ADDRESS']);
    assert.ok(redacting.revision > policy.revision);
    await store.connections.delete(id);
    assert.deepEqual((await store.guardrails.get('g'))?.connectionIds, []);
    assert.deepEqual((await store.maskingRules.get('m'))?.connectionIds, []);
  });
});
