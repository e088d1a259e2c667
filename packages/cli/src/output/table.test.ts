import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellText, renderFacts, renderTable } from './table.ts';

test('a table is as wide as its widest cells, three spaces apart, and no line ends in spaces', () => {
  const table = renderTable(
    ['UID', 'NAME', 'STATUS'],
    [
      ['22ab1d2f', 'default', 'ONLINE'],
      ['7', 'a-longer-name', undefined],
    ],
  );
  assert.equal(
    table,
    ['UID        NAME            STATUS', '22ab1d2f   default         ONLINE', '7          a-longer-name   -', ''].join('\n'),
  );
});

test('a table without rows is its headers', () => {
  assert.equal(renderTable(['ID', 'NAME'], []), 'ID   NAME\n');
});

test('nothing, null and an empty text are a dash; zero and false are themselves', () => {
  assert.deepEqual([undefined, null, '', 0, false].map(cellText), ['-', '-', '-', '0', 'false']);
});

test('a name from another machine cannot drive the terminal or break out of its row', () => {
  assert.equal(cellText('a\x1b[31mred\x07\nnext\u009b2J'), 'a\\x1b[31mred\\x07 next\\x9b2J');
  assert.equal(cellText('abc\u202egpj.exe'), 'abc\\x202egpj.exe');
});

test('wide characters take two columns and combining marks none', () => {
  const table = renderTable(
    ['NAME', 'X'],
    [['日本'], ['e\u0301a'], ['four']].map(([name]) => [name, '1']),
  );
  assert.deepEqual(table.split('\n').slice(1, 4), ['日本   1', 'e\u0301a     1', 'four   1']);
});

test('facts stand below each other with their values aligned', () => {
  assert.equal(
    renderFacts([
      ['Id', 'x'],
      ['Connection', ''],
    ]),
    'Id:          x\nConnection:  -\n',
  );
});
