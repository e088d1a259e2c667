import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReviewMessage } from '@hoop/contract/tunnel';
import type { Approval } from '@hoop/core/action';
import { HELD_ACTIONS_MAX, REVIEW_TEXT_BYTES_MAX, REVIEW_WAIT_MS_MAX } from '@hoop/core/limits';
import { GatewayApprovals, holdingAll } from './approvals.ts';

const HOLD = { rule: 'four-eyes', message: 'deletes need a second pair of eyes' };

function asking(canAsk = true) {
  const sent: ReviewMessage[] = [];
  const notices: string[] = [];
  const approvals = new GatewayApprovals({ canAsk, send: (message) => sent.push(message), notice: (text) => notices.push(text) });
  const ask = (seq: number, text = 'delete'): Promise<Approval> => approvals.request({ seq, text, via: 'query' }, HOLD);
  const sha256 = (): string => (sent[0]?.type === 'request' ? sent[0].sha256 : '');
  return { sent, notices, approvals, ask, sha256 };
}

describe('what asks people through the gateway', () => {
  test('sends the whole text with its hash, and takes the yes that names it', async () => {
    const { sent, approvals, ask, sha256 } = asking();
    const approval = ask(7);
    assert.deepEqual(sent, [{ type: 'request', seq: 7, via: 'query', text: 'delete', sha256: sha256(), ...HOLD }]);
    assert.match(sha256(), /^[0-9a-f]{64}$/);
    approvals.answer({ state: 'decided', seq: 7, approved: true, by: 'boss', reason: '', sha256: sha256() });
    assert.deepEqual(await approval, { approved: true, by: 'boss' });
    assert.equal(approvals.waiting, false);
  });

  test('asks about a text with all that it runs with, and the hash is of both', async () => {
    const { sent, approvals } = asking();
    const hashOf = async (seq: number, line: string): Promise<string> => {
      void approvals.request({ seq, text: 'delete', via: 'execute', beside: async () => line }, HOLD);
      for (let turn = 0; turn < 5 && sent.length < seq; turn++) await new Promise(setImmediate);
      const message = sent.at(-1);
      return message?.type === 'request' ? `${message.text} ${message.sha256}` : 'nothing was sent';
    };
    const one = await hashOf(1, 'parameters: $1 = "1"');
    assert.match(one, /^delete\n-- parameters: \$1 = "1" [0-9a-f]{64}$/);
    assert.notEqual((await hashOf(2, 'parameters: $1 = "2"')).slice(-64), one.slice(-64));
    assert.match(await hashOf(3, ''), /^delete [0-9a-f]{64}$/);
  });

  test('A38: takes no yes that is about another text, another action, or comes from nobody', async () => {
    const { approvals, ask, sha256 } = asking();
    const approval = ask(7);
    approvals.answer({ state: 'decided', seq: 8, approved: true, by: 'boss', reason: '', sha256: sha256() });
    assert.equal(approvals.waiting, true);
    approvals.answer({ state: 'decided', seq: 7, approved: true, by: 'boss', reason: '', sha256: '0'.repeat(64) });
    assert.deepEqual(await approval, { approved: false, reason: 'the approval is about another text; try again' });
    const nobody = ask(9);
    approvals.answer({ state: 'decided', seq: 9, approved: true, reason: '', sha256: sha256() });
    assert.equal((await nobody).approved, false);
  });

  test('tells the client that it waits, and the reason of a no', async () => {
    const { approvals, ask, notices, sha256 } = asking();
    const approval = ask(1);
    approvals.answer({ state: 'asked', seq: 1, notice: 'Waiting for approval' });
    approvals.answer({ state: 'asked', seq: 2, notice: 'of something else' });
    assert.deepEqual(notices, ['Waiting for approval']);
    approvals.answer({ state: 'decided', seq: 1, approved: false, by: 'boss', reason: 'no', sha256: sha256() });
    assert.deepEqual(await approval, { approved: false, by: 'boss', reason: 'no' });
  });

  test('takes a request back when its client cancels, and all with the session', async () => {
    const { approvals, ask, sent } = asking();
    const cancelled = ask(1);
    approvals.withdraw();
    assert.deepEqual(sent.at(-1), { type: 'withdraw', seq: 1, reason: 'it was cancelled' });
    assert.deepEqual(await cancelled, { approved: false, reason: 'it was cancelled' });
    const open = ask(2);
    approvals.close();
    assert.deepEqual(await open, { approved: false, reason: 'the session ended' });
    assert.deepEqual(await ask(3), { approved: false, reason: 'the session ended' });
  });

  test('says no at once to a gateway that cannot ask, to a text that nobody would read, and to too many', async () => {
    const old = asking(false);
    assert.match(refusal(await old.ask(1)), /gateway is older/);
    assert.deepEqual(old.sent, []);
    const { ask } = asking();
    assert.match(refusal(await ask(1, 'x'.repeat(REVIEW_TEXT_BYTES_MAX + 1))), /longer than/);
    for (let seq = 1; seq <= HELD_ACTIONS_MAX; seq++) void ask(seq);
    assert.match(refusal(await ask(99)), /wait for approval already/);
  });

  test('does not wait for ever for a gateway that says nothing', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { ask } = asking();
    const approval = ask(1);
    context.mock.timers.tick(REVIEW_WAIT_MS_MAX + 60_000);
    assert.equal(refusal(await approval), 'nobody answered in time');
  });
});

test('where a connection holds all, what rules deny is denied still, and the rest is held', async () => {
  const denied = { allow: false, denial: { rule: 'r', message: 'no' } } as const;
  const policy = { revision: 3, mask: undefined };
  const action = { seq: 1, via: 'query', text: 'x' };
  assert.deepEqual(holdingAll({ ...policy, judge: () => denied }, 'why').judge(action), denied);
  const held = { allow: 'hold', hold: { rule: 'reviewers', message: 'why' } };
  assert.deepEqual(holdingAll({ ...policy, judge: () => ({ allow: true }) }, 'why').judge(action), held);
  assert.deepEqual(await holdingAll({ ...policy, judge: () => Promise.resolve({ allow: true }) }, 'why').judge(action), held);
});

test('where a connection holds all, rules judge what an action goes on with as elsewhere', () => {
  const denied = { allow: false, denial: { rule: 'r', message: 'no' } } as const;
  const policy = { revision: 3, mask: undefined, judge: () => ({ allow: true }) as const };
  const part = { via: 'request', head: '', before: '', text: 'x' };
  assert.deepEqual(holdingAll({ ...policy, judgeMore: () => denied }, 'why').judgeMore?.(part), denied);
  assert.equal(holdingAll(policy, 'why').judgeMore, undefined);
});

function refusal(approval: Approval): string {
  return approval.approved ? '' : approval.reason;
}
