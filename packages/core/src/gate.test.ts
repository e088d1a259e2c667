import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Action, Approval, Outcome, Verdict } from './action.ts';
import { Misconfigured } from './errors.ts';
import { type Approvals, Gate, type Policy } from './gate.ts';

const DENIED: Verdict = { allow: false, denial: { rule: 'r', message: 'no' } };

function gateWith(
  judge: Policy['judge'],
  approvals?: Approvals,
  more: Partial<Policy> = {},
): { gate: Gate; audit: string[]; clock: { micros: number } } {
  const audit: string[] = [];
  const clock = { micros: 0 };
  const sink = {
    intent: ({ seq, via, text }: Action, verdict: Verdict) =>
      audit.push(
        `${seq} ${via} ${text} ${verdict.allow === 'hold' ? `hold ${verdict.hold.rule}` : verdict.allow ? 'allow' : verdict.denial.rule}`,
      ),
    settled: ({ seq }: Action, { rows, duration_us }: Outcome) => audit.push(`${seq} ${rows} rows in ${duration_us}`),
    decided: ({ seq }: Action, { approved, by = 'nobody' }: Approval) => audit.push(`${seq} ${approved ? 'approved' : 'refused'} by ${by}`),
  };
  const gate = new Gate({ judge, revision: 1, mask: undefined, ...more }, sink, { now: () => 0, micros: () => clock.micros }, approvals);
  return { gate, audit, clock };
}

describe('the gate', () => {
  test('says that everything is allowed only where its policy says so, and while it does', () => {
    const { gate } = gateWith(() => ({ allow: true }));
    assert.equal(gate.allowsAll, false);
    const policy = { judge: () => ({ allow: true as const }), revision: 2, mask: undefined };
    gate.replacePolicy({ ...policy, allowsAll: true });
    assert.equal(gate.allowsAll, true);
    gate.replacePolicy(policy);
    assert.equal(gate.allowsAll, false);
  });

  test('permits what is allowed, records it before it can be sent, and numbers it', async () => {
    const { gate, audit, clock } = gateWith(() => ({ allow: true }));
    const decision = await gate.ask('query', 'select 1');
    assert.deepEqual(audit, ['1 query select 1 allow']);
    assert.ok(decision.permit);
    clock.micros = 1_234.4;
    gate.settle(decision.permit, { rows: 3, bytes: 10 });
    await gate.ask('query', 'select 2');
    assert.deepEqual(audit.slice(1), ['1 3 rows in 1234', '2 query select 2 allow']);
  });

  test('is synchronous with a judge that is, and waits for one that is not', async () => {
    assert.equal(gateWith(() => DENIED).gate.ask('query', 'x') instanceof Promise, false);
    const { gate, audit } = gateWith(() => Promise.resolve(DENIED));
    const asked = gate.ask('query', 'x');
    assert.ok(asked instanceof Promise);
    assert.deepEqual(audit, []);
    assert.deepEqual((await asked).denial, { rule: 'r', message: 'no' });
    assert.deepEqual(audit, ['1 query x r']);
  });

  describe('judges what a permitted action goes on with', () => {
    const part = { via: 'request', head: 'POST /\n\n', before: '', text: 'more' };
    function goingOn(judgeMore: NonNullable<Policy['judgeMore']>): {
      audit: string[];
      denial: string | undefined;
      again: string | undefined;
    } {
      const { gate, audit } = gateWith(() => ({ allow: true }), undefined, { judgeMore });
      const decision = gate.ask('request', 'POST /');
      assert.ok(!(decision instanceof Promise) && decision.permit);
      const [denial, again] = [part, part].map((each) => gate.judgeMore(decision.permit, each)?.message);
      return { audit: audit.slice(1), denial, again };
    }

    test('and records each denial, and what else a rule finds once', () => {
      assert.deepEqual(
        goingOn(() => ({ allow: true })),
        { audit: [], denial: undefined, again: undefined },
      );
      const denied = goingOn(() => DENIED);
      assert.deepEqual([denied.denial, denied.audit], ['no', ['2 request POST /\n\nmore r', '3 request POST /\n\nmore r']]);
      const found = goingOn(() => ({ allow: true, matched: { rule: 'log', message: 'found' } }));
      assert.deepEqual(found, { audit: ['2 request POST /\n\nmore allow', '2 0 rows in 0'], denial: undefined, again: undefined });
    });

    test('and denies what needs an approval that nobody can have given, and what cannot be judged', () => {
      assert.match(
        goingOn(() => ({ allow: 'hold', hold: { rule: 'r', message: 'Needs approval' } })).denial ?? '',
        /^Needs approval\. .*too far back/,
      );
      assert.match(goingOn(() => assert.fail()).denial ?? '', /^Refused because/);
    });

    test('where a rule looks at text alone', () => {
      assert.equal(gateWith(() => DENIED).gate.judgesMore, false);
      assert.equal(gateWith(() => DENIED, undefined, { judgeMore: () => DENIED }).gate.judgesMore, true);
    });
  });

  const failures: readonly [string, Policy['judge']][] = [
    [
      'throws',
      () => {
        throw new TypeError('detector broke');
      },
    ],
    ['throws later', () => Promise.reject(new TypeError('detector broke'))],
    [
      'throws something that is no error',
      () => {
        throw 'words';
      },
    ],
    ['gives up', () => Promise.reject(undefined)],
  ];
  for (const [what, judge] of failures) {
    test(`denies when its judge ${what}, in asking and in checking`, async () => {
      const { gate, audit } = gateWith(judge);
      const { permit, denial } = await gate.ask('query', 'x');
      assert.equal(permit, undefined);
      assert.equal(denial?.rule, 'fail-closed');
      assert.match(denial.message, /Refused because the policy engine failed/);
      assert.equal(denial.message.includes('detector broke'), false);
      assert.equal((await gate.check('parse', 'y'))?.rule, 'fail-closed');
      assert.deepEqual(audit, ['1 query x fail-closed', '2 parse y fail-closed']);
    });
  }

  test('says why a judge could not judge, where a person can mend it', async () => {
    const { gate } = gateWith(() => {
      throw new Misconfigured('x', 'the rules of this connection cannot be read');
    });
    assert.match((await gate.ask('query', 'x')).denial?.message ?? '', /because the rules of this connection cannot be read/);
  });

  test('records a check only where it denies, because nothing ran', async () => {
    const allowed = gateWith(() => ({ allow: true }));
    assert.equal(await allowed.gate.check('parse', 'x'), undefined);
    assert.deepEqual(allowed.audit, []);
    const denied = gateWith(() => DENIED);
    assert.equal((await denied.gate.check('parse', 'x'))?.rule, 'r');
    assert.deepEqual(denied.audit, ['1 parse x r']);
  });

  test('judges by new rules from the moment that it has them', async () => {
    const { gate } = gateWith(() => ({ allow: true }));
    assert.ok((await gate.ask('query', 'x')).permit);
    gate.replacePolicy({ judge: () => DENIED, revision: 2, mask: undefined });
    assert.ok((await gate.ask('query', 'x')).denial);
  });
});

