import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mask } from '@hoop/core/gate';
import { Cells } from './cells.ts';
import { Columns } from './columns.ts';
import { HEADER_BYTES } from './frame.ts';
import { mendJson } from './json.ts';
import { decodeTextRow, TYPE } from './messages/row.ts';
import { server } from './testing/packets.ts';

const CARD = '4111111111111111';
const ENUM = 0x100;
const SET = 0x800;
const UNSIGNED = 0x20;

/** Hides each card number, by as many signs as it has. */
const cards: Mask = {
  suspects: (bytes) => bytes.includes(CARD),
  apply: (text, counts) => {
    if (!text.includes(CARD)) return text;
    counts.CARD = (counts.CARD ?? 0) + 1;
    return Buffer.from(text.toString('latin1').replaceAll(CARD, '#'.repeat(CARD.length)), 'latin1');
  },
};

interface Column {
  readonly type: number;
  readonly flags?: number;
  readonly charset?: number;
}

function columnsOf(...columns: readonly Column[]): Columns {
  const result = new Columns();
  for (const { type, ...more } of columns) result.add(server.column(1, 'a', type, more).subarray(HEADER_BYTES));
  return result;
}

const cells = (isBinary: boolean, mask: Mask, ...columns: readonly Column[]): Cells =>
  new Cells({ mask, hides: undefined, counts: {} }, columnsOf(...columns), isBinary);

/** What a value in the text format is shown as. */
function shownText(value: Buffer | string, column: Column, mask: Mask = cards): string | null {
  const bytes = Buffer.from(value as string);
  const row = Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const [cell = null] = decodeTextRow(cells(false, mask, column).shown(row));
  return cell?.toString('latin1') ?? null;
}

function numberBytes(value: bigint, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes.subarray(0, size);
}

const binaryRow = (nulls: number, ...values: readonly Buffer[]): Buffer => server.binaryValues(1, nulls, ...values).subarray(HEADER_BYTES);

