import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeBytes, encodeBytes, maskHex, mendArray, mendJson } from './texts.ts';

const mended = (text: string): string | undefined => mendJson(Buffer.from(text))?.toString();

describe('JSON in which something was hidden', () => {
  test('is as it was where it still is JSON', () => {
    assert.equal(mended('{"a": "####", "b": [1, true, null]}'), '{"a": "####", "b": [1, true, null]}');
  });

  test('has no number where one was, and its length', () => {
    assert.equal(mended('{"a": ################, "b": ######1111}'), '{"a": null            , "b": null      }');
    assert.equal(mended('[-####,TOKEN_12,1.5e10]'), '[null ,null    ,1.5e10]');
    assert.equal(mended('##'), 'null');
  });

  test('is nothing at all when it cannot be mended', () => {
    for (const broken of ['{"a": "####}', '{"a" "b"}', '"\\u00##"', '{####: 1}', '']) assert.equal(mended(broken), undefined, broken);
  });
});

describe('an array in which something was hidden', () => {
  const TEXT = 25;
  const INT8 = 20;
  const of = (before: string, after: string, type: number): string | undefined =>
    mendArray(Buffer.from(before), Buffer.from(after), type)?.toString();

  test('shows what there is room for, and no value elsewhere', () => {
    assert.equal(of('{a@b.c,"d,e"}', '{#####,"d,e"}', TEXT), '{#####,"d,e"}');
    assert.equal(of('{4111,5}', '{####,5}', INT8), '{NULL,5}');
    assert.equal(of('[2:3]={4111,5}', '[2:3]={####,5}', INT8), '[2:3]={NULL,5}');
    assert.equal(of('{{1,2},{3,4}}', '{{1,#},{3,4}}', INT8), '{{1,NULL},{3,4}}');
  });

  test('is nothing at all when what divides it was hidden too', () => {
    assert.equal(of('{a,b}', '{###}', TEXT), undefined);
    assert.equal(of('{"a","b"}', '{"####b"}', TEXT), undefined);
  });
});

describe('values of many megabytes', () => {
  const MEGABYTES = 3 * 1024 * 1024;
  const mask = { suspects: () => true, apply: (text: Buffer) => (text.length === 3 ? Buffer.from('###') : text) };

  test('are mended as small ones are, up to a bound', () => {
    const json = Buffer.from(`{"long": "${'x'.repeat(MEGABYTES)}", "card": ####}`);
    assert.equal(mendJson(json)?.subarray(-7).toString(), ': null}');
    const array = Buffer.from(`{"${'x'.repeat(MEGABYTES)}",4111}`);
    assert.equal(
      mendArray(array, Buffer.from(array.toString().replace('4111', '####')), 20)
        ?.subarray(-5)
        .toString(),
      'NULL}',
    );
    const larger = Buffer.from(`{"long": "${'x'.repeat(2 * MEGABYTES)}", "card": ####}`);
    assert.equal(mendJson(larger), null);
    const hex = Buffer.concat([Buffer.alloc(MEGABYTES, '\\x61'), Buffer.from(' \\x616263.')]);
    assert.equal(maskHex(hex, mask, {}).subarray(-9).toString(), '\\x232323.');
    assert.equal(decodeBytes(Buffer.concat([Buffer.from('\\x'), Buffer.alloc(MEGABYTES, '61')]))?.length, MEGABYTES / 2);
  });
});

describe('bytes in text', () => {
  test('are read in both ways in which a server writes them', () => {
    assert.deepEqual(decodeBytes(Buffer.from('\\x00fF')), Buffer.from([0, 255]));
    assert.deepEqual(decodeBytes(Buffer.from('a\\\\b\\000\\377')), Buffer.from('a\\b\0\xff', 'latin1'));
    for (const broken of ['\\x0', '\\xzz', 'a\\9', '\\']) assert.equal(decodeBytes(Buffer.from(broken)), undefined, broken);
    assert.equal(encodeBytes(Buffer.from([0, 255])).toString(), '\\x00ff');
  });
});
