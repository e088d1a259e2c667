import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AgentHello, DeclaredConnection, type PolicyMessage } from '@hoop/contract/tunnel';
import { TargetFault } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import type { AgentLink } from '@hoop/tunnel/link';
import { memoryStreams } from '@hoop/tunnel/memory';
import { AgentHub, changePolicy, type LinkChange } from './hub.ts';

const HELLO: AgentHello = {
  version: 1,
  product: 'x',
  hostname: 'h',
  platform: 'p',
  kernel: '',
  machine: '',
  protocols: [],
  features: [],
  mode: 'standard',
};

class FakeLink implements AgentLink {
  readonly agentId: string;
  readonly name = 'agent';
  readonly hello: AgentHello;
  readonly keyId: string | undefined;
  readonly #gone = Promise.withResolvers<void>();
  readonly closed = this.#gone.promise;
  readonly heard: string[] = [];
  opened = 0;
  failing = false;

  constructor(agentId: string, part: { declares?: string; keyId?: string } = {}) {
    this.agentId = agentId;
    const declares = part.declares === undefined ? undefined : DeclaredConnection.parse({ name: part.declares, type: 'custom' });
    this.hello = declares ? { ...HELLO, declares } : HELLO;
    this.keyId = part.keyId;
  }

  async openStream() {
    if (this.failing) throw new TargetFault('agent_timeout', 'no answer');
    this.opened++;
    return memoryStreams()[0];
  }

  cancel(session: string): void {
    this.heard.push(`cancel ${session}`);
  }

  answerReview(): void {}

  changePolicy(sessions: readonly string[], { revision }: PolicyMessage): void {
    this.heard.push(`${revision}: ${sessions.join()}`);
  }

  close(reason: string): void {
    this.heard.push(reason);
    this.#gone.resolve();
  }
}

function hubWith(...links: FakeLink[]): { hub: AgentHub; changes: string[] } {
  const changes: string[] = [];
  const onChange = ({ agentId, connection, online }: LinkChange): void => {
    changes.push(`${agentId}${connection && ` for ${connection}`} ${online ? 'came' : 'went'}`);
  };
  const hub = new AgentHub({ log: silentLog(), onChange });
  for (const link of links) hub.attach(link);
  return { hub, changes };
}

describe('the hub', () => {
  test('gives new sessions to the process with the fewest', async () => {
    const links = [new FakeLink('a'), new FakeLink('a'), new FakeLink('a')];
    const { hub } = hubWith(...links);
    const streams = await Promise.all(Array.from({ length: 9 }, () => hub.open('a', 'shop')));
    assert.deepEqual(
      links.map(({ opened }) => opened),
      [3, 3, 3],
    );
    for (const { link, release } of streams) if (link === links[1]) release();
    for (let time = 0; time < 3; time++) await hub.open('a', 'shop');
    assert.deepEqual(
      links.map(({ opened }) => opened),
      [3, 6, 3],
    );
  });

  test('passes over a process that does not answer, and does not count what could not be opened', async () => {
    const [bad, good] = [new FakeLink('a'), new FakeLink('a')];
    bad.failing = true;
    const { hub } = hubWith(bad, good);
    await hub.open('a', 'shop');
    assert.equal(good.opened, 1);
    bad.failing = false;
    await hub.open('a', 'shop');
    assert.equal(bad.opened, 1);
  });

  test('says why nobody could be asked when none answers', async () => {
    const bad = new FakeLink('a');
    bad.failing = true;
    await assert.rejects(hubWith(bad).hub.open('a', 'shop'), /no answer/);
  });

  test('tells of an agent when its first process comes and when its last one goes', async () => {
    const [one, two] = [new FakeLink('a'), new FakeLink('a')];
    const { hub, changes } = hubWith(one, two, new FakeLink('b'));
    assert.deepEqual(changes, ['a came', 'b came']);
    assert.deepEqual([hub.isOnline('a'), hub.isOnline('c'), hub.online()], [true, false, ['a', 'b']]);
    assert.equal(hub.describe('a')?.hostname, 'h');
    one.close('bye');
    await one.closed;
    await Promise.resolve();
    assert.deepEqual(changes, ['a came', 'b came']);
    two.close('bye');
    await two.closed;
    await Promise.resolve();
    assert.deepEqual(changes.at(-1), 'a went');
    await assert.rejects(hub.open('a', 'shop'), (error) => error instanceof TargetFault && error.code === 'agent_offline');
  });

  test('ends every process of an agent whose key is deleted, and no other’s', () => {
    const links = [new FakeLink('a'), new FakeLink('a'), new FakeLink('b')];
    const { hub } = hubWith(...links);
    hub.disconnect('a', 'key deleted');
    hub.disconnect('nobody', 'x');
    assert.deepEqual(
      links.map(({ heard }) => heard),
      [['key deleted'], ['key deleted'], []],
    );
  });

  test('gives a declared connection to the processes that declared it, and nothing else to them', async () => {
    const [rails, worker, plain] = [new FakeLink('a', { declares: 'rails' }), new FakeLink('a', { declares: 'worker' }), new FakeLink('a')];
    const { hub, changes } = hubWith(rails, worker);
    assert.deepEqual(changes, ['a for rails came', 'a for worker came']);
    for (const name of ['rails', 'rails', 'worker']) await hub.open('a', name);
    assert.deepEqual([rails.opened, worker.opened], [2, 1]);
    assert.deepEqual([hub.isOnline('a'), hub.isOnline('a', 'worker'), hub.isOnline('a', 'shop')], [true, true, false]);
    await assert.rejects(hub.open('a', 'shop'), (error) => error instanceof TargetFault && error.code === 'agent_offline');
    hub.attach(plain);
    await hub.open('a', 'shop');
    assert.equal(plain.opened, 1);
    rails.close('bye');
    await rails.closed;
    await Promise.resolve();
    assert.deepEqual(changes.slice(2), ['a came', 'a for rails went']);
    assert.equal(hub.isOnline('a', 'worker'), true);
  });

  test('ends only the processes that came with the key that was deleted, when another is there already', () => {
    const links = [new FakeLink('a', { keyId: 'old' }), new FakeLink('a', { keyId: 'new' })];
    const { hub } = hubWith(...links);
    hub.disconnect('a', 'revoked', 'old');
    assert.deepEqual(
      links.map(({ heard }) => heard),
      [['revoked'], []],
    );
  });

  test('waits for the last link when all are ended, but not for ever', async () => {
    const { hub, changes } = hubWith(new FakeLink('a'), new FakeLink('b'));
    await hub.disconnectAll('going down');
    assert.deepEqual(changes.slice(2), ['a went', 'b went']);
    await hub.disconnectAll('again');
    const stubborn = new FakeLink('c');
    stubborn.close = () => undefined;
    hub.attach(stubborn);
    await hub.disconnectAll('going down', 20);
  });

  test('tells each link of changed rules once, with its own sessions', () => {
    const [one, two] = [new FakeLink('a'), new FakeLink('b')];
    const policy: PolicyMessage = { revision: 7, guardrails: [], masks: [] };
    changePolicy(
      [
        { id: 's1', link: one },
        { id: 's2', link: two },
        { id: 's3', link: one },
      ],
      policy,
    );
    assert.deepEqual([one.heard, two.heard], [['7: s1,s3'], ['7: s2']]);
  });
});
