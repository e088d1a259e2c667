import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import type { AgentHello, DeclaredConnection } from '@hoop/contract/tunnel';
import { silentLog } from '@hoop/core/log';
import { protocolNamed } from '@hoop/protocols/all';
import { openStore, type Store } from '@hoop/store/store';
import type { AgentLink } from '@hoop/tunnel/link';
import { AgentAdmission } from './agent-admission.ts';
import { AgentHub } from './hub.ts';
import { FakeEngine, fileLog, opaqueProtocol, scratchDirectory } from './testing/fixtures.ts';

const HELLO: AgentHello = {
  ...{ version: 1, product: '0.1.0', hostname: 'box', platform: 'linux/amd64', kernel: '', machine: '', protocols: [], features: [] },
  mode: 'standard',
};
const APP: DeclaredConnection = { name: 'app', type: 'custom', subtype: '', command: ['bash'], reviewers: [], redact_types: [] };

const PROTOCOLS = { get: (name: string) => protocolNamed(name) ?? opaqueProtocol(name) };

/** An agent that knocks, and what it is told. */
class Knock implements AgentLink {
  readonly agentId: string;
  readonly name = 'agent';
  readonly keyId: string | undefined;
  readonly hello: AgentHello;
  readonly #gone = Promise.withResolvers<void>();
  readonly closed = this.#gone.promise;
  told: { reason: string; code: string | undefined } | undefined;

  constructor(agentId: string, keyId: string, declares?: Partial<DeclaredConnection>) {
    this.agentId = agentId;
    this.keyId = keyId;
    this.hello = declares ? { ...HELLO, mode: 'embedded', declares: { ...APP, ...declares } } : HELLO;
  }

  openStream(): Promise<never> {
    return Promise.reject(new Error('not in this test'));
  }

  cancel(): void {}

  answerReview(): void {}

  changePolicy(): void {}

  close(reason: string, code?: string): void {
    this.told = { reason, code };
    this.#gone.resolve();
  }
}

const scratch = scratchDirectory();
after(() => scratch[Symbol.dispose]());
let store: Store;
let hub: AgentHub;
let engine: FakeEngine;
let admission: AgentAdmission;

beforeEach(async () => {
  store = await openStore({ home: `${scratch.path}/${randomUUID()}`, encryptionKey: Buffer.alloc(32, 1), log: silentLog() });
  hub = new AgentHub({ log: silentLog(), onChange: () => undefined });
  engine = new FakeEngine();
  admission = new AgentAdmission({ store, hub, live: engine, protocols: PROTOCOLS, log: silentLog() });
});

afterEach(async () => {
  await store.close();
});

async function embedded(name = 'dev'): Promise<string> {
  return (await store.agents.create({ name, mode: 'embedded', keyHash: `key of ${name}` })).id;
}

async function knock(agentId: string, declares?: Partial<DeclaredConnection>, keyId = 'key of dev'): Promise<Knock> {
  const link = new Knock(agentId, keyId, declares);
  await admission.admit(link);
  return link;
}

describe('an agent that comes with a good key', () => {
  test('is let in when it was started as its key says', async () => {
    const { id } = await store.agents.create({ name: 'dev', mode: 'standard', keyHash: 'key of dev' });
    assert.equal((await knock(id)).told, undefined);
    assert.ok(hub.isOnline(id));
  });

  test('is refused with words when it was not: an organization key is for hoop run alone, an ordinary one never', async () => {
    const org = await store.orgKeys.create({ key: 'xagt-x', keyHash: 'org' });
    const plain = await store.agents.create({ name: 'plain', mode: 'standard', keyHash: 'plain' });
    const standardWithOrgKey = await knock(org.id, undefined, 'org');
    const embeddedWithPlainKey = await knock(plain.id, {}, 'plain');
    const standardWithEmbeddedKey = await knock(await embedded());
    for (const { told } of [standardWithOrgKey, embeddedWithPlainKey, standardWithEmbeddedKey]) assert.equal(told?.code, 'agent_mode');
    assert.match(standardWithOrgKey.told?.reason ?? '', /organization key, which is for `hoop run`/);
    assert.match(embeddedWithPlainKey.told?.reason ?? '', /organization key: see/);
    assert.deepEqual([hub.online(), await store.connections.list()], [[], []]);
  });

  test('is cut off when the key was deleted between the check and the welcome, even if the agent was made anew', async () => {
    const id = await embedded();
    await store.agents.delete('dev');
    assert.equal((await knock(id, {})).told?.code, 'agent_key_invalid');
    await store.agents.create({ name: 'dev', mode: 'embedded', keyHash: 'another key' });
    const link = await knock(id, {});
    assert.equal(link.told?.code, 'agent_key_invalid');
    await link.closed;
    await Promise.resolve();
    assert.equal(hub.isOnline(id), false);
  });

  test('hears nothing of a fault of the gateway itself, and may come back', async () => {
    const id = await embedded();
    await store.close();
    const { told } = await knock(id, {});
    assert.deepEqual(told, { reason: 'The gateway cannot take agents now', code: undefined });
  });
});

