import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeShown, encodeShown } from './shown.ts';

describe('a piece of what a terminal showed', () => {
  it('is read as it was written', () => {
    for (const piece of [
      { stream: 'stdout', seq: 1, bytes: new Uint8Array([1, 2, 3]) },
      { stream: 'stderr', seq: 70_000, bytes: new Uint8Array(), size: { columns: 80, rows: 24 } },
    ] as const) {
      const { bytes, ...more } = decodeShown(encodeShown(piece)) ?? assert.fail('it is not read');
      assert.deepEqual({ ...more, bytes: new Uint8Array(bytes) }, piece);
    }
  });

  it('is none where it is cut off, or of a stream that there is not', () => {
    const whole = encodeShown({ stream: 'stdout', seq: 1, bytes: new Uint8Array() });
    for (let at = 0; at < whole.length; at++) assert.equal(decodeShown(whole.subarray(0, at)), undefined);
    whole[0] = 9;
    assert.equal(decodeShown(whole), undefined);
  });
});