const HELD: Verdict = { allow: 'hold', hold: { rule: 'four-eyes', message: 'deletes need a second pair of eyes' } };

/** People who are asked and answer when the test says so. */
function people() {
  const asked: { action: Action; say(approval: Approval): void; fail(error: unknown): void }[] = [];
  const approvals: Approvals = {
    request: (action) => {
      const { promise, resolve, reject } = Promise.withResolvers<Approval>();
      asked.push({ action, say: resolve, fail: reject });
      return promise;
    },
  };
  return { asked, approvals };
}

describe('an action that a rule holds', () => {
  test('is recorded as held before anybody is asked, and permitted once somebody said yes', async () => {
    const { asked, approvals } = people();
    const { gate, audit } = gateWith(() => HELD, approvals);
    const decision = gate.ask('query', 'delete');
    assert.deepEqual(audit, ['1 query delete hold four-eyes']);
    assert.equal(asked[0]?.action.text, 'delete');
    asked[0]?.say({ approved: true, by: 'boss@hoop.test' });
    assert.ok((await decision).permit);
    assert.deepEqual(audit.slice(1), ['1 approved by boss@hoop.test']);
  });

  test('is denied with the words of whoever said no', async () => {
    const { asked, approvals } = people();
    const { gate, audit } = gateWith(() => Promise.resolve(HELD), approvals);
    const decision = gate.ask('query', 'delete');
    while (asked.length === 0) await setImmediate();
    asked[0]?.say({ approved: false, by: 'boss@hoop.test', reason: 'not today' });
    assert.deepEqual((await decision).denial, { rule: 'four-eyes', message: 'Rejected by boss@hoop.test: not today' });
    assert.deepEqual(audit.slice(1), ['1 refused by boss@hoop.test']);
  });

  test('is denied when asking fails, and where there is nobody to ask', async () => {
    const { asked, approvals } = people();
    const failing = gateWith(() => HELD, approvals);
    const decision = failing.gate.ask('query', 'delete');
    asked[0]?.fail(new TypeError('the link broke'));
    assert.match((await decision).denial?.message ?? '', /^Not approved: the request for approval failed/);
    assert.deepEqual(failing.audit.slice(1), ['1 refused by nobody']);
    const alone = gateWith(() => HELD);
    assert.match((await alone.gate.ask('query', 'delete')).denial?.message ?? '', /^Not approved: nobody can be asked/);
  });

  test('is denied in spite of an approval when the rules of now forbid it', async () => {
    const { asked, approvals } = people();
    const { gate, audit } = gateWith(() => HELD, approvals);
    const decision = gate.ask('query', 'delete');
    gate.replacePolicy({ judge: () => DENIED, revision: 2, mask: undefined });
    asked[0]?.say({ approved: true, by: 'boss@hoop.test' });
    assert.equal((await decision).denial?.message, 'Not approved: no');
    assert.deepEqual(audit.slice(1), ['1 refused by nobody']);
  });

  test('keeps its approval when the rules of now only hold it again', async () => {
    const { asked, approvals } = people();
    const { gate } = gateWith(() => HELD, approvals);
    const decision = gate.ask('query', 'delete');
    gate.replacePolicy({ judge: () => HELD, revision: 2, mask: undefined });
    asked[0]?.say({ approved: true, by: 'boss@hoop.test' });
    assert.ok((await decision).permit);
  });

  test('A38: gets a permit for itself alone: the same text asks again', async () => {
    const { asked, approvals } = people();
    const { gate } = gateWith(() => HELD, approvals);
    const first = gate.ask('query', 'delete');
    asked[0]?.say({ approved: true, by: 'boss@hoop.test' });
    assert.ok((await first).permit);
    const second = gate.ask('query', 'delete');
    assert.equal(asked.length, 2);
    asked[1]?.say({ approved: false, by: 'boss@hoop.test', reason: '' });
    assert.equal((await second).denial?.message, 'Rejected by boss@hoop.test');
  });

  test('may be prepared: nobody is asked before it runs', async () => {
    const { asked, approvals } = people();
    const { gate, audit } = gateWith(() => HELD, approvals);
    assert.equal(await gate.check('parse', 'delete'), undefined);
    assert.deepEqual([asked.length, audit.length], [0, 0]);
  });
});
