import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startedWith, startOf } from './start.ts';

test('a session begins with a character set in which quotes may hide, and says so; others are as usual', () => {
  const started = (charset: number): readonly string[] => startedWith(startOf({ user: '', options: { charset: String(charset) } }));
  assert.deepEqual([28, 13, 1, 95, 248].map(started), [
    ['SET NAMES gbk'],
    ['SET NAMES sjis'],
    ['SET NAMES big5'],
    ['SET NAMES cp932'],
    ['SET NAMES gb18030'],
  ]);
  for (const usual of [8, 33, 45, 63, 224, 255]) assert.deepEqual(started(usual), []);
});
