import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { findEmails, mayHoldEmail } from './email.ts';

function found(text: string | Buffer): string[] {
  const bytes = Buffer.from(text);
  const ranges: string[] = [];
  findEmails(bytes, (from, to) => ranges.push(bytes.toString('utf8', from, to)));
  return ranges;
}

describe('addresses', () => {
  for (const address of [
    'a@b.co',
    'ada.lovelace@example.org',
    'ADA@EXAMPLE.ORG',
    'first.last+tag@sub.domain.example',
    "o'brien@example.ie",
    '123@456.info',
    'x_y-z@a-b.example',
    'jürgen@müller.example',
    '用户@例子.公司',
    'a@b.c.d.e.museum',
    `${'l'.repeat(64)}@example.org`,
  ]) {
    test(`are found: ${address.length > 40 ? `${address.slice(0, 20)}…` : address}`, () => {
      assert.deepEqual(found(address), [address]);
      assert.deepEqual(found(`<${address}>, "${address}";\t(${address})`), [address, address, address]);
      assert.equal(mayHoldEmail(Buffer.from(address)), true);
    });
  }

  test('are found beside each other and in other formats', () => {
    assert.deepEqual(found('{a@b.example,c@d.example}'), ['a@b.example', 'c@d.example']);
    assert.deepEqual(found("'a@b.example'"), ['a@b.example']);
    assert.deepEqual(found('mailto:a@b.example?subject=x'), ['a@b.example']);
    assert.deepEqual(found('{"mail":"a@b.example"}'), ['a@b.example']);
    assert.deepEqual(found('a@b.example.'), ['a@b.example']);
    assert.deepEqual(found('a@b.example-'), ['a@b.example']);
  });

  test('end before a length of the binary format that stands in front of them', () => {
    const text = Buffer.from('ada@example.org');
    const length = Buffer.from([0, 0, 0, text.length]);
    assert.deepEqual(found(Buffer.concat([length, text, length, text])), ['ada@example.org', 'ada@example.org']);
  });
});

describe('what is no address', () => {
  for (const text of [
    '@',
    'a@',
    '@b.example',
    'a@b',
    'a@b.',
    'a@.example',
    'a@b..example',
    'a b@ c.d',
    'price @ 5.00',
    'user@localhost',
    'a@b.c',
    '',
  ]) {
    test(`is left alone: ${JSON.stringify(text)}`, () => assert.deepEqual(found(text), []));
  }

  test('without an at sign is not even looked at', () => {
    assert.equal(mayHoldEmail(Buffer.from('no such thing here.example')), false);
  });
});

test('any text is searched without a fault, ranges come in order and hold an at sign', () => {
  const odd = fc.array(fc.oneof(fc.constantFrom('@', '.', '-', 'a', 'é', '\0', ' ', '{', 'b.c', '@d.ee'), fc.string()), { maxLength: 60 });
  fc.assert(
    fc.property(odd, (parts) => {
      const bytes = Buffer.from(parts.join(''));
      let after = 0;
      findEmails(bytes, (from, to) => {
        assert.ok(from >= after && to > from && to <= bytes.length);
        assert.ok(bytes.subarray(from, to).includes(0x40));
        after = to;
      });
    }),
  );
});

test('a megabyte made to be slow is searched at once', () => {
  for (const hostile of [
    'a'.repeat(1_000_000),
    '@'.repeat(1_000_000),
    'a@'.repeat(500_000),
    'a.'.repeat(500_000),
    `${'a'.repeat(500_000)}@${'b'.repeat(500_000)}`,
    'a@b.'.repeat(250_000),
  ]) {
    const started = performance.now();
    found(hostile);
    assert.ok(performance.now() - started < 1_000, `${hostile.slice(0, 8)}… took ${Math.round(performance.now() - started)} ms`);
  }
});
