import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import type { MaskCounts } from '@hoop/core/gate';
import fc from 'fast-check';
import { SEARCH_MS_MAX } from './detectors/search.ts';
import { compileMasks, entityMask, type MaskText, maskableEntities } from './masks.ts';

describe('a mask', () => {
  const mask = entityMask(['EMAIL_ADDRESS']);

  test('replaces what it finds byte for byte, counts it, and leaves the original alone', () => {
    const counts: MaskCounts = {};
    const text = Buffer.from('write to jürgen@example.org or to ada@example.org');
    const before = Buffer.from(text);
    const masked = mask.apply(text, counts);
    assert.equal(String(masked), `write to ${'#'.repeat(Buffer.byteLength('jürgen@example.org'))} or to ${'#'.repeat(15)}`);
    assert.equal(masked.length, text.length);
    assert.deepEqual(counts, { EMAIL_ADDRESS: 2 });
    assert.deepEqual(text, before);
  });

  test('gives back the very buffer where there is nothing to hide', () => {
    const text = Buffer.from('nothing @ all');
    assert.equal(mask.apply(text, {}), text);
    assert.equal(mask.suspects(Buffer.from('nothing')), false);
    assert.equal(mask.suspects(text), true);
  });

  test('hides all of a value when a detector fails on it, and says so', () => {
    const text = Buffer.alloc(100_000, 'nothing to hide @ all ');
    text.subarray = () => {
      throw new RangeError('A detector failed');
    };
    for (const masked of [mask.apply(text, {}), mask.applyToValue?.(text, {})]) assert.equal(String(masked), '#'.repeat(text.length));
    const counts: MaskCounts = {};
    mask.apply(text, counts);
    assert.deepEqual(counts, { UNREAD: 1 });
  });

  test('shows a value that a detector fails on in best-effort mode, and counts that', () => {
    const lenient = compileMasks([{ name: 'r', entities: ['EMAIL_ADDRESS'] }], { mode: 'best-effort' });
    const text = Buffer.alloc(100_000, 'nothing to hide @ all ');
    text.subarray = () => {
      throw new RangeError('A detector failed');
    };
    const counts: MaskCounts = {};
    assert.equal(lenient.apply(text, counts), text);
    assert.equal(lenient.applyToValue?.(text, counts), text);
    assert.deepEqual(counts, { UNCHECKED: 2 });
    assert.equal(
      String(lenient.apply(Buffer.from('ada@example.test'), {})),
      '################',
      'what does not fail is hidden all the same',
    );
  });

  test('takes a value that is too slow to be searched for one that a detector fails on', (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => {
      now += SEARCH_MS_MAX / 3;
      return now;
    });
    const [short, long] = [Buffer.alloc(100_000, 'a word '), Buffer.alloc(1_000_000, 'a word ')];
    const counts: MaskCounts = {};
    assert.equal(mask.apply(short, counts), short);
    assert.equal(String(mask.apply(long, counts)), '#'.repeat(long.length));
    assert.deepEqual(counts, { UNREAD: 1 });
  });

  test('is not made for an entity that nobody can find', () => {
    for (const entity of ['NOBODY_KNOWS', 'email_address', '__proto__', 'constructor', ''])
      assert.throws(
        () => entityMask(['EMAIL_ADDRESS', entity]),
        (error) => error instanceof AppError && error.code === 'invalid_rule',
      );
    assert.equal(new Set(maskableEntities()).size, maskableEntities().length);
  });
});