describe('a declared connection', () => {
  test('is made with all access modes, for the agent that declared it', async () => {
    const id = await embedded();
    await knock(id, { reviewers: ['dba'] });
    const row = await store.connections.get('app');
    assert.deepEqual(
      [row?.managedBy, row?.ownAgentId, row?.type, row?.command, row?.reviewers],
      ['hoopagent', id, 'custom', ['bash'], ['dba']],
    );
    assert.deepEqual(row?.accessModes, { connect: true, exec: true, runbooks: true });
    assert.ok(hub.isOnline(id, 'app'));
    assert.equal(hub.isOnline(id, 'other'), false);
  });

  test('is written once while it stays the same, and keeps what administrators switched off', async () => {
    const id = await embedded();
    await knock(id, {});
    const row = await store.connections.update('app', { accessModes: { exec: false } });
    await knock(id, {});
    assert.deepEqual(await store.connections.get('app'), row);
    assert.deepEqual(engine.calls, []);
    await knock(id, { command: ['zsh'] });
    const changed = await store.connections.get('app');
    assert.deepEqual([changed?.command, changed?.accessModes.exec, changed?.id], [['zsh'], false, row?.id]);
    assert.deepEqual(engine.calls, [`policy ${row?.id}`]);
  });

  test('has the data masked that it names, like any other rule', async () => {
    const id = await embedded();
    const { told } = await knock(id, { type: 'database', subtype: 'postgres', command: [], redact_types: ['EMAIL_ADDRESS'] });
    assert.equal(told, undefined);
    const row = await store.connections.get('app');
    assert.deepEqual((await store.policyOf(row?.id ?? '')).redactTypes, ['EMAIL_ADDRESS']);
  });

  test('never takes the name of somebody else’s connection', async () => {
    const [mine, other] = [await embedded(), await embedded('other')];
    await store.connections.create({ name: 'theirs', type: 'custom', subtype: '', agentId: mine });
    await knock(other, { name: 'app' }, 'key of other');
    for (const name of ['theirs', 'app']) {
      const { told } = await knock(mine, { name });
      assert.equal(told?.code, 'connection_taken');
      assert.match(told?.reason ?? '', new RegExp(`There is a connection ${name} already`));
    }
    assert.equal((await store.connections.get('theirs'))?.managedBy, null);
    assert.equal((await store.connections.get('app'))?.ownAgentId, other);
    assert.equal(hub.isOnline(mine), false);
  });

  test('may come from many processes with one key at the same time', async () => {
    const { id } = await store.orgKeys.create({ key: 'xagt-x', keyHash: 'org' });
    const links = await Promise.all(
      Array.from({ length: 20 }, (_, index) => knock(id, { name: index < 10 ? 'app' : `app-${index}` }, 'org')),
    );
    assert.deepEqual(
      links.filter(({ told }) => told),
      [],
    );
    assert.equal((await store.connections.list()).length, 11);
    await store.orgKeys.delete();
    hub.disconnect(id, 'revoked');
    assert.ok(links.every(({ told }) => told?.reason === 'revoked'));
    for (const link of links) await link.closed;
    await Promise.resolve();
    assert.deepEqual(hub.online(), []);
  });

  test('that cannot be kept is refused: its name, its type, what it wants masked', async () => {
    const id = await embedded();
    const wrong: Partial<DeclaredConnection>[] = [
      { name: '../x' },
      { name: '' },
      { type: 'nonsense' },
      { type: 'database', subtype: 'postgres', redact_types: ['NO_SUCH_THING'] },
      { type: 'application', subtype: 'tcp', redact_types: ['EMAIL_ADDRESS'] },
      { reviewers: Array.from({ length: 101 }, () => 'x') },
    ];
    for (const declares of wrong) assert.equal((await knock(id, declares)).told?.code, 'bad_declaration', JSON.stringify(declares));
    assert.deepEqual([hub.online(), await store.connections.list()], [[], []]);
  });

  test('of a refused agent leaves its words in the log, without the key', async () => {
    using file = fileLog(scratch.path);
    const id = await embedded();
    const told = new AgentAdmission({ store, hub, live: engine, protocols: PROTOCOLS, log: file.log });
    await told.admit(new Knock(id, 'key of dev', { name: '../x' }));
    assert.match(file.text(), /"code":"bad_declaration"/);
    assert.ok(!file.text().includes('key of dev'));
  });
});
