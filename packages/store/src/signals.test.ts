import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import type { Signal } from './signals.ts';
import type { Store } from './store.ts';
import type { Place } from './testing/databases.ts';
import { onEachDatabase } from './testing/suite.ts';

const SOON_MS = 1_000;

interface Heard {
  readonly signals: Signal[];
  /** Resolves when a signal of this kind was heard; rejects after a second. */
  next(kind: Signal['kind']): Promise<Signal>;
}

async function hear(store: Store): Promise<Heard> {
  const signals: Signal[] = [];
  await store.subscribe((signal) => void signals.push(signal));
  const next = async (kind: Signal['kind']): Promise<Signal> => {
    const deadline = performance.now() + SOON_MS;
    while (performance.now() < deadline) {
      const found = signals.find((signal) => signal.kind === kind);
      if (found) return found;
      await setImmediate();
    }
    throw new Error(`No ${kind} within ${SOON_MS} ms; heard ${JSON.stringify(signals)}`);
  };
  return { signals, next };
}

/** Changes something of every kind that signals are for. */
async function changeEverything(store: Store) {
  const user = await store.users.create({ email: 'ada@example.org', name: 'Ada', groups: [], status: 'active' });
  const agent = await store.agents.create({ name: 'dev', mode: 'standard', keyHash: 'a'.repeat(64) });
  const connection = await store.connections.create({ name: 'pg', type: 'database', subtype: 'postgres', agentId: agent.id });
  await store.credentials.insert({
    ...{ id: 'c', userId: user.id, connectionId: connection.id, protocol: 'postgres', secretHash: 'h', expireAt: null },
  });
  await store.credentials.revoke('c');
  await store.connections.delete('pg');
  await store.users.update(user.id, { status: 'inactive' });
  await store.maskingRules.create({ name: 'mask' });
  await store.signals.publish({ kind: 'session.kill', sessionId: 's', by: 'ada@example.org' });
  await store.agents.delete('dev');
  return { user, agent, connection };
}

onEachDatabase('signals', (database) => {
  it('tell the process itself what changed, with nothing that is secret but what concerns it', async () => {
    const store = await database.store();
    const heard = await hear(store);
    const { user, agent, connection } = await changeEverything(store);
    assert.deepEqual(await heard.next('agent.deleted'), { kind: 'agent.deleted', agentId: agent.id, keyId: 'a'.repeat(64) });
    assert.deepEqual(heard.signals, [
      { kind: 'credential.ended', credentialId: 'c' },
      { kind: 'connection.changed', connectionId: connection.id },
      { kind: 'user.changed', userId: user.id },
      { kind: 'policy.changed' },
      { kind: 'session.kill', sessionId: 's', by: 'ada@example.org' },
      { kind: 'agent.deleted', agentId: agent.id, keyId: 'a'.repeat(64) },
    ]);
  });

  it('are heard when the transaction is committed, and never when it is rolled back', async () => {
    const store = await database.store();
    const heard = await hear(store);
    const undone = store.transaction(async (tx) => {
      await tx.signals.publish({ kind: 'session.kill', sessionId: 'undone', by: 'x' });
      throw new Error('no');
    });
    await assert.rejects(undone, /no/);
    await store.transaction(async (tx) => {
      await tx.signals.publish({ kind: 'session.kill', sessionId: 'done', by: 'x' });
      assert.deepEqual(heard.signals, []);
    });
    assert.deepEqual(await heard.next('session.kill'), { kind: 'session.kill', sessionId: 'done', by: 'x' });
  });

  it('of before a gateway came are none of its business', async () => {
    const store = await database.store();
    await store.signals.publish({ kind: 'session.kill', sessionId: 'old', by: 'x' });
    const heard = await hear(store);
    await store.signals.publish({ kind: 'policy.changed' });
    await heard.next('policy.changed');
    assert.equal(heard.signals.length, 1);
  });

  it('go on after a handler failed', async () => {
    const store = await database.store();
    const ids: string[] = [];
    const second = Promise.withResolvers<void>();
    await store.subscribe((signal) => {
      if (signal.kind !== 'session.kill') return;
      ids.push(signal.sessionId);
      if (signal.sessionId === 'b') second.resolve();
      throw new Error('cannot');
    });
    await store.signals.publish({ kind: 'session.kill', sessionId: 'a', by: 'x' });
    await store.signals.publish({ kind: 'session.kill', sessionId: 'b', by: 'x' });
    await second.promise;
    assert.deepEqual(ids, ['a', 'b']);
  });

  it('reach every other gateway on the database within a second, each once', async () => {
    const place = await database.place();
    const other = database.neighbour(place);
    if (!other) return assert.equal(database.name, 'SQLite');
    const [here, there] = [await database.store(place), await database.store(other)];
    const heard = await hear(there);
    await changeEverything(here);
    await heard.next('agent.deleted');
    assert.equal(heard.signals.length, 6);
  });

  it('that were sent while the listening connection was lost are heard when it is back', async () => {
    const place = await database.place();
    const other = database.neighbour(place);
    if (!other) return assert.equal(database.name, 'SQLite');
    const [here, there] = [await database.store(place), await database.store(other)];
    const heard = await hear(there);
    await here.signals.publish({ kind: 'policy.changed' });
    await heard.next('policy.changed');
    assert.ok((await cutListeners(place)) > 0);
    await here.signals.publish({ kind: 'session.kill', sessionId: 's', by: 'x' });
    await heard.next('session.kill');
    assert.equal(heard.signals.length, 2);
  });

  it('that commit after a later number are not missed', async () => {
    const place = await database.place();
    const other = database.neighbour(place);
    if (!other) return assert.equal(database.name, 'SQLite');
    const [here, there] = [await database.store(place), await database.store(other)];
    const heard = await hear(there);
    await here.transaction(async (tx) => {
      await tx.signals.publish({ kind: 'session.kill', sessionId: 'early number, late commit', by: 'x' });
      await there.signals.publish({ kind: 'policy.changed' });
      await heard.next('policy.changed');
    });
    await heard.next('session.kill');
  });
});

async function cutListeners(place: Place): Promise<number> {
  const client = new pg.Client({ connectionString: place.postgresUri });
  await client.connect();
  try {
    const cut = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hoop signals' and datname = current_database()`,
    );
    return cut.rowCount ?? 0;
  } finally {
    await client.end();
  }
}
