import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Action, Outcome, Verdict } from './action.ts';
import { Misconfigured } from './errors.ts';
import { Gate, type Policy } from './gate.ts';

const DENIED: Verdict = { allow: false, denial: { rule: 'r', message: 'no' } };

function gateWith(judge: Policy['judge']): { gate: Gate; audit: string[]; clock: { micros: number } } {
  const audit: string[] = [];
  const clock = { micros: 0 };
  const sink = {
    intent: ({ seq, via, text }: Action, verdict: Verdict) =>
      audit.push(`${seq} ${via} ${text} ${verdict.allow ? 'allow' : verdict.denial.rule}`),
    settled: ({ seq }: Action, { rows, duration_us }: Outcome) => audit.push(`${seq} ${rows} rows in ${duration_us}`),
  };
  const gate = new Gate({ judge, revision: 1, mask: undefined }, sink, { now: () => 0, micros: () => clock.micros });
  return { gate, audit, clock };
}

describe('the gate', () => {
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
