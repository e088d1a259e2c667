import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { arrayParts, multirangeEnds, rangeEnds, recordParts } from './structures.ts';
import { int32 } from './testing/messages.ts';

const value = (text: string | null): Buffer => (text === null ? int32(-1) : Buffer.concat([int32(text.length), Buffer.from(text)]));
const array = (flags: number, ...texts: (string | null)[]): Buffer =>
  Buffer.concat([int32(1), int32(flags), int32(25), int32(texts.length), int32(1), ...texts.map(value)]);
const record = (...texts: (string | null)[]): Buffer =>
  Buffer.concat([int32(texts.length), ...texts.flatMap((text) => [int32(25), value(text)])]);
const texts = (parts: Iterable<{ readonly value: Buffer | null }> | undefined): (string | undefined)[] =>
  Array.from(parts ?? [], (part) => part.value?.toString());

describe('values that are made of others', () => {
  test('come apart, and are whole again with others in them', () => {
    for (const [made, parts] of [
      [array, arrayParts],
      [(_: number, ...of: (string | null)[]) => record(...of), recordParts],
    ] as const) {
      const found = parts(made(1, 'a', null, 'ccc'));
      assert.deepEqual(texts(found?.each()), ['a', undefined, 'ccc']);
      assert.deepEqual(
        Array.from(found?.each() ?? [], ({ type }) => type),
        [25, 25, 25],
      );
      assert.deepEqual(found?.with(new Map([[2, Buffer.from('longer')]])), made(1, 'a', null, 'longer'));
      assert.deepEqual(parts(made(0, 'a', 'b'))?.with(new Map([[0, null]])), made(1, null, 'b'));
    }
    assert.equal(arrayParts(Buffer.concat([int32(0), int32(0), int32(25)]))?.count, 0);
  });

  test('are none when a byte is missing or too many, or a length cannot be', () => {
    const wholes: readonly [Buffer, (bytes: Buffer) => unknown][] = [
      [array(0, 'a', 'bb'), arrayParts],
      [record('a', 'bb'), recordParts],
      [Buffer.concat([Buffer.from([2]), value('from'), value('to')]), rangeEnds],
      [Buffer.concat([int32(1), value(`\x0a${value('from').toString('latin1')}`)]), multirangeEnds],
    ];
    for (const [whole, parts] of wholes) {
      assert.notEqual(parts(whole), undefined);
      for (let cut = 0; cut < whole.length; cut++) assert.equal(parts(whole.subarray(0, cut)), undefined);
      assert.equal(parts(Buffer.concat([whole, Buffer.alloc(1)])), undefined);
    }
    assert.equal(arrayParts(Buffer.concat([int32(2), int32(0), int32(25), int32(1 << 30), int32(1), int32(1 << 30), int32(1)])), undefined);
    assert.equal(recordParts(Buffer.concat([int32(1), int32(25), int32(-2)])), undefined);
    assert.equal(recordParts(int32(-1)), undefined);
  });

  test('have the ends of ranges that there are', () => {
    const ends = (bytes: Buffer): string[] => Array.from(rangeEnds(bytes) ?? [], String);
    assert.deepEqual(ends(Buffer.concat([Buffer.from([0x02]), value('1'), value('5')])), ['1', '5']);
    assert.deepEqual(ends(Buffer.concat([Buffer.from([0x08]), value('5')])), ['5']);
    assert.deepEqual(ends(Buffer.from([0x18])), []);
    assert.deepEqual(ends(Buffer.from([0x01])), []);
  });
});
