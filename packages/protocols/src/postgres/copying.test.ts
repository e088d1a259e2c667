import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { copyStyleOf } from './copy-style.ts';
import { CopyOut } from './copying.ts';
import { message } from './testing/messages.ts';

const PLAIN = { isCsv: false, delimiter: '\t', nothing: '\\N', quote: '"', escaper: '"', hasNames: false };
const CSV = { ...PLAIN, isCsv: true, delimiter: ',', nothing: '' };

describe('the style of a copy', () => {
  test('is what its statement asks for, in the old words and the new ones', () => {
    const styles: [string, object][] = [
      ['copy t to stdout', PLAIN],
      ['COPY (select 1 as "csv") TO STDOUT;', PLAIN],
      ['copy t to stdout (format csv)', CSV],
      [
        "copy t to stdout with (format 'csv', header true, delimiter ';', quote '''', escape E'\\x5c', null 'none')",
        {
          ...{ isCsv: true, delimiter: ';', nothing: 'none', quote: "'", escaper: '\\', hasNames: true },
        },
      ],
      ["copy t to stdout csv header quote as '|' force quote a", { ...CSV, quote: '|', escaper: '|', hasNames: true }],
      ['copy t to stdout (format csv, header off)', CSV],
      ["copy t to stdout delimiters '|'", { ...PLAIN, delimiter: '|' }],
      ["copy (select 'to stdout csv', $$to stdout csv$$) /* to stdout csv */ to stdout -- csv", PLAIN],
      ['select 1; copy t to stdout csv; copy u to stdout csv', CSV],
    ];
    for (const [sql, style] of styles) assert.deepEqual(copyStyleOf(sql), style, sql);
  });

  test('is not told where it can be read in two ways, or is none', () => {
    for (const sql of [
      'copy t to stdout; copy t to stdout csv',
      "copy t to stdout /* /* */ delimiter ';' */ */",
      "copy (select 'a\\' ) to stdout --'",
      "copy t to stdout (delimiter '||')",
      'select 1',
      'copy t from stdin',
    ])
      assert.equal(copyStyleOf(sql), undefined, sql);
  });
});

describe('columns of what is copied out', () => {
  const hide = (value: Buffer): Buffer => Buffer.from(`<${value.toString('latin1')}>`, 'latin1');
  const shown = (line: string, sql: string, hidden: readonly (typeof hide | undefined)[]): string | undefined => {
    const copy = new CopyOut({ isBinary: false, columns: hidden.length }, copyStyleOf(sql), hidden);
    const body = message('d', Buffer.from(line, 'latin1'));
    return copy.shown(body, 'row', undefined, {})?.toString('latin1', 5);
  };

  test('are hidden where they are, however the line is written', () => {
    const second = [undefined, hide, undefined];
    assert.equal(shown('a\tb\tc\n', 'copy t to stdout', second), 'a\t<b>\tc\n');
    assert.equal(shown('a\\\tb\tx\\ty\t\\N\n', 'copy t to stdout', second), 'a\\\tb\t<x\\ty>\t\\N\n');
    assert.equal(shown('a\t\\N\tc\n', 'copy t to stdout', second), 'a\t\\N\tc\n');
    assert.equal(shown('"a,""1""",b,c\n', 'copy t to stdout csv', second), '"a,""1""",<b>,c\n');
    assert.equal(shown('a,"b,\n""c""",c\n', 'copy t to stdout csv', second), 'a,"<b,\n""c"">",c\n');
    assert.equal(shown('a,,c\n', 'copy t to stdout csv', second), 'a,,c\n');
    assert.equal(shown("a|'b\\'|c'|d\n", "copy t to stdout csv delimiter '|' quote '''' escape E'\\\\'", second), "a|'<b\\'|c>'|d\n");
  });

  test('are not guessed at where a line has not as many as were told', () => {
    assert.equal(shown('a\tb\n', 'copy t to stdout', [hide]), undefined);
    assert.equal(shown('a,"b\n', 'copy t to stdout csv', [hide, hide]), undefined);
    assert.equal(shown('a\tb\n', 'copy t to stdout; copy t to stdout csv', [hide, hide]), undefined);
  });
});
