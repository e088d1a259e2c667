import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it } from 'node:test';
import { type NewReview, REVIEW_SHOWN_BYTES_MAX } from './reviews.ts';
import { code, onEachDatabase, TestClock } from './testing/suite.ts';

const ADA = { id: 'ada', email: 'ada@hoop.test', name: 'Ada' };
const BOSS = { id: 'boss', email: 'boss@hoop.test', name: 'Boss' };

function review(patch: Partial<NewReview> = {}): NewReview {
  return {
    ...{ sessionId: randomUUID(), seq: 1, gatewayId: 'g1', connection: 'pg', connectionId: 'c1', type: 'onetime', via: 'query' },
    ...{ text: 'delete from t', textHash: 'ab', rule: 'four-eyes', message: 'deletes', groups: ['dba'], requester: ADA },
    expiresAt: Number.MAX_SAFE_INTEGER,
    ...patch,
  };
}

onEachDatabase('reviews', (database) => {
  it('give every field back, and who decided', async () => {
    const clock = new TestClock();
    const { reviews } = await database.store({ clock });
    const asked = review();
    const row = await reviews.create(asked);
    const open = {
      id: row.id,
      textBytes: 13,
      isCut: false,
      status: 'PENDING',
      decider: null,
      decidedAt: null,
      reason: '',
      createdAt: clock.now(),
    };
    assert.deepEqual(row, { ...asked, ...open });
    assert.deepEqual(await reviews.get(row.id), row);
    assert.equal(await reviews.get(randomUUID()), undefined);
    const settled = await reviews.settle(row.id, { status: 'REJECTED', decider: BOSS, reason: 'not\0today' });
    assert.deepEqual(settled, { ...row, status: 'REJECTED', decider: BOSS, reason: 'not\uFFFDtoday', decidedAt: clock.now() });
  });

  it('A38: are decided once, by one of two who decide at the same time', async () => {
    const { reviews } = await database.store();
    const { id } = await reviews.create(review());
    const racing = await Promise.all([
      reviews.settle(id, { status: 'APPROVED', decider: BOSS }),
      reviews.settle(id, { status: 'REJECTED', decider: BOSS }),
      reviews.settle(id, { status: 'CANCELLED' }),
    ]);
    const won = racing.filter((row) => row !== undefined);
    assert.equal(won.length, 1);
    assert.equal((await reviews.get(id))?.status, won[0]?.status);
  });

  it('A38: are one for one action', async () => {
    const { reviews } = await database.store();
    const asked = review();
    const { id } = await reviews.create(asked);
    await reviews.settle(id, { status: 'APPROVED', decider: BOSS });
    await assert.rejects(reviews.create(asked), code('review_exists'));
    await reviews.create({ ...asked, seq: 2 });
  });

  it('A38: keep a long text whole beside what a list shows of it', async () => {
    const { reviews } = await database.store();
    const text = `select 1;\0${' '.repeat(REVIEW_SHOWN_BYTES_MAX)}drop table t`;
    const row = await reviews.create(review({ text }));
    assert.deepEqual([row.isCut, row.textBytes, Buffer.byteLength(row.text)], [true, text.length, REVIEW_SHOWN_BYTES_MAX]);
    assert.equal(await reviews.textOf(row.id), text.replace('\0', '\uFFFD'));
    const short = await reviews.create(review());
    assert.equal(await reviews.textOf(short.id), 'delete from t');
    assert.equal(await reviews.textOf(randomUUID()), undefined);
  });

  it('cannot be approved when their time is over, though nobody has noticed it yet', async () => {
    const clock = new TestClock();
    const { reviews } = await database.store({ clock });
    const { id } = await reviews.create(review({ expiresAt: clock.now() }));
    assert.equal(await reviews.settle(id, { status: 'APPROVED', decider: BOSS }), undefined);
    assert.equal((await reviews.settle(id, { status: 'EXPIRED' }))?.status, 'EXPIRED');
  });

  it('are cancelled with the gateway that had asked, and with no other', async () => {
    const { reviews } = await database.store();
    const [mine, decided, other] = await Promise.all([
      reviews.create(review()),
      reviews.create(review()),
      reviews.create(review({ gatewayId: 'g2' })),
    ]);
    await reviews.settle(decided.id, { status: 'APPROVED', decider: BOSS });
    assert.equal(await reviews.cancelOf('g1', 'gone'), 1);
    const now = await Promise.all([mine, decided, other].map(({ id }) => reviews.get(id)));
    assert.deepEqual(
      now.map((row) => row?.status),
      ['CANCELLED', 'APPROVED', 'PENDING'],
    );
  });

  it('are listed the newest first, page by page, to those who may see them', async () => {
    const clock = new TestClock();
    const { reviews } = await database.store({ clock });
    const make = async (patch: Partial<NewReview>): Promise<string> => {
      clock.now_ms++;
      return (await reviews.create(review(patch))).id;
    };
    const own = await make({ connectionId: 'c9', connection: 'other' });
    const reviewable = await make({ requester: BOSS });
    const foreign = await make({ requester: BOSS, connectionId: 'c9' });
    const ids = async (filter: Parameters<typeof reviews.list>[0]) => (await reviews.list(filter)).rows.map(({ id }) => id);
    assert.deepEqual(await ids({}), [foreign, reviewable, own]);
    assert.deepEqual(await ids({ visibleTo: { userId: 'ada', connectionIds: ['c1'] } }), [reviewable, own]);
    assert.deepEqual(await ids({ visibleTo: { userId: 'ada', connectionIds: [] } }), [own]);
    assert.deepEqual(await ids({ connection: 'other' }), [own]);
    assert.deepEqual(await ids({ status: 'APPROVED' }), []);
    assert.deepEqual((await reviews.list({ limit: 2 })).hasNextPage, true);
    assert.deepEqual(await ids({ limit: 2, offset: 2 }), [own]);
  });

  it('tell every gateway of each change, and of none that did not happen', async () => {
    const store = await database.store();
    const { id } = await store.reviews.create(review());
    const before = await store.signals.newest();
    assert.deepEqual(
      (await store.signals.after(before - 1)).map(({ signal }) => signal),
      [{ kind: 'review.changed', reviewId: id }],
    );
    await store.reviews.settle(id, { status: 'APPROVED', decider: BOSS });
    assert.equal((await store.signals.after(before)).length, 1);
    await store.reviews.settle(id, { status: 'REJECTED', decider: BOSS });
    assert.equal((await store.signals.after(before)).length, 1);
  });
});
