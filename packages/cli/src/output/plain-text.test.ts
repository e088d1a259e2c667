import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainText } from './plain-text.ts';

test('colours, movements and titles are left out', () => {
  assert.equal(plainText('\x1b]0;title\x07\x1b[1;31mred\x1b[0m \x1b[?2004h$ \x1b(Bls\x1b[K'), 'red $ ls');
  assert.equal(plainText('\x1bP1$r0m\x1b\\text'), 'text');
});

test('lines end as lines do, and what was typed wrongly is gone', () => {
  assert.equal(plainText('one\r\ntwo\r\r\nthre\b\b\b\bfour\n'), 'one\ntwo\nfour\n');
});

test('a line that was written over is as it was last', () => {
  assert.equal(plainText(' 10%\r 50%\r100%\r\ndone'), '100%\ndone');
});

test('nothing is left that could drive a terminal', () => {
  assert.equal(plainText('a\x07b\x1b[31'), 'ab31');
  assert.equal(plainText('a\u009b31m\u202eb'), 'a31mb');
});
