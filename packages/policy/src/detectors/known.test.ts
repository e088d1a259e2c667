import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Known, tagOf } from './known.ts';
import { type Finding, Search } from './search.ts';

const FOUND: Finding[] = [{ entity: 'US_SSN', from: 0, to: 11, score: 0.85 }];

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** Two values of one length that have the same hash. */
function alike(): readonly [Buffer, Buffer] {
  const seen = new Map<number, Buffer>();
  for (let count = 0; count < 1_000_000; count++) {
    const value = bytes(`value ${Math.imul(count, 0x9e3779b1) >>> 0}`.padEnd(20));
    const other = seen.get(tagOf(value));
    if (other) return [other, value];
    seen.set(tagOf(value), value);
  }
  throw new Error('No two values are alike');
}

describe('values that come again', () => {
  it('keeps what was found in a value from its second time on', () => {
    const known = new Known();
    for (let time = 1; time <= 2; time++) {
      assert.equal(known.get(bytes('536-90-4399')), undefined);
      known.add(bytes('536-90-4399'), FOUND);
    }
    assert.equal(known.get(bytes('536-90-4399')), FOUND);
  });

  it('tells values of the same hash apart', () => {
    const [one, other] = alike();
    const known = new Known();
    for (let time = 1; time <= 2; time++) {
      known.get(one);
      known.add(one, FOUND);
    }
    assert.equal(known.get(one), FOUND);
    assert.equal(known.get(other), undefined);
  });

  it('keeps a copy, so that a buffer that is used again changes nothing', () => {
    const known = new Known();
    const buffer = bytes('536-90-4399');
    for (let time = 1; time <= 2; time++) {
      known.get(buffer);
      known.add(buffer, FOUND);
    }
    buffer.write('all shipped');
    assert.equal(known.get(buffer), undefined);
    assert.equal(known.get(bytes('536-90-4399')), FOUND);
  });

  it('finds the same in a value however often it comes, and whatever came between', () => {
    const search = new Search(new Map([['US_SSN', 0.4]]));
    for (let time = 0; time < 5; time++) {
      assert.deepEqual(search.find(bytes('536-90-4399')), FOUND);
      assert.deepEqual(search.find(bytes('000-90-4399')), []);
      for (let row = 0; row < 600; row++) search.find(bytes(`row ${row} of ${time}`));
    }
  });
});
