import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Review } from '@hoop/contract/routes/reviews';
import { Answered, FakeGateway, Refused } from '../testing/fake-gateway.ts';
import { connection, SESSION_ID, session } from '../testing/fixtures.ts';
import { Shell } from '../testing/shell.ts';

const ID = '33333333-3333-4333-8333-333333333333';
const ANN = { id: 'u1', email: 'ann@example.com', name: 'Ann' };
const BOSS = { id: 'u2', email: 'boss@example.com', name: 'Boss' };

function review(part: Partial<Review> = {}): Review {
  return {
    ...{ id: ID, session: SESSION_ID, action_seq: 2, type: 'onetime', connection: 'demo', via: 'query', text: 'delete from t' },
    ...{ text_bytes: 13, text_hash: 'a'.repeat(64), text_truncated: false, text_warnings: [], rule: 'four-eyes', message: 'deletes' },
    ...{ requested_by: ANN, status: 'PENDING', decided_by: null, decided_at: null, rejection_reason: '', access_duration: 0 },
    review_groups_data: [{ id: `${ID}/dba`, group: 'dba', status: 'PENDING', reviewed_by: null, review_date: null, forced_review: false }],
    created_at: '2026-11-21T08:00:00.000Z',
    expires_at: '2026-11-21T09:00:00.000Z',
    ...part,
  };
}

test('what waits is listed, and nothing else where nothing else is asked for', async () => {
  const asked: unknown[] = [];
  await using gateway = await FakeGateway.start({
    listReviews: ({ query }) => {
      asked.push(query.status);
      return { data: [review({ text: 'delete\n from\u202e t', text_warnings: ['invisible_characters'] })], has_next_page: false };
    },
  });
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['reviews', 'list']);
  assert.equal(code, 0, err);
  assert.match(out, /^ID +USER +CONNECTION +TYPE +STATUS +AGE +TEXT\n/);
  assert.match(out, /ann@example\.com +demo +onetime +PENDING .*\(!\) delete from\\u\{202e\} t/);
  assert.equal((await shell.run(['reviews', 'list', '--status', 'all', '-q'])).out, `${ID}\n`);
  assert.deepEqual(asked, ['PENDING', undefined]);
  assert.equal((await shell.run(['reviews', 'list', '--limit', '0'])).code, 2);
});

test('one is shown with its whole text, in which nothing is hidden', async () => {
  await using gateway = await FakeGateway.start({
    getReview: ({ query }) =>
      review({ text: query.expand === 'text' ? 'drop\u200b table t' : 'cut', text_warnings: ['invisible_characters'] }),
  });
  using shell = Shell.at(gateway);
  const { out, err } = await shell.run(['reviews', 'get', ID]);
  assert.match(out, /^Requested by: +ann@example\.com$/m);
  assert.match(out, /\n\ndrop\\u\{200b\} table t\n$/);
  assert.match(err, /characters that cannot be seen/);
  assert.equal(JSON.parse((await shell.run(['reviews', 'get', ID, '--json'])).out).id, ID);
});

test('A38: an approval is of the text that was shown', async () => {
  const decided: unknown[] = [];
  await using gateway = await FakeGateway.start({
    getReview: () => review(),
    decideReview: ({ params, body }) => {
      decided.push([params.id, body]);
      return review({ status: 'APPROVED', decided_by: BOSS });
    },
  });
  using shell = Shell.at(gateway);
  // By its session, which leads to the review.
  const { code, out, err } = await shell.run(['reviews', 'approve', SESSION_ID]);
  assert.deepEqual([code, out], [0, `review "${ID}" approved\n`]);
  assert.match(err, /^delete from t$/m);
  assert.deepEqual(decided, [[ID, { status: 'APPROVED', text_hash: 'a'.repeat(64) }]]);
});

test('a rejection carries its reason, and what the gateway refuses is an error', async () => {
  const decided: unknown[] = [];
  await using gateway = await FakeGateway.start({
    getReview: () => review(),
    decideReview: ({ body }) => {
      decided.push(body);
      if (body.status === 'APPROVED') throw new Refused(403, 'self_approval', 'Nobody approves what they asked for themselves');
      return review({ status: 'REJECTED', decided_by: BOSS, rejection_reason: body.rejection_reason ?? '' });
    },
  });
  using shell = Shell.at(gateway);
  assert.equal((await shell.run(['reviews', 'reject', ID, '--reason', 'not today'])).out, `review "${ID}" rejected\n`);
  assert.deepEqual(decided, [{ status: 'REJECTED', rejection_reason: 'not today' }]);
  const refused = await shell.run(['reviews', 'approve', ID]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /Nobody approves what they asked for themselves/);
});

test('hoop exec says what it waits for, and gives the output afterwards', async () => {
  const running = {
    has_review: true,
    review_id: ID,
    session_id: SESSION_ID,
    output: `https://gw/reviews/${ID}`,
    output_status: 'running',
  } as const;
  await using gateway = await FakeGateway.start({
    getConnection: () => connection(),
    execSession: () => new Answered({ ...running, truncated: false, execution_time: 0, exit_code: -2 }, { status: 202 }),
    getSession: () => session({ status: 'done' }),
    getSessionResult: () => ({
      ...{ has_review: false, session_id: SESSION_ID, output: '42\n', output_status: 'success' },
      ...{ truncated: false, execution_time: 1, exit_code: 0 },
    }),
  });
  using shell = Shell.at(gateway);
  const { code, out, err } = await shell.run(['exec', 'demo', '-i', 'select 42']);
  assert.deepEqual([code, out], [0, '42\n']);
  assert.match(err, new RegExp(`Waiting for approval: review ${ID}, https://gw/reviews/${ID}`));
});
