import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { silentLog } from '@hoop/core/log';
import type { Signal } from '@hoop/store/signals';
import { openStore } from '@hoop/store/store';
import { reactions } from './signal-reactions.ts';
import { FakeEngine, scratchDirectory } from './testing/fixtures.ts';

const scratch = scratchDirectory();
const store = await openStore({ home: scratch.path, encryptionKey: Buffer.alloc(32, 1), log: silentLog() });
after(async () => {
  await store.close();
  scratch[Symbol.dispose]();
});

/** What a gateway does on these signals, in its order. */
async function done(...signals: Signal[]): Promise<string[]> {
  const engine = new FakeEngine();
  const { calls } = engine;
  const endSession = (id: string, by: string): void => void calls.push(`end ${id} for ${by}`);
  const endUnapproved = (id: string, reviewers: readonly string[]): void => {
    if (reviewers.length > 0) calls.push(`end unapproved ${id} ${reviewers}`);
  };
  const reviews = { changed: async (id: string): Promise<void> => void calls.push(`review ${id}`) };
  const hub = { disconnect: (id: string, _: string, keyId?: string): void => void calls.push(`cut ${id} ${keyId}`) };
  const react = reactions({ store, hub, reviews, engine: Object.assign(engine, { endSession, endUnapproved }) });
  for (const signal of signals) await react(signal);
  return calls;
}

test('each signal does what it says, and one of a newer version nothing', async () => {
  assert.deepEqual(
    await done(
      { kind: 'agent.deleted', agentId: 'a', keyId: 'k' },
      { kind: 'session.kill', sessionId: 's', by: 'ada' },
      { kind: 'credential.ended', credentialId: 'c' },
      { kind: 'ssh_key.deleted', keyId: 'k' },
      { kind: 'review.changed', reviewId: 'r' },
      { kind: 'of.tomorrow' } as never,
    ),
    ['cut a k', 'end s for ada', 'revoke c', 'end key k', 'review r'],
  );
});

test('a signal that comes late goes by what holds now', async () => {
  const { id: userId } = await store.users.create({ email: 'ada@hoop.test', name: 'Ada', groups: [], status: 'active' });
  const connection = await store.connections.create({ name: 'pg', type: 'database', subtype: 'postgres', agentId: 'a' });
  const signals = [{ kind: 'user.changed', userId } as const, { kind: 'connection.changed', connectionId: connection.id } as const];
  assert.deepEqual(await done(...signals), [`policy ${connection.id}`]);
  await store.users.update(userId, { status: 'inactive' });
  await store.connections.update('pg', { accessModes: { connect: false } });
  const ended = [`end user ${userId}`, `end connection ${connection.id}`];
  assert.deepEqual(await done(...signals), ended);
  await store.users.delete(userId);
  await store.connections.delete('pg');
  assert.deepEqual(await done(...signals), ended);
});

test('many changes of rules in a row are told once, and the next one again', async () => {
  const engine = new FakeEngine();
  const idle = { endSession: () => undefined, endUnapproved: () => undefined };
  const reviews = { changed: async () => undefined };
  const react = reactions({ store, hub: { disconnect: () => undefined }, reviews, engine: Object.assign(engine, idle) });
  for (const name of ['one', 'two', 'three']) await store.guardrails.create({ name });
  for (let heard = 0; heard < 3; heard++) await react({ kind: 'policy.changed' });
  assert.deepEqual(engine.calls, ['policy all']);
  await store.guardrails.delete('two');
  await react({ kind: 'policy.changed' });
  assert.deepEqual(engine.calls, ['policy all', 'policy all']);
});
