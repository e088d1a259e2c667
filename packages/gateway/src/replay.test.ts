import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ActionEvent, OutcomeEvent } from '@hoop/contract/audit';
import { silentLog } from '@hoop/core/log';
import { AuditLog } from '@hoop/store/audit/audit-log';
import { openStore } from '@hoop/store/store';
import { recordMissing } from './replay.ts';

const OUTCOME = { rows: 1, bytes: 10, duration_us: 5 };
const action = (seq: number, outcome?: typeof OUTCOME): ActionEvent => ({
  type: 'action',
  seq,
  via: 'query',
  text: `select ${seq}`,
  verdict: 'allow',
  ...(outcome ? { outcome } : {}),
});
const ending = (seq: number): OutcomeEvent => ({ type: 'outcome', seq, outcome: OUTCOME });

async function withSession(
  work: (parts: { deps: Parameters<typeof recordMissing>[0]; session: string; agentId: string }) => Promise<void>,
) {
  const home = mkdtempSync(join(tmpdir(), 'hoop-replay-'));
  const log = silentLog();
  const store = await openStore({ home, encryptionKey: Buffer.alloc(32, 1), log });
  const audit = AuditLog.open({ directory: join(home, 'audit'), log });
  try {
    const session = randomUUID();
    const agentId = randomUUID();
    const user = { userId: randomUUID(), userEmail: 'a@example.com', userName: 'A' };
    const what = { connection: 'pg', type: 'database', subtype: 'postgres', verb: 'connect', origin: 'native', status: 'open' } as const;
    await store.sessions.insert({ id: session, ...user, ...what, gatewayId: 'here', agentId, startedAt: 1 });
    await work({ deps: { store, audit, gatewayId: 'here', log }, session, agentId });
  } finally {
    await audit.close();
    await store.close();
    rmSync(home, { recursive: true, force: true });
  }
}

const seqs = (audit: AuditLog, session: string, head?: { segment: number; offset: number }) =>
  audit.recordsOf(session, head).map(({ event }) => `${event.type}${'seq' in event ? ` ${event.seq}` : ''}`);

test('what an agent tells again is recorded where it is missing, and nothing twice', () =>
  withSession(async ({ deps, session, agentId }) => {
    const { audit } = deps;
    await audit.durable(audit.append(session, Buffer.from(JSON.stringify(action(1, OUTCOME)))));
    await audit.durable(audit.append(session, Buffer.from(JSON.stringify(action(2)))));
    const told = [action(1, OUTCOME), action(2), ending(2), action(3, OUTCOME), action(4)];
    assert.equal(await recordMissing(deps, agentId, session, told), 3);
    assert.deepEqual(seqs(audit, session), ['action 1', 'action 2', 'outcome 2', 'action 3', 'action 4']);
    assert.equal(await recordMissing(deps, agentId, session, told), 0);
    const last = audit.recordsOf(session).at(-1)?.event;
    assert.equal(last?.type === 'action' && last.replayed, true);
  }));

test('the records of a session that is over are found again after a replay', () =>
  withSession(async ({ deps, session, agentId }) => {
    const { audit, store } = deps;
    await audit.durable(audit.append(session, Buffer.from(JSON.stringify(action(1, OUTCOME)))));
    const head = audit.forget(session);
    await store.sessions.finish(session, { status: 'done', endedAt: 2, auditHead: `${head?.segment}:${head?.offset}` });
    assert.equal(await recordMissing(deps, agentId, session, [action(2, OUTCOME)]), 1);
    const [segment = 0, offset = 0] = ((await store.sessions.get(session))?.auditHead ?? '').split(':').map(Number);
    assert.deepEqual(seqs(audit, session, { segment, offset }), ['action 1', 'action 2']);
  }));

test('an agent cannot write into a session that it did not run', () =>
  withSession(async ({ deps, session }) => {
    assert.equal(await recordMissing(deps, randomUUID(), session, [action(9)]), 0);
    assert.equal(await recordMissing(deps, randomUUID(), randomUUID(), [action(9)]), 0);
    assert.deepEqual(seqs(deps.audit, session), []);
  }));
