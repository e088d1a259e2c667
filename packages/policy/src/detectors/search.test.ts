import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileMasks, maskableEntities } from '../masks.ts';
import { ENTITIES, Search } from './search.ts';

const BYTES = 200_000;
/** For all entities together, on a machine that has much else to do. */
const MS_MAX = 1_500;

const HOSTILE: readonly string[] = [
  ...['1', '4', '0', '@', '.', '-', ':', ' ', 'a', 'A', '/', '+', '=', '%', '\\', '\x1b', '\x1b[', '\0', 'é', '\u200b', '４', '#'],
  ...[
    '1 ',
    '4 ',
    '4-',
    '12 ',
    '123 ',
    '12345678 ',
    '123456789 ',
    '4111 ',
    '4111111111111111 ',
    '1.',
    '1.1.1.1.',
    '::',
    'a:',
    '00:',
    '1:1 ',
  ],
  ...[
    'eyJ',
    'eyJ.',
    'eyJhbGciOi.eyJ',
    'AKIA',
    'AKIA ',
    'ghp_',
    'xoxb-',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY-----"',
    'sk_live_',
    'token=a1B2c3D4e5F6g7H8 ',
  ],
  ...[
    '://',
    'http://',
    'a.com ',
    'www.',
    'a@',
    'a@b.',
    'a@b.co ',
    '+1',
    '+44 ',
    '(',
    '(212) ',
    '2026-11-21 ',
    '1 Nov ',
    'Nov ',
    '%40',
    '\\u0034',
    '\\x41',
  ],
  ...[
    'Ada ',
    'Ada,',
    'Dr. ',
    'New York ',
    'San ',
    '1 A ',
    'DE89',
    'DE89 3704 0044 ',
    'AB 12 34 56 C ',
    '1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 ',
    `bc1${'q'.repeat(39)} `,
  ],
  ...['AAAAA9999A', 'ABCDE1234F ', 'YWRhQGV4YW1wbGUub3Jn ', '6164614065786d706c652e6f7267 ', 'account 12345678 ', `${'A'.repeat(75)}\n`],
];

describe('a text made to be slow', () => {
  const search = new Search(new Map(ENTITIES.map((entity) => [entity, 0])));
  for (const seed of HOSTILE) {
    test(`is searched for everything at once: ${JSON.stringify(seed.slice(0, 24))}`, () => {
      const text = Buffer.from(seed.repeat(Math.ceil(BYTES / Buffer.byteLength(seed))));
      const started = performance.now();
      search.suspects(text);
      search.find(text);
      const took_ms = performance.now() - started;
      assert.ok(took_ms < MS_MAX, `it took ${Math.round(took_ms)} ms`);
    });
  }
});

const piece = fc.oneof(
  fc.constantFrom(...HOSTILE.map((seed) => seed.slice(0, 40)), 'ada@example.org', '536-90-4399', '+44 20 7946 0958', '“', '\ufeff', '\xff'),
  fc.string({ maxLength: 20 }),
  fc.string({ maxLength: 20, unit: 'binary' }),
);

test('any bytes are masked without a fault: the length stays, and what was found was suspected', () => {
  const mask = compileMasks([{ name: 'all', entities: maskableEntities(), threshold: 0.05 }]);
  const each = ENTITIES.map((entity) => new Search(new Map([[entity, 0.05]])));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.uint8Array({ maxLength: 8 }), (parts, raw) => {
      const text = Buffer.concat([Buffer.from(parts.join('')), raw]);
      assert.equal(mask.apply(text, {}).length, text.length);
      for (const search of each) {
        const findings = search.find(text);
        for (const { from, to } of findings) assert.ok(from >= 0 && from < to && to <= text.length);
        if (findings.length > 0) assert.ok(search.suspects(text), `${findings[0]?.entity} in ${JSON.stringify(String(text))}`);
      }
    }),
    { numRuns: 500 },
  );
});

test('a value is found wherever it stands in a long text, and once', () => {
  const search = new Search(new Map([['CREDIT_CARD', 0.4]]));
  const card = '4111 1111 1111 1111';
  for (const at of [0, 65_500, 65_517, 65_535, 65_536, 65_537, 131_070, 199_981]) {
    const text = Buffer.alloc(200_000, 'lorem ipsum ');
    text.write(` ${card} `, Math.max(0, at - 1));
    const [found, ...others] = search.find(text);
    assert.equal(text.toString('latin1', found?.from, found?.to), card);
    assert.deepEqual(others, []);
  }
});
