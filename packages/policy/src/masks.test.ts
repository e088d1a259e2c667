import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AppError } from '@hoop/core/errors';
import type { MaskCounts } from '@hoop/core/gate';
import { entityMask, maskableEntities } from './masks.ts';

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

  test('is not made for an entity that nobody can find', () => {
    for (const entity of ['NOBODY_KNOWS', 'email_address', '__proto__', 'constructor', ''])
      assert.throws(
        () => entityMask(['EMAIL_ADDRESS', entity]),
        (error) => error instanceof AppError && error.code === 'invalid_rule',
      );
    assert.equal(new Set(maskableEntities()).size, maskableEntities().length);
  });
});
