import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'node:test';
import type { SessionFilter } from './session-list.ts';
import { GATEWAY_DIED, type NewSession } from './sessions.ts';
import type { Store } from './store.ts';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

function session(patch: Partial<NewSession> = {}): NewSession {
  return {
    id: randomUUID(),
    userId: 'user-1',
    userEmail: 'ada@example.org',
    userName: 'Ada',
    connection: 'pg',
    type: 'database',
    subtype: 'postgres',
    verb: 'connect',
    origin: 'cli',
    status: 'open',
    gatewayId: 'g1',
    startedAt: 1_000,
    ...patch,
  };
}

async function ids(store: Store, filter: SessionFilter): Promise<string[]> {
  return (await store.sessions.list(filter)).rows.map((row) => row.id);
}

onEachDatabase('sessions', (database) => {
  it('gives every field back', async () => {
    const { sessions } = await database.store();
    const full = session({
      connectionId: 'c1',
      connectionTags: { env: 'prod' },
      agentId: 'a1',
      credentialId: 'cr1',
      identityType: 'machine',
      batchId: 'b1',
      correlationId: 'k1',
      labels: { l: '1' },
      metadata: JSON.parse('{"__proto__":{"x":1},"n":[1,null,"\\u0000"]}'),
      script: 'select 🦊',
    });
    const row = await sessions.insert(full);
    const { script: _, ...stored } = full;
    const server = { orgId: row.orgId, exitCode: null, endReason: null, metrics: null, guardrailsInfo: [], auditHead: null, endedAt: null };
    assert.deepEqual(row, { ...stored, ...server, scriptSize: 11 });
    assert.ok(Object.hasOwn(row.metadata, '__proto__'));
    assert.deepEqual(await sessions.get(full.id), row);
    assert.equal(await sessions.scriptOf(full.id), 'select 🦊');
    await assert.rejects(sessions.insert(full), code('session_exists'));
    assert.equal(await sessions.get('nobody'), undefined);
    assert.equal(await sessions.scriptOf('nobody'), undefined);
  });

  it('keeps scripts with NULs and scripts without end, within bounds', async () => {
    const { sessions } = await database.store();
    const { id } = await sessions.insert(session({ script: `a\0b${'x'.repeat(3_000_000)}` }));
    const script = (await sessions.scriptOf(id)) ?? '';
    assert.ok(script.startsWith('a\uFFFDbx') && script.length <= 1024 * 1024);
    assert.equal((await sessions.get(id))?.scriptSize, 3_000_003);
  });

  it('ends a session once: the second end changes nothing', async () => {
    const { sessions } = await database.store();
    const { id } = await sessions.insert(session());
    const end = { status: 'done', exitCode: 0, endedAt: 2_000, metrics: { rows: 5 }, auditHead: 'head', endReason: 'client_left' } as const;
    assert.equal(await sessions.finish(id, end), true);
    assert.equal(await sessions.finish(id, { ...end, exitCode: 1, endedAt: 3_000 }), false);
    assert.equal(await sessions.finish('nobody', end), false);
    const row = await sessions.get(id);
    assert.deepEqual(
      [row?.status, row?.exitCode, row?.endedAt, row?.metrics, row?.auditHead, row?.endReason],
      ['done', 0, 2_000, { rows: 5 }, 'head', 'client_left'],
    );
  });

  it('sweeps what a dead gateway left, and nothing else', async () => {
    const clock = new TestClock();
    const { sessions } = await database.store({ clock });
    const open = await sessions.insert(session());
    const waiting = await sessions.insert(session({ status: 'ready', startedAt: 2_000 }));
    const done = await sessions.insert(session());
    await sessions.finish(done.id, { status: 'done', endedAt: 5 });
    const foreign = await sessions.insert(session({ gatewayId: 'g2' }));
    assert.deepEqual(
      (await sessions.openOnes('g1')).map((row) => row.id),
      [open.id, waiting.id],
    );
    assert.deepEqual([...(await sessions.sweep('g1'))].sort(), [open.id, waiting.id].sort());
    assert.deepEqual(await sessions.sweep('g1'), []);
    const swept = await sessions.get(open.id);
    assert.deepEqual([swept?.status, swept?.endReason, swept?.endedAt], ['done', GATEWAY_DIED, clock.now_ms]);
    assert.equal((await sessions.get(foreign.id))?.status, 'open');
    assert.equal((await sessions.get(done.id))?.endedAt, 5);
  });

  it('gives what was hidden in each session once, page by page, the newest first, and how long they took', async () => {
    const { sessions } = await database.store();
    for (let index = 0; index < 12; index++) {
      const { id } = await sessions.insert(session({ startedAt: 1_000 + Math.floor(index / 4), connection: `c${index}` }));
      const masked: Record<string, number> = index % 3 === 2 ? {} : { EMAIL_ADDRESS: index + 1 };
      await sessions.finish(id, { status: 'done', endedAt: 3_000 + Math.floor(index / 4), metrics: { rows: 1, masked } });
    }
    await sessions.insert(session({ startedAt: 1_001 }));
    const seen: string[] = [];
    for await (const page of sessions.masked({ startDate: 1_000 }, 3)) {
      assert.ok(page.length <= 3);
      for (const { connection, masked } of page) seen.push(`${connection} ${masked.EMAIL_ADDRESS}`);
    }
    assert.deepEqual(seen.toSorted(), ['c0 1', 'c1 2', 'c10 11', 'c3 4', 'c4 5', 'c6 7', 'c7 8', 'c9 10']);
    assert.deepEqual(seen.slice(0, 2).toSorted(), ['c10 11', 'c9 10']);
    assert.deepEqual(await sessions.totals({}), { sessions: 13, duration_ms: 2_000 });
    assert.deepEqual(await sessions.totals({ connection: 'nothing' }), { sessions: 0, duration_ms: null });
  });

  it('lists the newest first, page by page, each session once', async () => {
    const store = await database.store();
    const inserted: NewSession[] = [];
    // Many start in the same millisecond: the order must be total all the same.
    for (let index = 0; index < 25; index++) inserted.push(session({ startedAt: Math.floor(index / 5) }));
    for (const one of inserted) await store.sessions.insert(one);
    const paged: string[] = [];
    for (let offset = 0; ; offset += 10) {
      const page = await store.sessions.list({ limit: 10, offset });
      assert.deepEqual([page.total, page.totalIsCapped], [null, false]);
      paged.push(...page.rows.map((row) => row.id));
      assert.equal(page.hasNextPage, offset < 20);
      if (!page.hasNextPage) break;
    }
    assert.deepEqual([...paged].sort(), inserted.map((one) => one.id).sort());
    const starts = (await store.sessions.list()).rows.map((row) => row.startedAt);
    assert.deepEqual(
      starts,
      [...starts].sort((one, other) => other - one),
    );
  });

  it('filters by every field, alone and together', async () => {
    const store = await database.store();
    const one = await store.sessions.insert(session({ startedAt: 1_000, batchId: 'b', correlationId: 'k', verb: 'exec', origin: 'api' }));
    const other = await store.sessions.insert(
      session({ startedAt: 2_000, userId: 'user-2', userEmail: 'bob@example.org', connection: 'ssh', type: 'application', subtype: 'ssh' }),
    );
    await store.sessions.finish(other.id, { status: 'done', endedAt: 3_000 });
    const cases: readonly [SessionFilter, string[]][] = [
      [{}, [other.id, one.id]],
      [{ user: 'user-1' }, [one.id]],
      [{ user: 'BOB@example.org' }, [other.id]],
      [{ user: 'nobody' }, []],
      [{ type: 'application' }, [other.id]],
      [{ subtype: 'postgres' }, [one.id]],
      [{ connection: 'ssh' }, [other.id]],
      [{ connection: "' or 1=1 --" }, []],
      [{ status: 'open' }, [one.id]],
      [{ verb: 'exec' }, [one.id]],
      [{ origin: 'cli' }, [other.id]],
      [{ batchId: 'b' }, [one.id]],
      [{ correlationId: 'k' }, [one.id]],
      [{ startDate: 2_000 }, [other.id]],
      [{ endDate: 2_000 }, [one.id]],
      [{ startDate: 1_000, endDate: 2_001 }, [other.id, one.id]],
      [{ user: 'user-1', type: 'application' }, []],
      [{ limit: 0 }, []],
    ];
    for (const [filter, expected] of cases) assert.deepEqual(await ids(store, filter), expected, JSON.stringify(filter));
  });

  it('counts exactly, or not at all', async () => {
    const store = await database.store();
    for (let index = 0; index < 7; index++) await store.sessions.insert(session({ connection: index < 5 ? 'pg' : 'ssh' }));
    const page = await store.sessions.list({ count: 'exact', connection: 'pg', limit: 2 });
    assert.deepEqual([page.rows.length, page.total, page.totalIsCapped, page.hasNextPage], [2, 5, false, true]);
    const capped = await store.sessions.list({ count: 'capped' });
    assert.deepEqual([capped.total, capped.totalIsCapped], [7, false]);
    assert.equal((await store.sessions.list({ count: 'none' })).total, null);
  });

  it('refuses pages that are out of range', async () => {
    const { sessions } = await database.store();
    const pages: readonly SessionFilter[] = [
      { limit: 101 },
      { limit: -1 },
      { limit: 1.5 },
      { limit: Number.NaN },
      { offset: 10_001 },
      { offset: -1 },
    ];
    for (const page of pages) await assert.rejects(sessions.list(page), code('page_out_of_range'), JSON.stringify(page));
    assert.deepEqual((await sessions.list({ limit: 100, offset: 10_000 })).rows, []);
  });

  it('replaces metadata, which is all that users may edit', async () => {
    const { sessions } = await database.store();
    const row = await sessions.insert(session({ metadata: { a: 1 } }));
    assert.equal(await sessions.setMetadata(row.id, { b: '2' }), true);
    assert.deepEqual(await sessions.get(row.id), { ...row, metadata: { b: '2' } });
    assert.equal(await sessions.setMetadata('nobody', {}), false);
  });

  it('shows a session in lists as soon as it is stored', async () => {
    const store = await database.store();
    for (let index = 0; index < 20; index++) {
      const { id } = await store.sessions.insert(session({ startedAt: index }));
      assert.equal((await ids(store, { limit: 1 }))[0], id);
    }
  });

  it('shows its own sessions to a transaction, and to nobody else before it is over', async () => {
    const store = await database.store();
    const { id } = await store.transaction(async (tx) => {
      const row = await tx.sessions.insert(session());
      assert.equal((await tx.sessions.list()).rows.length, 1);
      assert.deepEqual(await ids(store, {}), []);
      return row;
    });
    assert.deepEqual(await ids(store, {}), [id]);
  });
});
