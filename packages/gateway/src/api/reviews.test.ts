import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { REVIEW_SHOWN_BYTES_MAX } from '@hoop/store/reviews';
import type { Outcome } from '../reviews.ts';
import { addConnection, addSession, handClock, openApi, type TestApi, type Who } from '../testing/fixtures.ts';

let api: TestApi;
let pg: string;
const clock = handClock();

before(async () => {
  api = await openApi({ clock });
  pg = (await addConnection(api)).id;
  assert.equal((await api.call('admin', 'PATCH', '/connections/pg', { reviewers: ['dba'] })).status, 200);
});
after(() => api[Symbol.asyncDispose]());

let session: string;
beforeEach(() => {
  session = randomUUID();
});
// Nothing may go on waiting when a test is over.
afterEach(() => api.parts.reviews.cancelSession(session, 'the test is over'));

interface Asked {
  readonly id: string;
  readonly outcome: Promise<Outcome>;
}

/** An action of somebody's session that waits for people. The store's signals lead nowhere in this fixture: the test tells. */
async function ask(who: Who = 'standard', text = 'delete from t', seq = 1): Promise<Asked> {
  const row = await api.store.users.get(api.ids[who]);
  assert.ok(row);
  const requester = { id: row.id, email: row.email, name: row.name };
  const { promise: outcome, resolve: decided } = Promise.withResolvers<Outcome>();
  const { promise: id, resolve: asked } = Promise.withResolvers<string>();
  const textHash = createHash('sha256').update(text).digest('hex');
  const connection = { id: pg, name: 'pg', reviewers: ['dba'] };
  const wish = { sessionId: session, seq, type: 'onetime', via: 'query', text, textHash, rule: 'four-eyes', message: 'deletes' } as const;
  void api.parts.reviews.ask({ ...wish, connection, requester }, { asked: (review) => asked(review.id), decided });
  return { id: await id, outcome };
}

const put = (who: Who, id: string, status: string, more: object = {}) => api.call(who, 'PUT', `/reviews/${id}`, { status, ...more });