describe('a value of MySQL that has to be hidden', () => {
  const texts: readonly [what: string, column: Column, shown: string | null][] = [
    ['a string', { type: TYPE.varString }, '#'.repeat(16)],
    ['a blob', { type: TYPE.blob, charset: 63 }, '#'.repeat(16)],
    ['a BIGINT', { type: TYPE.longlong, charset: 63 }, null],
    ['a DECIMAL', { type: TYPE.newDecimal, charset: 63 }, null],
    ['a DOUBLE', { type: TYPE.double, charset: 63 }, null],
    ['an ENUM', { type: TYPE.string, flags: ENUM }, null],
    ['a SET', { type: TYPE.string, flags: SET }, null],
    ['a geometry', { type: 255, charset: 63 }, null],
    ['JSON that is a number', { type: TYPE.json }, 'null            '],
    ['a type that nobody knows', { type: 200 }, null],
  ];
  for (const [what, column, shown] of texts) {
    test(`A34: ${what} of the text format is shown as ${shown === null ? 'NULL' : JSON.stringify(shown)}`, () => {
      assert.equal(shownText(CARD, column), shown);
    });
  }

  test('A34: a BIT is looked at as the number that it is', () => {
    const bits = Buffer.from(BigInt(CARD).toString(16).padStart(16, '0'), 'hex');
    assert.equal(shownText(bits, { type: TYPE.bit, flags: UNSIGNED }, { ...cards, suspects: () => true }), null);
  });

  for (const [what, column, value] of [
    ['BIGINT', { type: TYPE.longlong }, numberBytes(BigInt(CARD), 8)],
    ['unsigned BIGINT', { type: TYPE.longlong, flags: UNSIGNED }, numberBytes(BigInt(CARD), 8)],
    ['DOUBLE', { type: TYPE.double }, Buffer.from(new Float64Array([Number(CARD)]).buffer)],
    ['DECIMAL', { type: TYPE.newDecimal }, Buffer.concat([Buffer.from([16]), Buffer.from(CARD)])],
  ] as const) {
    test(`A34: a ${what} of the binary format that holds a card number is shown as NULL, and its neighbours as they are`, () => {
      const row = binaryRow(0, numberBytes(7n, 4), value, Buffer.from([1, 0x78]));
      const shown = cells(true, cards, { type: TYPE.long }, column, { type: TYPE.varString }).shown(row);
      assert.deepEqual(shown, binaryRow(0b1000, numberBytes(7n, 4), Buffer.from([1, 0x78])));
    });
  }

  test('A34: a time of the binary format is looked at as SQL writes it', () => {
    const dates: Mask = { suspects: () => true, apply: (text) => (String(text) === '2001-02-03 04:05:06' ? Buffer.alloc(1) : text) };
    const value = Buffer.from([7, 0xd1, 7, 2, 3, 4, 5, 6]);
    assert.deepEqual(cells(true, dates, { type: TYPE.datetime }).shown(binaryRow(0, value)), binaryRow(0b100));
    const other = binaryRow(0, Buffer.from([4, 0xd1, 7, 2, 3]));
    assert.equal(cells(true, dates, { type: TYPE.date }).shown(other), other);
  });

  test('A34: is shown as NULL where its rule says so, in both formats', () => {
    const none: Mask = { ...cards, applyToValue: (value) => (value.includes(CARD) ? null : value) };
    assert.equal(shownText(`x ${CARD}`, { type: TYPE.varString }, none), null);
    const row = binaryRow(0, Buffer.concat([Buffer.from([16]), Buffer.from(CARD)]));
    assert.deepEqual(cells(true, none, { type: TYPE.varString }).shown(row), binaryRow(0b100));
  });

  test('A33: in letters of two or four bytes is found, and shown as NULL', () => {
    const utf16 = Buffer.from(CARD, 'utf16le');
    assert.equal(shownText(utf16, { type: TYPE.varString, charset: 56 }), null);
    assert.equal(shownText(utf16.swap16(), { type: TYPE.varString, charset: 54 }), null);
    const other = Buffer.from('4111', 'utf16le');
    assert.equal(shownText(other, { type: TYPE.varString, charset: 56 }), other.toString('latin1'));
  });

  test('A35: of a type that nobody knows ends the session in the binary format, because nothing behind it can be found', () => {
    assert.throws(() => cells(true, cards, { type: 200 }).shown(binaryRow(0, Buffer.from([1, 1]))), { code: 'target_protocol' });
  });
});

describe('JSON in which something is hidden', () => {
  const row = (json: string, type: number): unknown => {
    const shown = shownText(json, { type });
    return shown === null ? undefined : JSON.parse(shown);
  };

  for (const [where, type] of [
    ['a column of JSON', TYPE.json],
    ['a column of texts', TYPE.blob],
  ] as const) {
    test(`A34: stays JSON in ${where}: a number becomes null, a string keeps its quotes`, () => {
      assert.deepEqual(row(`{"a": ${CARD}, "b": ["${CARD}", -${CARD}, 1.5, true], "${CARD}": {}}`, type), {
        a: null,
        b: ['#'.repeat(16), null, 1.5, true],
        ['#'.repeat(16)]: {},
      });
    });
  }

  test('A34: is shown as NULL where it would not be JSON any more, and as it is in a text that never was', () => {
    const breaking: Mask = { ...cards, apply: () => Buffer.from('{"a"') };
    assert.equal(shownText(`{"a": ${CARD}}`, { type: TYPE.json }, breaking), null);
    assert.equal(shownText(`{not json ${CARD}`, { type: TYPE.blob }), `{not json ${'#'.repeat(16)}`);
  });

  test('keeps its length where a number is hidden, and escapes where they are', () => {
    const masked = Buffer.from('{"q\\"": ####, "\\\\": "#", "n": 12##, "m": -1e5}');
    const mended = mendJson(masked);
    assert.equal(mended.length, masked.length);
    assert.deepEqual(JSON.parse(mended.toString()), { 'q"': null, '\\': '#', n: null, m: -1e5 });
  });
});