describe('a value that is an address and nothing else', () => {
  const all = maskableEntities();
  const alike = compileMasks([{ name: 'all', entities: all }]);
  // Where one entity is treated in another way, all findings have to be known.
  const unlike = compileMasks([
    { name: 'all', entities: all.filter((entity) => entity !== 'MAC_ADDRESS') },
    { name: 'one', entities: ['MAC_ADDRESS'], strategy: 'null' },
  ]);
  const part = fc.constantFrom(
    ...[
      'ada',
      'Ada',
      'lovelace',
      '.',
      '-',
      '_',
      '+',
      '%',
      '%40',
      '{',
      "'",
      '@',
      '@',
      '@',
      'example',
      '.org',
      '.com',
      'é',
      'а',
      '4111111111111111',
    ],
    ...[
      '536-90-4399',
      'AB123456C',
      'ghp_0123456789abcdef0123456789abcdef0123',
      '10.1.2.3',
      ' ',
      '/',
      '=',
      '\u200b',
      '\\u0061',
      'www.',
      'http://',
    ],
  );

  test('is hidden and counted as if every detector had looked at it', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 7 }), (parts) => {
        const text = Buffer.from(parts.join(''));
        for (let time = 0; time < 3; time++) {
          const expected: MaskCounts = {};
          const counts: MaskCounts = {};
          const inPlace: MaskCounts = {};
          const own = Buffer.from(text);
          const shown = alike.apply(text, counts);
          assert.equal(String(shown), String(unlike.apply(text, expected)));
          alike.hideIn?.(own, 0, own.length, inPlace);
          assert.equal(String(own), String(shown));
          assert.deepEqual([counts, inPlace], [expected, expected], String(text));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a strategy', () => {
  const MAILS = 'ada@example.org, bob@example.org; ada@example.org';
  const masked = (rule: Partial<MaskText>, text: string | Buffer, key?: Buffer): string => {
    const options = key ? { key } : {};
    return String(compileMasks([{ name: 'm', entities: ['EMAIL_ADDRESS'], ...rule }], options).apply(Buffer.from(text), {}));
  };

  test('partial shows the end of a value, and never more than half of it', () => {
    assert.equal(masked({ strategy: 'partial', keep: 4 }, 'ada@example.org'), '###########.org');
    assert.equal(masked({ strategy: 'partial', keep: 8 }, 'a@b.co'), '###.co');
    assert.equal(masked({ strategy: 'partial', keep: 2 }, 'a@müll.öö'), `${'#'.repeat(10)}ö`);
  });

  test('token gives equal values equal words, and other values other ones', () => {
    const [first, second, third] = masked({ strategy: 'token' }, MAILS).split(/[,;] /);
    assert.match(first ?? '', /^EMAIL_ADDRESS_[0-9a-f]{12}$/);
    assert.equal(first, third);
    assert.notEqual(first, second);
    assert.equal(masked({ strategy: 'token' }, 'ada@example.org'), first);
  });

  test('hash depends on the key that is given, and on nothing else', () => {
    const hash = (key: string): string => masked({ strategy: 'hash' }, 'ada@example.org', Buffer.from(key));
    assert.match(hash('one'), /^[0-9a-f]{32}$/);
    assert.equal(hash('one'), hash('one'));
    assert.notEqual(hash('one'), hash('two'));
  });

  test('that changes lengths leaves them as they are inside of a binary format', () => {
    const binary = Buffer.concat([Buffer.from([0, 0, 0, 15]), Buffer.from('ada@example.org')]);
    assert.equal(masked({ strategy: 'token' }, binary), `\0\0\0\x0f${'#'.repeat(15)}`);
    assert.equal(compileMasks([{ name: 'm', entities: ['EMAIL_ADDRESS'], strategy: 'token' }]).keepsLength, false);
    assert.equal(compileMasks([{ name: 'm', entities: ['EMAIL_ADDRESS'], strategy: 'partial' }]).keepsLength, true);
  });

  test('null empties a value that stands alone, and hides it in a text', () => {
    const mask = compileMasks([{ name: 'm', entities: ['EMAIL_ADDRESS'], strategy: 'null' }]);
    const counts: MaskCounts = {};
    assert.equal(mask.applyToValue?.(Buffer.from('ada@example.org'), counts), null);
    assert.deepEqual(counts, { EMAIL_ADDRESS: 1 });
    assert.equal(String(mask.apply(Buffer.from('ada@example.org'), {})), '#'.repeat(15));
    const plain = Buffer.from('nothing');
    assert.equal(mask.applyToValue?.(plain, {}), plain);
  });

  test('of two rules the strictest wins, and the lowest threshold', () => {
    const rules: MaskText[] = [
      { name: 'a', entities: ['EMAIL_ADDRESS', 'US_SSN'], strategy: 'token', threshold: 0.9 },
      { name: 'b', entities: ['EMAIL_ADDRESS', 'US_SSN'], strategy: 'redact', threshold: 0.05 },
    ];
    for (const order of [rules, [...rules].reverse()]) {
      assert.equal(String(compileMasks(order).apply(Buffer.from('ada@example.org 536904399'), {})), `${'#'.repeat(15)} ${'#'.repeat(9)}`);
    }
    assert.equal(String(compileMasks([{ name: 'c', entities: ['US_SSN'] }]).apply(Buffer.from('n 536904399'), {})), 'n 536904399');
    assert.equal(
      String(compileMasks([{ name: 'c', entities: ['US_SSN'] }]).apply(Buffer.from('ssn 536904399'), {})),
      `ssn ${'#'.repeat(9)}`,
    );
  });
});

describe('an entity of one’s own', () => {
  const rule = (custom: Partial<NonNullable<MaskText['custom']>[number]>): MaskText => ({
    name: 'own',
    entities: [],
    custom: [{ name: 'BADGE', pattern: '', words: [], score: 0.8, ...custom }],
  });
  const shown = (each: MaskText, text: string, counts: MaskCounts = {}): string =>
    String(compileMasks([each]).apply(Buffer.from(text), counts));

  test('is found by its pattern, and counted by its name', () => {
    const counts: MaskCounts = {};
    assert.equal(shown(rule({ pattern: 'b-\\d{4}' }), 'für B-1234 und b-99999', counts), 'für ###### und ######9');
    assert.deepEqual(counts, { BADGE: 2 });
  });

  test('is found by its words, where they are not a part of others', () => {
    assert.equal(shown(rule({ words: ['Zephyr', 'blue moon'] }), 'zephyrs ZEPHYR, Blue Moon'), 'zephyrs ######, #########');
  });

  test('is not hidden under the threshold of its rule', () => {
    assert.equal(shown({ ...rule({ words: ['zephyr'], score: 0.3 }), threshold: 0.5 }, 'zephyr'), 'zephyr');
  });

  test('is refused when it cannot be looked for', () => {
    for (const custom of [
      {},
      { pattern: '(' },
      { pattern: 'a*' },
      { pattern: '(?=a)' },
      { name: 'lower', words: ['x'] },
      { words: ['x'], score: 1.5 },
    ]) {
      assert.throws(
        () => compileMasks([rule(custom)]),
        (error) => error instanceof AppError && error.code === 'invalid_rule',
      );
    }
  });
});
