import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { compileMasks, maskableEntities } from '@hoop/policy/masks';
import { Cells } from '@hoop/protocols/mysql/cells';
import { Columns } from '@hoop/protocols/mysql/columns';
import { HEADER_BYTES as PACKET_HEADER_BYTES, PAYLOAD_BYTES_MAX } from '@hoop/protocols/mysql/frame';
import { lenencBytes, NULL_CELL } from '@hoop/protocols/mysql/messages/fields';
import { TYPE } from '@hoop/protocols/mysql/messages/row';
import { server } from '@hoop/protocols/mysql/testing/packets';
import { HEADER_BYTES } from '@hoop/protocols/postgres/frame';
import { decodeDataRow, encodeDataRow } from '@hoop/protocols/postgres/messages/row';
import { Result } from '@hoop/protocols/postgres/results';
import fc from 'fast-check';

/** Text, varchar, numbers, moments, addresses, JSON, arrays, ranges, bytes, and a type of somebody's own. */
const TYPES = [25, 25, 25, 1043, 23, 20, 1700, 701, 1184, 1082, 869, 2950, 114, 3802, 1009, 1231, 3908, 17, 99_999];

const CELLS = [
  ...['ada@example.org', 'ada.lovelace@example.org, 4111 1111 1111 1111', '4111 1111 1111 1111', '536-90-4399', '10.1.2.3', 'Ada Lovelace'],
  ...['2026-11-21 10:11:12', '2026-11-21', '12345', '4111111111111111', '4.111111111111111e+15', '244.25', 'green', ''],
  ...['shipped, waiting for the carrier at the northern gate', '550e8400-e29b-41d4-a716-446655440000', '\\x61646140657861', 'C:\\temp'],
  ...[
    '\\x6164614065786d706c652e6f7267',
    '{"mail":"ada@example.org","card":4111111111111111}',
    '{ada@example.org,green}',
    '{4111111111111111}',
  ],
  ...['["2026-11-21 10:11:12",)', 'ａda@example.org', 'Фёдор', 'x'.repeat(200), `${'word '.repeat(30)}ada@example.org`, '\0\0\0\x05'],
];

const cell = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...CELLS).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes)) },
);
const column = fc.record({ type: fc.constantFrom(...TYPES), format: fc.constantFrom(0, 0, 0, 1), cell });
const described = fc.constantFrom<'described' | undefined | readonly number[]>('described', 'described', undefined, [], [1]);

function without(mask: Mask): Mask {
  return {
    suspects: (bytes) => mask.suspects(bytes),
    apply: (text, counts) => mask.apply(text, counts),
    applyToValue: (value, counts) => mask.applyToValue?.(value, counts) ?? null,
  };
}

const UTF8 = 45;
const UTF16 = 54;
const MYSQL_TYPES = [
  TYPE.varString,
  TYPE.varString,
  TYPE.string,
  TYPE.blob,
  TYPE.long,
  TYPE.newDecimal,
  TYPE.double,
  TYPE.datetime,
  TYPE.json,
];
const mysqlColumn = fc.record({
  type: fc.constantFrom(...MYSQL_TYPES),
  charset: fc.constantFrom(UTF8, UTF8, UTF8, UTF8, UTF8, UTF16),
  isEnum: fc.constantFrom(false, false, false, true),
  cell,
});
const ENUM = 0x100;

function mysqlRow(cells: readonly (Buffer | null)[]): Buffer {
  return Buffer.concat(cells.map((each) => (each ? lenencBytes(each) : Buffer.from([NULL_CELL]))));
}

/** The row in the midst of others, as it is shown when it is masked where it stands. */
function inPlace(result: Result, message: Buffer, mask: Mask, counts: MaskCounts): Buffer {
  const before = Buffer.from('before +');
  const behind = Buffer.from('@ behind');
  const chunk = Buffer.concat([before, message, behind]);
  const at = before.length;
  const mayHaveHex = chunk.includes('\\x');
  const bytes = result.hideIn(chunk, at, at + message.length, mask, mayHaveHex, counts);
  assert.equal(String(chunk.subarray(0, at)), String(before));
  assert.equal(String(chunk.subarray(at + message.length)), String(behind));
  const shown = chunk.subarray(at, at + bytes);
  return result.isDone ? shown : result.shown(shown, mask, counts);
}

describe('a row that is masked where it stands', () => {
  for (const strategy of ['redact', 'partial'] as const) {
    const mask = compileMasks([{ name: 'all', entities: maskableEntities(), strategy }]);
    it(`is shown as one of which each cell is cut out, and counted like it: ${strategy}`, () => {
      fc.assert(
        fc.property(fc.array(column, { minLength: 1, maxLength: 8 }), described, (columns, formats) => {
          const message = encodeDataRow(columns.map((each) => each.cell));
          const kinds = columns.map(({ type, format }, index) => ({ name: `c${index}`, type, format }));
          const describedAs = formats === undefined ? undefined : kinds;
          const expected: MaskCounts = {};
          const plain = new Result(describedAs, formats).shown(message, without(mask), expected);
          const counts: MaskCounts = {};
          const shown = inPlace(new Result(describedAs, formats), message, mask, counts);
          assert.deepEqual(decodeDataRow(shown.subarray(HEADER_BYTES)), decodeDataRow(plain.subarray(HEADER_BYTES)));
          assert.deepEqual(shown, plain);
          assert.deepEqual(counts, expected);
        }),
        { numRuns: 1_000 },
      );
    });

    it(`of MySQL is shown as one of which each cell is cut out, and counted like it: ${strategy}`, () => {
      fc.assert(
        fc.property(fc.array(mysqlColumn, { minLength: 1, maxLength: 8 }), (columns) => {
          const described = new Columns();
          for (const { type, charset, isEnum } of columns) {
            described.add(server.column(1, 'a', type, { charset, flags: isEnum ? ENUM : 0 }).subarray(PACKET_HEADER_BYTES));
          }
          const row = mysqlRow(columns.map((each) => each.cell));
          const expected: MaskCounts = {};
          const plain = new Cells({ mask: without(mask), hides: undefined, counts: expected }, described, false).shown(row);
          const chunk = Buffer.concat([Buffer.from('before +'), row, Buffer.from('@ behind')]);
          const counts: MaskCounts = {};
          const own = chunk.subarray(8, 8 + row.length);
          const shown = new Cells({ mask, hides: undefined, counts }, described, false).shown(own);
          assert.deepEqual(shown, plain);
          assert.deepEqual(counts, expected);
          assert.equal(`${chunk.subarray(0, 8)}${chunk.subarray(8 + row.length)}`, 'before +@ behind');
        }),
        { numRuns: 1_000 },
      );
    });
  }

  it('is written anew where it came in several packets', () => {
    const mask = compileMasks([{ name: 'mail', entities: ['EMAIL_ADDRESS'] }]);
    const columns = new Columns();
    for (const name of ['a', 'b']) columns.add(server.column(1, name, TYPE.varString, { charset: UTF8 }).subarray(PACKET_HEADER_BYTES));
    const row = mysqlRow([Buffer.from('ada@example.org'), Buffer.alloc(PAYLOAD_BYTES_MAX, 'x ')]);
    const shown = new Cells({ mask, hides: undefined, counts: {} }, columns, false).shown(row);
    assert.notEqual(shown, row);
    assert.ok(row.includes('ada@example.org') && !shown.includes('ada@example.org'));
  });
});
