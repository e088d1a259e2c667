import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SecretBox } from './secret-box.ts';
import { code } from './testing/suite.ts';

const KEY = Buffer.alloc(32, 7);

describe('a secret box', () => {
  it('opens what it sealed, whatever the text, in the same context only', () => {
    const box = new SecretBox(KEY);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), fc.string(), (plain, context, other) => {
        const sealed = box.seal(plain, context);
        assert.equal(box.open(sealed, context), plain);
        if (other !== context) assert.throws(() => box.open(sealed, other), code('secret_box_tampered'));
      }),
      { numRuns: 300 },
    );
  });

  it('seals the same text differently each time, and shows nothing of it', () => {
    const box = new SecretBox(KEY);
    const texts = new Set(Array.from({ length: 100 }, () => box.seal('secret', 'c')));
    assert.equal(texts.size, 100);
    for (const text of texts) assert.ok(!text.includes('secret') && !text.includes(Buffer.from('secret').toString('base64url')));
  });

  it('refuses a text with any one character changed, cut or added', () => {
    const box = new SecretBox(KEY);
    const sealed = box.seal('correct horse', 'c');
    for (let index = 0; index < sealed.length; index++) {
      const changed = `${sealed.slice(0, index)}${sealed[index] === 'A' ? 'B' : 'A'}${sealed.slice(index + 1)}`;
      assert.throws(() => box.open(changed, 'c'), String(index));
      assert.throws(() => box.open(sealed.slice(0, index), 'c'), String(index));
    }
    assert.throws(() => box.open(`${sealed}A`, 'c'));
    for (const text of ['', '.', '..', 'v1..', 'v2.x.y', `${sealed}.x`, `${sealed}=`, `${sealed}!`])
      assert.throws(() => box.open(text, 'c'), text);
  });

  it('opens with earlier keys, seals with the newest, and can tell which is which', () => {
    const old = new SecretBox(KEY);
    const box = new SecretBox(randomBytes(32), [KEY]);
    const sealed = old.seal('x', 'c');
    assert.equal(box.open(sealed, 'c'), 'x');
    assert.deepEqual([old.isCurrent(sealed), box.isCurrent(sealed), box.isCurrent(box.seal('x', 'c'))], [true, false, true]);
    assert.throws(() => old.open(box.seal('x', 'c'), 'c'), code('encryption_key_unknown'));
  });

  it('wants keys of 32 bytes, and keeps its own copy', () => {
    for (const length of [0, 16, 31, 33]) assert.throws(() => new SecretBox(Buffer.alloc(length)), code('encryption_key_invalid'));
    assert.throws(() => new SecretBox(KEY, [Buffer.alloc(1)]), code('encryption_key_invalid'));
    const key = randomBytes(32);
    const box = new SecretBox(key);
    const sealed = box.seal('x', 'c');
    key.fill(0);
    assert.equal(box.open(sealed, 'c'), 'x');
  });

  it('names a key without telling anything of it', () => {
    const [, id = ''] = new SecretBox(KEY).seal('x', 'c').split('.');
    assert.match(id, /^[0-9a-f]{12}$/);
    assert.ok(!KEY.toString('hex').includes(id));
  });
});
