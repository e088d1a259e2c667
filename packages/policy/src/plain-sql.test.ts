import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { plainSql } from './plain-sql.ts';

describe('plain SQL', () => {
  for (const [what, dressed] of [
    ['letters of any size', 'DrOp TaBlE t'],
    ['white space of all kinds', ' \t\n\r\f\vdrop \n\t table\r\n t  '],
    ['comments', 'drop/**/table/* x */ t'],
    ['nested comments', 'drop/* /* */ */table t'],
    ['comments with quotes in them', 'drop /* \' */ table /* " */ t'],
    ['a comment to the end of its line', 'drop -- it\ntable t'],
    ['a comment that ends with a carriage return only', 'drop --\rtable t'],
    ['a comment at the end', 'drop table t -- gone'],
    ['a comment that never ends', 'drop table t /* gone'],
  ] as const) {
    test(`looks through ${what}`, () => assert.equal(plainSql(dressed), 'drop table t'));
  }

  for (const quoted of [
    "'DROP  Table'",
    '"Two  Words"',
    "E'it\\'s  X'",
    "e'\\\\'",
    "'it''s  X'",
    '$$ A  /* B */ $$',
    '$tag$ $$ X  $tag$',
    "U&'\\0041  B'",
    "B'01'",
  ]) {
    test(`leaves a quoted text as it is: ${quoted}`, () => {
      assert.ok(plainSql(`SELECT  ${quoted}  FROM t`).includes(quoted.replace(/^[EUB]&?(?=')/, (prefix) => prefix.toLowerCase())));
    });
  }

  test('is not fooled by quotes of one kind in those of another', () => {
    assert.equal(plainSql(`select '"' ; DROP/**/TABLE t; select '"'`), `select '"' ; drop table t; select '"'`);
    assert.equal(plainSql(`select "'" ; DROP/**/TABLE t; select "'"`), `select "'" ; drop table t; select "'"`);
    assert.equal(plainSql(`select $$'$$ ; DROP/**/TABLE t; select $$'$$`), `select $$'$$ ; drop table t; select $$'$$`);
    assert.equal(plainSql(`select '/*' ; DROP/**/TABLE t; select '*/'`), `select '/*' ; drop table t; select '*/'`);
    assert.equal(plainSql(`select '--' ; DROP/**/TABLE t`), `select '--' ; drop table t`);
  });

  test('takes a dollar inside a name, and one with a number, for what it is', () => {
    assert.equal(plainSql('select a$b$, $1  from T /* $b$ */'), 'select a$b$, $1 from t');
  });

  test('of any text is made without a fault, and made again stays the same where nothing is quoted', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void plainSql(text)));
    const unquoted = fc
      .array(fc.constantFrom('DROP', ' ', '\n', '/*', '*/', '--', 'a', '1', ';', '*', '/', '-'), { maxLength: 40 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(unquoted, (text) => {
        const once = plainSql(text);
        // Two pieces that a comment kept apart may join to the beginning of another: then there is more to take away.
        if (!/--|\/\*/.test(once)) assert.equal(plainSql(once).trim(), once.trim());
      }),
    );
  });

  test('of a megabyte made to be slow is made at once', () => {
    for (const piece of ['/*', '-- ', "'", '"', '$', '$a', '$$', "E'\\", 'a ', '\n', '$a$']) {
      const text = piece.repeat(1_000_000 / piece.length);
      const started = performance.now();
      plainSql(text);
      assert.ok(performance.now() - started < 2_000, `${JSON.stringify(piece)} took ${Math.round(performance.now() - started)} ms`);
    }
  });
});
