import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ShownLine } from './shown-line.ts';

function shown(output: string, columns = 20): string {
  const line = new ShownLine(columns);
  line.feed(Buffer.from(output));
  return line.text;
}

const cases: readonly (readonly [string, string, string])[] = [
  ['plain text', '$ ls', '$ ls'],
  ['only the last line', 'one\r\ntwo\r\n$ x', '$ x'],
  ['colours', '\x1b[1;32m$\x1b[0m ls \x1b[38;5;12m-l\x1b[m', '$ ls -l'],
  ['a title before the prompt', '\x1b]0;root@host: ~\x07# id', '# id'],
  ['characters taken back', '$ lss\b \b', '$ ls '],
  ['erasing to the end', '$ ls -la\b\b\b\x1b[K', '$ ls '],
  ['a line drawn anew', '$ old command\r\x1b[K$ new', '$ new'],
  ['insertion in the middle', '$ ab\b\x1b[1@x', '$ axb'],
  ['deletion in the middle', '$ abc\b\b\x1b[1P', '$ ac'],
  ['movement by columns', '$ abc\x1b[4GX', '$ aXc'],
  ['a line that goes on in the next row', '$ 012345678901234567 89', '$ 012345678901234567 89'],
  ['the wrap that editors force', '$ 012345678901234567 \rabc', '$ 012345678901234567abc'],
  ['a return behind the last column', '$ 012345678901234567\rX', 'X 012345678901234567'],
  ['movement between rows', `$ ${'a'.repeat(30)}\x1b[AX\nY`, `$ ${'a'.repeat(10)}X${'a'.repeat(19)} Y`],
  ['letters of two columns', '$ 日本\b\bx', '$ 日x'],
  ['a cleared screen', 'junk\x1b[H\x1b[2J$ x', '$ x'],
];

describe('the line that a terminal shows', () => {
  for (const [about, output, expected] of cases) {
    test(`is followed through ${about}, however the output is cut`, () => {
      const whole = shown(output);
      assert.equal(whole, expected);
      const bytes = Buffer.from(output);
      for (let at = 0; at <= bytes.length; at++) {
        const line = new ShownLine(20);
        line.feed(bytes.subarray(0, at));
        line.draw();
        line.feed(bytes.subarray(at));
        assert.equal(line.text, whole, `cut at ${at}`);
      }
    });
  }

  test('tells of full-screen programs and of marked pastes, also inside of much output', () => {
    const line = new ShownLine(80);
    const much = 'x'.repeat(70);
    line.feed(Buffer.from(`\x1b[?2004h\x1b[?1049h${`${much}\r\n`.repeat(100)}`));
    assert.deepEqual([line.inAlternateScreen, line.takesPastes], [true, true]);
    line.feed(Buffer.from(`${`${much}\r\n`.repeat(100)}\x1b[?1049;2004l${`${much}\r\n`.repeat(100)}$ x`));
    assert.deepEqual([line.inAlternateScreen, line.takesPastes, line.text], [false, false, '$ x']);
  });

  test('is followed in whatever pieces much output comes, and whether or not somebody looks in between', () => {
    const bytes = Buffer.from(`\x1b[?1049h\x1b[?1049l\x1b[?2004h${'a line of a file\r\n'.repeat(20_000)}$ last`);
    for (const size of [1, 7, 1_000, 4_096, 100_000]) {
      for (const looks of [false, true]) {
        const line = new ShownLine(80);
        for (let at = 0; at < bytes.length; at += size) {
          line.feed(bytes.subarray(at, at + size));
          if (looks && at % 11 === 0) line.draw();
        }
        assert.deepEqual([line.text, line.takesPastes, line.inAlternateScreen], ['$ last', true, false], `pieces of ${size}`);
      }
    }
  });

  test('can be looked at as it was when it was left, line by line', () => {
    const line = new ShownLine(80);
    line.feed(Buffer.from('$ '));
    assert.equal(line.text, '$ ');
    line.isStepwise = true;
    line.feed(Buffer.from('ls\r\nfile\r\n$ \x1b]0;no end'));
    const seen: string[] = [];
    while (line.step()) seen.push(line.text);
    assert.deepEqual(seen, ['$ ls', 'file', '$ ']);
    line.isStepwise = false;
    line.feed(Buffer.from('\x07x'));
    assert.equal(line.text, '$ x');
  });

  test('is bounded, whatever a program prints', () => {
    const line = new ShownLine(80);
    line.feed(Buffer.alloc(3_000_000, 'x'));
    line.feed(Buffer.from('\x1b[999999999C\x1b[999999999B\x1b[999999999@\x1b[999999999Xy'));
    assert.ok(line.text.length <= 300_000);
    const wide = new ShownLine(2 ** 32 - 1);
    for (let time = 0; time < 100; time++) wide.feed(Buffer.from('\x1b[4000000000@'));
    assert.ok(wide.text.length <= 300_000);
    for (let time = 0; time < 30; time++) wide.feed(Buffer.alloc(100_000, 'x'));
    assert.ok(wide.text.length <= 300_000);
  });
});