describe('a review', () => {
  test('shows the text with its hash, who asks, and who may decide', async () => {
    const { id } = await ask();
    const { status, body } = await api.call('other', 'GET', `/reviews/${id}`);
    assert.equal(status, 200);
    const { created_at: _, expires_at: __, text_hash, review_groups_data, requested_by, ...rest } = body;
    assert.equal(text_hash, createHash('sha256').update('delete from t').digest('hex'));
    assert.equal(requested_by.email, 'standard@hoop.test');
    assert.deepEqual(review_groups_data, [
      { id: `${id}/dba`, group: 'dba', status: 'PENDING', reviewed_by: null, review_date: null, forced_review: false },
    ]);
    assert.deepEqual(rest, {
      ...{ id, session, action_seq: 1, type: 'onetime', connection: 'pg', via: 'query', text: 'delete from t', text_bytes: 13 },
      ...{ text_truncated: false, text_warnings: [], rule: 'four-eyes', message: 'deletes', status: 'PENDING', decided_by: null },
      ...{ decided_at: null, rejection_reason: '', access_duration: 0 },
    });
    assert.equal((await api.call('other', 'GET', `/reviews/${session}`)).body.id, id);
  });

  test('is approved by a member of a reviewing group, and its session hears who it was', async () => {
    const { id, outcome } = await ask();
    const { status, body } = await put('other', id, 'APPROVED');
    assert.deepEqual([status, body.status, body.decided_by.email], [200, 'APPROVED', 'other@hoop.test']);
    await api.parts.reviews.changed(id);
    assert.deepEqual(await outcome, { approved: true, by: 'other@hoop.test' });
  });

  test('is rejected by an administrator, with a reason', async () => {
    const { id, outcome } = await ask();
    assert.equal((await put('admin', id, 'REJECTED', { rejection_reason: 'not today' })).body.rejection_reason, 'not today');
    await api.parts.reviews.changed(id);
    assert.deepEqual(await outcome, { approved: false, by: 'admin@hoop.test', reason: 'not today' });
  });

  test('A38: is not approved by who asked, be they reviewer or administrator; they may take it back', async () => {
    for (const [seq, who] of (['other', 'admin', 'standard'] as const).entries()) {
      const { id, outcome } = await ask(who, 'delete from t', seq + 1);
      const refused = await put(who, id, 'APPROVED');
      assert.deepEqual([refused.status, refused.body.code], [403, 'self_approval'], who);
      assert.equal((await put(who, id, 'REJECTED')).body.status, 'CANCELLED');
      await api.parts.reviews.changed(id);
      assert.deepEqual(await outcome, { approved: false, reason: 'Taken back by who asked for it' });
    }
  });

  test('is nobody else’s: not an auditor’s to decide, not a stranger’s to see', async () => {
    const { id } = await ask('other');
    assert.equal((await api.call('auditor', 'GET', `/reviews/${id}`)).status, 200);
    assert.equal((await put('auditor', id, 'APPROVED')).status, 403);
    assert.equal((await api.call('standard', 'GET', `/reviews/${id}`)).status, 404);
    assert.equal((await put('standard', id, 'APPROVED')).status, 404);
    const listed = async (who: Who): Promise<string[]> =>
      (await api.call(who, 'GET', `/reviews?session=${session}`)).body.data.map((review: { id: string }) => review.id);
    assert.deepEqual(await listed('standard'), []);
    for (const who of ['other', 'admin', 'auditor'] as const) assert.deepEqual(await listed(who), [id], who);
  });

  test('A38: is decided once, whoever tries at the same time or afterwards', async () => {
    const { id } = await ask();
    const racing = await Promise.all([put('other', id, 'APPROVED'), put('admin', id, 'REJECTED'), put('admin', id, 'APPROVED')]);
    assert.deepEqual(racing.map(({ status }) => status).sort(), [200, 409, 409]);
    const late = await put('admin', id, 'REJECTED');
    assert.deepEqual([late.status, late.body.code], [409, 'review_decided']);
  });

  test('A38: is of the text that was read, and of no other', async () => {
    const { id } = await ask();
    const other = await put('other', id, 'APPROVED', { text_hash: '0'.repeat(64) });
    assert.deepEqual([other.status, other.body.code], [409, 'review_text_changed']);
    const { text_hash } = (await api.call('other', 'GET', `/reviews/${id}`)).body;
    assert.equal((await put('other', id, 'APPROVED', { text_hash })).status, 200);
  });

  test('A38: of a text that is longer than what is shown is approved only with the hash of the whole', async () => {
    const text = `select 1;${' '.repeat(REVIEW_SHOWN_BYTES_MAX)} drop table t`;
    const { id } = await ask('standard', text);
    const shown = (await api.call('other', 'GET', `/reviews/${id}`)).body;
    assert.equal(shown.text_truncated, true);
    assert.equal((await put('other', id, 'APPROVED')).body.code, 'review_text_unread');
    const whole = (await api.call('other', 'GET', `/reviews/${id}?expand=text`)).body;
    assert.deepEqual([whole.text, whole.text_truncated], [text, false]);
    assert.equal((await put('other', id, 'APPROVED', { text_hash: whole.text_hash })).status, 200);
  });

  test('A38: says when its text is not what it looks like', async () => {
    const { id } = await ask('standard', 'delete from p\u0430yments');
    assert.deepEqual((await api.call('other', 'GET', `/reviews/${id}`)).body.text_warnings, ['lookalike_characters']);
  });

  test('of a session that is over is cancelled, and nobody can approve it any more', async () => {
    const { id, outcome } = await ask();
    api.parts.reviews.cancelSession(session, 'The session was ended by root');
    assert.deepEqual(await outcome, { approved: false, reason: 'The session was ended by root' });
    while ((await api.store.reviews.get(id))?.status === 'PENDING') await setImmediate();
    assert.equal((await put('admin', id, 'APPROVED')).body.message, 'This is cancelled already');
  });

  test('whose gateway is gone is cancelled when somebody decides', async () => {
    const { id } = await ask();
    const row = await api.store.reviews.get(id);
    assert.ok(row);
    const elsewhere = await api.store.reviews.create({ ...row, sessionId: randomUUID(), gatewayId: 'dead' });
    assert.equal((await put('admin', elsewhere.id, 'APPROVED')).body.code, 'review_over');
    assert.equal((await api.store.reviews.get(elsewhere.id))?.status, 'CANCELLED');
  });

  test('expires when nobody decides, and then it is a no', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { id, outcome } = await ask();
    context.mock.timers.tick(3_600_000);
    assert.match(((await outcome) as { reason: string }).reason, /nobody answered in time/);
    assert.equal((await api.store.reviews.get(id))?.status, 'EXPIRED');
  });
});

test('a script that must be approved is answered with its review, and its result is there afterwards', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  api.engine.result = async ({ sessionId }) => {
    session = sessionId;
    await addSession(api, 'standard', sessionId);
    await ask();
    await gate;
    await api.store.sessions.finish(sessionId, { status: 'done', endedAt: Date.now(), exitCode: 0 });
    return { sessionId, output: Buffer.from('1\n'), outputStatus: 'success', exitCode: 0, truncated: false, executionTimeMs: 1 };
  };
  const { status, body } = await api.call('standard', 'POST', '/sessions', { connection: 'pg', script: 'select 1' });
  assert.deepEqual([status, body.has_review, body.output_status, body.exit_code], [202, true, 'running', -2]);
  assert.match(body.output, new RegExp(`/reviews/${body.review_id}$`));
  const result = () => api.call('standard', 'GET', `/sessions/${body.session_id}/result`);
  assert.equal((await result()).status, 202);
  open();
  while ((await result()).status === 202) await setImmediate();
  assert.deepEqual((await result()).body.output, '1\n');
  assert.equal((await api.call('other', 'GET', `/sessions/${body.session_id}/result`)).status, 404);
});

test('reviewers of a connection are groups that there are, each once', async () => {
  const { body } = await api.call('admin', 'PATCH', '/connections/pg', { reviewers: ['dba', 'auditor', 'dba'] });
  assert.deepEqual(body.reviewers, ['auditor', 'dba']);
  assert.equal((await api.call('admin', 'PATCH', '/connections/pg', { reviewers: ['nobody-is-in-it'] })).body.field, 'reviewers');
  assert.deepEqual((await api.call('admin', 'PATCH', '/connections/pg', { reviewers: [] })).body.reviewers, []);
});
