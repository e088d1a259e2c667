import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ENTITIES, Search } from './search.ts';

/** Values as columns have them, whole, cut, disguised, and nearly. */
const VALUES: readonly string[] = [
  ...[
    'ada@example.org',
    '4111 1111 1111 1111',
    '4111111111111111',
    '000004111111111111111',
    '536-90-4399',
    '536904399',
    '+44 20 7946 0958',
  ],
  ...['DE89370400440532013000', 'DE89 3704 0044 0532 0130 00', '10.1.2.3', '2001:db8::1', '2026-11-21 10:11:12', '21.11.2026', '1.1.26'],
  ...['21 November 2026', '21st Nov', 'Nov 21', 'may 5', '12:30', '12:30 pm', '(212) 555-0123', '0123 456 789', '01 23 45 67 89'],
  ...[
    'Ada Lovelace',
    'ada',
    'London',
    '10 Downing Street',
    'Hauptstraße 5',
    'Lindenweg 5',
    'German',
    'account 12345678',
    'passport A12345678',
  ],
  ...['RSSMRA85T10A562S', 'AB123456C', 'AB 12 34 56 C', '123456-123A', 'MH12AB1234', '550e8400-e29b-41d4-a716-446655440000'],
  ...['example.com', 'https://example.org/a?b=c', '00:1b:44:11:3a:b7', '001b.4411.3ab7', 'AKIAIOSFODNN7EXAMPLE', 'YWRhQGV4YW1wbGUub3Jn'],
  ...[
    'shipped, waiting at gate 7',
    'a remark about order 123, which arrived',
    'green',
    '244.25',
    '12345',
    '1234567',
    '1-2-3',
    '5 items',
    '١٢٣-45',
  ],
  ...[
    '４１１１ 1111 1111 1111',
    'ada\u200b@example.org',
    'ada%40example.org',
    '\\u0061da@example.org',
    '4111\u00a01111\u00a01111\u00a01111',
    'Фёдор',
  ],
  ...[
    ' ',
    '-',
    '.',
    ',',
    '/',
    '+',
    '(',
    ')',
    '_',
    ':',
    '@',
    '%',
    '\\x',
    '0',
    '7',
    '1 ',
    '12 ',
    '123',
    '4111 ',
    'a',
    'A',
    'AB',
    'é',
    '\n',
    '\t',
  ],
];

const CASES: readonly Buffer[] = readFileSync(new URL('../../../../test/policy/masking-cases.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.length > 0)
  .map((line) => bytesOf(JSON.parse(line)));

function bytesOf(line: unknown): Buffer {
  assert.ok(typeof line === 'object' && line !== null);
  if ('text' in line) return Buffer.from(String(line.text));
  assert.ok('base64' in line);
  return Buffer.from(String(line.base64), 'base64');
}

const SEARCHES: Readonly<Record<string, readonly [readonly string[], number]>> = {
  'all entities': [ENTITIES, 0.4],
  'all entities that only look like it': [ENTITIES, 0.05],
  'all but names and places': [ENTITIES.filter((entity) => !['PERSON', 'LOCATION', 'NRP'].includes(entity)), 0.4],
  'days, telephones and words': [['DATE_TIME', 'PHONE_NUMBER', 'LOCATION'], 0.1],
  'what is no word and no code': [['EMAIL_ADDRESS', 'IP_ADDRESS', 'URL'], 0.4],
  secrets: [['AWS_ACCESS_KEY', 'JWT', 'GENERIC_SECRET'], 0.4],
};

/** As it stands in what was read: anything may be beside it, and that is not a part of it. */
function found(search: Search, before: Buffer, value: Buffer, behind: Buffer): void {
  const row = Buffer.concat([before, value, behind]);
  const from = before.length;
  const to = from + value.length;
  const plain = search.findPlainly(value);
  assert.equal(plain.length === 0 || search.suspectsIn(row, from, to), true, `not suspected: ${JSON.stringify(String(value))}`);
  // It has to be the same when a value, or one of its shape, comes again.
  for (let time = 0; time < 3; time++) assert.deepEqual(search.findIn(row, from, to), plain, JSON.stringify(String(value)));
}

const NEIGHBOURS = ['', '+', '1', '-', 'a', '4', ' ', '.', ':', '\0\0\0\x2d', 'account ', 'Dr ', '%4', '@', 'é', '-1234'];

const value = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(...VALUES), { minLength: 1, maxLength: 5 }).map((parts) => Buffer.from(parts.join(''))),
  },
  { weight: 4, arbitrary: fc.stringMatching(/^[0-9]{0,9}([ .:/+()@_-]{1,3}[0-9]{1,8}){0,6}$/).map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.stringMatching(/^[A-Z0-9]{1,5}([ -][A-Z0-9]{1,6}){0,5}$/).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.constantFrom(...CASES) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
);
const neighbour = fc.constantFrom(...NEIGHBOURS).map((text) => Buffer.from(text));

describe('the quick ways of looking at a value', () => {
  for (const [name, [entities, threshold]] of Object.entries(SEARCHES)) {
    const search = new Search(new Map(entities.map((entity) => [entity, threshold])));

    it(`say the same as the plain one: ${name}`, () => {
      fc.assert(
        fc.property(neighbour, value, neighbour, (before, own, behind) => found(search, before, own, behind)),
        { numRuns: 1_500 },
      );
    });

    it(`say the same of every disguise: ${name}`, () => {
      for (const [index, text] of CASES.entries()) {
        const beside = Buffer.from(NEIGHBOURS[index % NEIGHBOURS.length] ?? '');
        found(search, beside, text, beside);
      }
    });

    it(`say the same of values of one shape with other digits: ${name}`, () => {
      const shapes = [
        '0000 0000 0000 0000',
        '000-00-0000',
        '000000000',
        '0000000000',
        '00.00.0000',
        '0000-00-00 00:00:00',
        '+00 000 0000000',
      ];
      for (const shape of [...shapes, '00000000000', '0000000000000000', '0.0.0.0', '00:00', '000.000.000-00', '0000000000000000000']) {
        for (let round = 0; round < 200; round++) {
          const text = shape.replace(/0/g, (_, at: number) => String((Math.imul(round * 31 + at * 7, 2_654_435_761) >>> 24) % 10));
          found(search, Buffer.from('+'), Buffer.from(text), Buffer.from('1'));
        }
      }
    });
  }

  it('find the same days and numbers in a text of dull words as in a short one, where each word is looked up', () => {
    const search = new Search(new Map(['DATE_TIME', 'PHONE_NUMBER', 'US_SSN', 'UK_NINO', 'IBAN_CODE'].map((entity) => [entity, 0.1])));
    const word = fc.constantFrom(
      ...'may Nov. march the of order iPhone No x1 1x 5 12 21st 2026 12345 AB 12 34 56 C 536-90-4399 é , .'.split(' '),
    );
    const gap = fc.constantFrom(' ', ' ', ' ', '  ', '   ', '    ', '.', '. ', ' .', ' . ', '-', ', ', '\n');
    fc.assert(
      fc.property(fc.array(fc.tuple(word, gap), { minLength: 1, maxLength: 6 }), (parts) => {
        const short = Buffer.from(parts.flat().join(''));
        fc.pre(short.length <= 48);
        const long = Buffer.concat([short, Buffer.from('\twhich nobody has anything to say about, whoever looks at it')]);
        assert.deepEqual(search.find(long), search.find(short), String(short));
      }),
      { numRuns: 5_000 },
    );
  });
});
