import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { plainMysql } from './plain-mysql.ts';

describe('plain SQL of MySQL', () => {
  for (const [what, dressed] of [
    ['letters of any size', 'DrOp TaBlE t'],
    ['white space and control characters', ' \t\n\r\f\vdrop \u0001 \n\t table\u00a0\r\n t  '],
    ['comments', 'drop/**/table/* x */ t'],
    ['comments that do not nest', 'drop/* /* */table t'],
    ['comments with quotes in them', 'drop /* \' */ table /* " */ t'],
    ['a comment for servers of any version', '/*! DROP */ table t'],
    ['a comment for servers of some version', '/*!50000 DROP*/ /*!99999table*/ t'],
    ['a comment for MariaDB', '/*M!100100 drop*/ table t'],
    ['a comment in a comment for servers of some version', '/*!50000 drop /* x */ table t'],
    ['a comment for servers of some version that never ends', '/*!drop table t'],
    ['a comment to the end of its line', 'drop -- it\ntable t'],
    ['two dashes and a tabulator', 'drop --\tit\ntable t'],
    ['a hash', "drop # it's\ntable t"],
    ['a comment at the end', 'drop table t --'],
    ['a comment that never ends', 'drop table t /* gone'],
  ] as const) {
    test(`looks through ${what}`, () => assert.deepEqual(plainMysql(dressed), ['drop table t']));
  }

  test('takes two dashes for a sum where no space follows, and a carriage return for no end of a line', () => {
    assert.deepEqual(plainMysql('select 1--1'), ['select 1--1']);
    assert.deepEqual(plainMysql('select 1 -- \r drop table t'), ['select 1']);
  });

  for (const quoted of [`'DROP  Table'`, `"Two  Words"`, '`My  Table`', `'it''s  X'`, `'/* X */'`, `'# X'`]) {
    test(`keeps ${quoted} as it is`, () => assert.deepEqual(plainMysql(`SELECT  ${quoted}  FROM t`), [`select ${quoted} from t`]));
  }

  test('reads a backslash in both ways: a session may have it either way', () => {
    const [escaping, plain] = plainMysql(`select '\\' ; DROP/**/TABLE t; -- '`);
    assert.equal(escaping, `select '\\' ; DROP/**/TABLE t; -- '`);
    assert.equal(plain, `select '\\' ; drop table t;`);
    const [other] = plainMysql(`select '\\'' ; DROP/**/TABLE t; -- '`);
    assert.equal(other, `select '\\'' ; drop table t;`);
  });

  test('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void plainMysql(text)));
  });
});
