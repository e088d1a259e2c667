import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ProposedFinding, ProposedRules, strictestOf } from './proposed.ts';
import type { RuleText } from './rules/rule-text.ts';

const rule = (part: Partial<RuleText> & Pick<RuleText, 'type'>): RuleText => ({ words: [], pattern_regex: '', message: '', ...part });
const only = ['interns'];
const NOON = Date.parse('2026-11-20T12:00:00Z');

function ask(rules: readonly RuleText[], text: string, more: { at_ms?: number; groups?: readonly string[]; rows?: number } = {}) {
  const { at_ms = NOON, groups, rows } = more;
  const proposed = new ProposedRules('new', rules, 'postgres', groups);
  return proposed.findings({ action: { seq: 1, text, via: 'query' }, at_ms, ...(rows === undefined ? {} : { rows }) });
}

describe('rules that are only proposed', () => {
  test('say what each of them found, in the words that the user would have been told', async () => {
    const rules = [rule({ type: 'deny_words_list', words: ['salary'], action: 'warn' }), rule({ type: 'operation', operations: ['drop'] })];
    const found = await ask(rules, 'drop table "my \\"salary"');
    assert.deepEqual(
      found.map(({ rule: index, verdict, fragment }) => ({ index, verdict, fragment })),
      [
        { index: 0, verdict: 'warn', fragment: 'salary' },
        { index: 1, verdict: 'block', fragment: 'drop table "my \\"salary"' },
      ],
    );
    assert.match(
      found[1]?.message ?? '',
      /^Blocked by the following Guardrails rule: match guard rail \[InputRules:new\] rule, type=operation/,
    );
    assert.deepEqual(await ask(rules, 'select 1'), []);
  });

  test('hold at the time of the action, and not at the time of the question', async () => {
    const rules = [rule({ type: 'operation', operations: ['drop'], time_window: { from: '08:00', to: '18:00' } })];
    assert.equal((await ask(rules, 'drop table t')).length, 1);
    assert.equal((await ask(rules, 'drop table t', { at_ms: NOON + 8 * 3_600_000 })).length, 0);
  });

  test('hold for the groups of the user, and for somebody whose groups nobody knows', async () => {
    const rules = [rule({ type: 'operation', operations: ['drop'], groups: { only } })];
    assert.equal((await ask(rules, 'drop table t', { groups: ['interns'] })).length, 1);
    assert.equal((await ask(rules, 'drop table t', { groups: ['dba'] })).length, 0);
    assert.equal((await ask(rules, 'drop table t')).length, 1);
  });

  test('let the strictest count, and the first one of those', () => {
    const finding = (index: number, verdict: ProposedFinding['verdict']): ProposedFinding => ({ rule: index, verdict, message: '' });
    assert.equal(
      strictestOf([finding(0, 'log'), finding(1, 'require_approval'), finding(2, 'require_approval'), finding(3, 'warn')])?.rule,
      1,
    );
    assert.equal(strictestOf([]), undefined);
  });
});
