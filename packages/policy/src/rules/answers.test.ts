import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Verdict } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { compilePolicy, type PolicyContext, type RuleText } from '../rules.ts';
import { compileOutputRule } from './answers.ts';

const base = { words: [], pattern_regex: '', message: '' };
const words = (...list: string[]): RuleText => ({ ...base, type: 'deny_words_list', words: list });
const pattern = (source: string, more: Partial<RuleText> = {}): RuleText => ({
  ...base,
  type: 'pattern_match',
  pattern_regex: source,
  ...more,
});
const limit = (rows_max: number, more: Partial<RuleText> = {}): RuleText => ({ ...base, type: 'row_limit', rows_max, ...more });

interface Rules {
  readonly input?: readonly RuleText[];
  readonly output?: readonly RuleText[];
}

function policy({ input = [], output = [] }: Rules, context?: PolicyContext) {
  return compilePolicy({ revision: 1, guardrails: [{ name: 'house', input, output }], masks: [] }, 'postgres', context);
}

async function verdict(rules: Rules, text = 'select 1', context?: PolicyContext): Promise<Verdict> {
  return await policy(rules, context).judge({ seq: 1, text, via: 'query' });
}

async function answer(rules: Rules, context?: PolicyContext): Promise<AnswerRules | undefined> {
  const given = await verdict(rules, 'select 1', context);
  return given.allow === true ? given.answer : undefined;
}

const forbids = async (rules: Rules, text: string): Promise<string | undefined> =>
  (await answer(rules))?.forbids?.(Buffer.from(text))?.message;

describe('a rule on output', () => {
  test('ends the answer where it finds something, and does not say what it found', async () => {
    const rules = { output: [pattern('\\d{3}-\\d{2}-\\d{4}', { message: 'No numbers' })] };
    assert.equal(
      await forbids(rules, 'it is 078-05-1120'),
      'Blocked by the following Guardrails rule: No numbers, match guard rail [OutputRules:house] rule, type=pattern_match, patterns=\\d{3}-\\d{2}-\\d{4}; the answer ends here',
    );
    assert.equal(await forbids(rules, 'it is 078-051-120'), undefined);
    assert.equal((await answer(rules))?.forbids?.(Buffer.from('078-05-1120'))?.rule, 'house');
  });

  test('knows words in letters of any size, over any white space', async () => {
    const rules = { output: [words('top secret')] };
    for (const text of ['top secret', 'TOP  Secret', 'a top\n\tsecret b']) assert.ok(await forbids(rules, text), text);
    for (const text of ['topsecret', 'secret top', '']) assert.equal(await forbids(rules, text), undefined, text);
  });

  test('never throws, whatever the bytes are', async () => {
    const rules = await answer({ output: [words('x'), pattern('y')] });
    for (const bytes of [Buffer.alloc(0), Buffer.from([0xff, 0xfe, 0, 0x80]), Buffer.alloc(100_000, 0xc3)])
      assert.equal(rules?.forbids?.(bytes), undefined);
  });

  test('can only block, and only by a text', () => {
    for (const action of ['warn', 'log', 'require_approval'] as const)
      assert.throws(() => compileOutputRule({ ...words('x'), action }), { code: 'invalid_rule', message: /can only block/ });
    for (const rule of [
      limit(3),
      { ...base, type: 'operation' as const, operations: ['drop'] },
      { ...base, type: 'table' as const, tables: ['t'] },
    ])
      assert.throws(() => compileOutputRule(rule), { code: 'invalid_rule' });
    assert.throws(() => policy({ input: [limit(3, { action: 'warn' })] }), { code: 'invalid_rule', message: /can only block, not warn/ });
  });
});

const only = ['interns'];

describe('what must become of an answer', () => {
  test('is on the verdict only where a rule wants something of it', async () => {
    assert.deepEqual(await verdict({}), { allow: true });
    assert.deepEqual(policy({}).needs, []);
    assert.deepEqual(policy({ input: [limit(1)], output: [words('x')] }).needs, ['rows', 'forbids']);
    assert.deepEqual(Object.keys((await answer({ output: [words('x')] })) ?? {}), ['forbids']);
    assert.equal('answer' in (await verdict({ input: [words('select')], output: [words('x')] })), false);
  });

  test('goes with what is held and what is noticed', async () => {
    const held = await verdict({ input: [{ ...words('select'), action: 'require_approval' }, limit(5)] });
    assert.equal(held.allow === 'hold' && held.answer?.rows?.max, 5);
    const noticed = await verdict({ input: [{ ...words('select'), action: 'warn' }, limit(5)] });
    assert.equal(noticed.allow === true && noticed.notice !== undefined && noticed.answer?.rows?.max, 5);
  });

  test('holds for the groups and the hours that the rules name', async () => {
    let now = Date.parse('2026-03-02T12:00:00Z');
    const night = { time_window: { from: '22:00', to: '06:00' } };
    const rules = { input: [limit(100), limit(10, night)], output: [pattern('x', { groups: { only } })] };
    const compiled = policy(rules, { groups: ['dba'], now: () => now });
    const at = async (): Promise<AnswerRules | undefined> => {
      const given = await compiled.judge({ seq: 1, text: 'select 1', via: 'query' });
      return given.allow === true ? given.answer : undefined;
    };
    assert.deepEqual([(await at())?.rows?.max, (await at())?.forbids], [100, undefined]);
    now = Date.parse('2026-03-02T23:00:00Z');
    assert.equal((await at())?.rows?.max, 10);
    now = Date.parse('2026-03-03T07:00:00Z');
    assert.equal((await at())?.rows?.max, 100);
    assert.ok((await answer(rules, { groups: ['interns'] }))?.forbids);
  });

  test('hides columns beside the other rules, and a copy of them is denied', async () => {
    const compiled = compilePolicy(
      { revision: 1, guardrails: [{ name: 'g', input: [limit(7)], output: [] }], masks: [{ name: 'm', entities: [], columns: ['email'] }] },
      'postgres',
    );
    assert.deepEqual([compiled.needs, compiled.mask], [['rows', 'hides'], undefined]);
    const given = await compiled.judge({ seq: 1, text: 'select email as x from users', via: 'query' });
    assert.equal(given.allow === true && given.answer?.rows?.max, 7);
    assert.equal(given.allow === true && given.answer?.hides?.([{ name: 'x' }])?.length, 1);
    const copied = await compiled.judge({ seq: 2, text: 'create table t as select email as x from users', via: 'query' });
    assert.equal(copied.allow === false && copied.denial.rule, 'column masking');
  });
});
