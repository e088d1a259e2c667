import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import { compilePolicy, compileRule, type PolicyText, type RuleText } from './rules.ts';

const words = (...list: string[]): RuleText => ({ type: 'deny_words_list', words: list, pattern_regex: '', message: 'Ask first' });
const pattern = (source: string, message = ''): RuleText => ({ type: 'pattern_match', words: [], pattern_regex: source, message });

function policy(...input: RuleText[]): ReturnType<typeof compilePolicy> {
  const text: PolicyText = { revision: 7, guardrails: [{ name: 'house rules', input, output: [] }], masks: [] };
  return compilePolicy(text);
}

async function verdict(text: string, ...input: RuleText[]): Promise<string> {
  const given = await policy(...input).judge({ seq: 1, text, via: 'query' });
  return given.allow ? 'allow' : given.denial.message;
}

describe('rules about what an action goes on with', () => {
  const part = { via: 'request', head: 'POST /ask\n\n', before: 'asked before, and ', text: 'asked again' };
  const more = (given: Partial<typeof part>, ...input: RuleText[]): unknown => policy(...input).judgeMore?.({ ...part, ...given }).allow;

  test('are those about text', () => {
    const request: RuleText = { type: 'request', words: [], pattern_regex: '', message: '', paths: ['/**'] };
    assert.equal(policy(request).judgeMore, undefined);
    assert.equal(policy().judgeMore, undefined);
    assert.equal(more({ text: 'fine' }, request, words('drop')), true);
    assert.equal(more({ text: 'fine' }, request, words('drop'), pattern('f.ne')), false);
  });

  test('see a piece with what came before it and what stands above it', () => {
    assert.equal(more({ before: 'dr', text: 'op' }, words('drop')), false);
    assert.equal(more({ text: 'drop' }, pattern('^POST /ask\\s.*drop')), false);
    assert.equal(more({ text: 'drop' }, pattern('^POST /other\\s.*drop')), true);
  });

  test('find only what is new in it where they do not forbid it', () => {
    for (const [action, found] of [
      ['require_approval', 'hold'],
      ['warn', true],
    ] as const) {
      const rule = { ...words('asked'), action };
      const finds = (given: Partial<typeof part>): boolean => {
        const verdict = policy(rule).judgeMore?.({ ...part, ...given });
        assert.ok(verdict?.allow === true || verdict?.allow === found);
        return verdict.allow === 'hold' || verdict.matched !== undefined;
      };
      assert.equal(finds({}), true, 'it is there twice');
      assert.equal(finds({ text: 'nothing' }), false, 'it was there before');
      assert.equal(finds({ before: 'is as', text: 'ked' }), true, 'it goes over the edge');
      assert.equal(finds({ head: 'POST /asked\n\n', before: '', text: 'fine' }), false, 'it stands above');
    }
  });

  test('hold at their time and for their groups', () => {
    const rule = { ...words('again'), groups: { except: ['dba'] } };
    const text: PolicyText = { revision: 7, guardrails: [{ name: 'house rules', input: [rule], output: [] }], masks: [] };
    assert.equal(compilePolicy(text, undefined, { groups: ['interns'] }).judgeMore?.(part).allow, false);
    assert.equal(compilePolicy(text, undefined, { groups: ['dba'] }).judgeMore?.(part).allow, true);
  });
});

describe('rules', () => {
  test('without any allow everything', async () => {
    assert.equal(await verdict('drop table t'), 'allow');
  });

  test('say whether anything is judged at all', () => {
    assert.equal(policy().allowsAll, true);
    assert.equal(policy({ ...words(), type: 'row_limit', rows_max: 3 }).allowsAll, true, 'which is about answers');
    assert.equal(policy({ ...words('drop'), action: 'log' }).allowsAll, false);
  });

  test('deny a word wherever it stands, however it is dressed', async () => {
    const rule = words('drop table', 'pg_sleep');
    for (const text of [
      'drop table t',
      'DROP TABLE t',
      'drop  table t',
      'drop\ntable t',
      'drop/* */table t',
      'select 1; drop table t',
      'select pg_sleep(1)',
      'select PG_SLEEP (1)',
    ])
      assert.match(await verdict(text, rule), /^Blocked by the following Guardrails rule: Ask first, /);
    for (const text of ['select 1', 'drop', 'table', 'drop view t']) assert.equal(await verdict(text, rule), 'allow');
  });

  test('deny a pattern, in any size of letters and over lines', async () => {
    const rule = pattern('delete\\s+from\\s+\\w+\\s*$');
    assert.match(await verdict('DELETE\nFROM  t', rule), /patterns=delete/);
    assert.match(await verdict('delete from /* no where */ t -- none', rule), /Blocked/);
    assert.equal(await verdict('delete from t where id = 1', rule), 'allow');
  });

  test('say which rule it was, and what it found', async () => {
    assert.equal(
      await verdict('DROP TABLE t', words('drop table')),
      'Blocked by the following Guardrails rule: Ask first, match guard rail [InputRules:house rules] rule, type=deny_words_list, words=[drop table], found "drop table"',
    );
    const long = await verdict('x'.repeat(10_000), pattern('x+'));
    assert.ok(long.length < 300, 'a fragment is cut');
  });

  test('deny a function call that they cannot read, and only where there are rules', async () => {
    const call = { seq: 1, text: 'FUNCTION CALL oid 4711', via: 'function' };
    const given = await policy(words('x')).judge(call);
    assert.equal(given.allow, false);
    assert.equal((await policy().judge(call)).allow, true);
    assert.equal((await policy(words('x')).judge({ ...call, text: 'FUNCTION CALL lo_creat' })).allow, true);
  });

  test('that cannot be kept are refused when they are compiled', () => {
    const faulty: RuleText[] = [
      words(),
      words(' ', ''),
      words(...Array.from({ length: 1_001 }, (_, at) => `w${at}`)),
      pattern(''),
      pattern('('),
      pattern('a(?=b)'),
      pattern('(a)\\1'),
      pattern('x'.repeat(5_000)),
    ];
    for (const rule of faulty)
      assert.throws(
        () => compileRule(rule),
        (error) => error instanceof AppError && error.code === 'invalid_rule',
      );
    assert.throws(() => compilePolicy({ revision: 1, guardrails: [], masks: [{ name: 'm', entities: ['NOBODY_KNOWS'] }] }), AppError);
  });

  test('are linear, whatever the pattern and the text', async () => {
    const started = performance.now();
    await verdict(`${'a'.repeat(50_000)}!`, pattern('(a+)+$'), pattern('(a|aa)+$'), pattern('(.*)*x'));
    assert.ok(performance.now() - started < 3_000, `took ${Math.round(performance.now() - started)} ms`);
  });

  test('carry their revision and their masks', () => {
    assert.equal(policy().revision, 7);
    assert.equal(policy().mask, undefined);
    const masked = compilePolicy({ revision: 1, guardrails: [], masks: [{ name: 'm', entities: ['EMAIL_ADDRESS'] }] });
    assert.ok(masked.mask);
  });
});
