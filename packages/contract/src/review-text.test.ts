import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { visibleText, warningsOf } from './review-text.ts';

describe('A38: a text that is to be approved', () => {
  test('says so when it is not what it looks like', () => {
    assert.deepEqual(warningsOf('delete from p\u0430yments', 'query'), ['lookalike_characters']);
    assert.deepEqual(warningsOf('select \u202e1', 'query'), ['invisible_characters']);
    assert.deepEqual(warningsOf('select 1 -- \b\b\b\b', 'query'), ['invisible_characters']);
    assert.deepEqual(warningsOf('select\u00a01', 'query'), ['invisible_characters']);
    assert.deepEqual(warningsOf('delete from t where id = $1', 'execute'), ['parameters_not_shown']);
    assert.deepEqual(warningsOf('delete from t where id = $1\n-- parameters, not all shown: $1 = "x…"', 'execute'), [
      'parameters_not_shown',
    ]);
    assert.deepEqual(warningsOf('-- parameters: 1\ndelete from t where id = ?', 'execute'), ['parameters_not_shown']);
    assert.deepEqual(warningsOf('delete from t where id = $1\n-- parameters: $1 = "x"', 'execute'), []);
    assert.deepEqual(warningsOf('FUNCTION CALL lo_unlink', 'function'), ['parameters_not_shown']);
  });

  test('has no warnings where there is nothing to warn of, in any language', () => {
    for (const text of ['select 1\n\tfrom t', "select 'Москва', 'naïve', '東京', '🦊'", 'price $1'])
      assert.deepEqual(warningsOf(text, 'query'), [], text);
  });

  test('shows what is invisible, and the rest as it is', () => {
    assert.equal(visibleText('a\u202eb\x1b[2Kc\n\td \u200b'), 'a\\u{202e}b\\u{1b}[2Kc\n\td \\u{200b}');
    assert.equal(visibleText("select '東京'"), "select '東京'");
  });
});
