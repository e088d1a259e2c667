import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { hiding } from './testing/hiding.ts';

const MASK = hiding();

import { MASK_RUN_BYTES_MAX } from './limits.ts';
import { MaskStream } from './mask-stream.ts';

function masked(chunks: readonly Buffer[], mask: Mask = MASK): { out: string; counts: MaskCounts } {
  const stream = new MaskStream();
  const counts: MaskCounts = {};
  const parts = chunks.map((chunk) => stream.push(chunk, mask, counts));
  parts.push(stream.flush(mask, counts));
  return { out: Buffer.concat(parts).toString('latin1'), counts };
}

/** Card numbers in groups of four, as people write them. */
const CARDS: Mask = {
  suspects: (bytes) => /\d/.test(bytes.toString('latin1')),
  apply: (bytes, counts) => {
    const text = bytes.toString('latin1').replace(/\b\d{4}(?: ?\d{4}){3}\b/g, (hit) => {
      counts.CARD = (counts.CARD ?? 0) + 1;
      return '#'.repeat(hit.length);
    });
    return text === bytes.toString('latin1') ? bytes : Buffer.from(text, 'latin1');
  },
};

const cases: readonly (readonly [string, string, string, number, Mask])[] = [
  ['an address', 'to ann@example.test now\n', 'to ################ now\n', 1, MASK],
  ['two of them', 'ann@a.bc, bob@d.ef\r\n', '########, ########\r\n', 2, MASK],
  [
    'colours inside of it',
    'x \x1b[1man\x1b[0mn@exa\x1b[31;1mmple.te\x1b[0mst y',
    'x \x1b[1m##\x1b[0m#####\x1b[31;1m#######\x1b[0m## y',
    1,
    MASK,
  ],
  ['a window’s title', '\x1b]0;ann@example.test\x07$ ', '\x1b]0;################\x07$ ', 1, MASK],
  ['numbers in groups', 'card 4111 1111 1111 1111 ok', 'card ################### ok', 1, CARDS],
  ['nothing to hide', 'a\x1b[2Kb c@ d\x00\x07é\n', 'a\x1b[2Kb c@ d\x00\x07é\n', 0, MASK],
];

describe('a stream that is masked', () => {
  for (const [about, text, expected, count, mask] of cases) {
    test(`hides ${about}, wherever it is cut`, () => {
      const bytes = Buffer.from(text, 'latin1');
      const whole = Object.values(masked([bytes], mask).counts).reduce((sum, each) => sum + each, 0);
      assert.equal(whole, count);
      for (let at = 0; at <= bytes.length; at++) {
        const cut = masked([bytes.subarray(0, at), bytes.subarray(at)], mask);
        // A title is cut apart only where it is longer than a word; its text is hidden all the same.
        assert.equal(cut.out, expected, `cut at ${at}`);
        if (about !== 'a window’s title')
          assert.equal(
            Object.values(cut.counts).reduce((sum, each) => sum + each, 0),
            count,
            `counted, cut at ${at}`,
          );
      }
      assert.equal(
        masked(
          Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
          mask,
        ).out,
        expected,
      );
    });
  }

  test('hides the rest of a value whose beginning it could not wait for', () => {
    const stream = new MaskStream();
    const counts: MaskCounts = {};
    assert.equal(stream.push(Buffer.from('see ann@'), MASK, counts).toString(), 'see ');
    assert.equal(stream.flush(MASK, counts).toString(), 'ann@');
    assert.equal(stream.push(Buffer.from('example.test and '), MASK, counts).toString(), '############ and ');
    assert.deepEqual(counts, { EMAIL_ADDRESS: 1 });
  });

  test('holds back no more than a word, and that within a bound', () => {
    const stream = new MaskStream();
    assert.equal(stream.push(Buffer.from('one two thr'), MASK, {}).toString(), 'one two ');
    const long = stream.push(Buffer.alloc(10_000, 'x'), MASK, {});
    assert.equal(long.length, 3 + 10_000 - MASK_RUN_BYTES_MAX);
  });

  test('holds nothing back and changes nothing where nothing is to be hidden', () => {
    const stream = new MaskStream();
    const chunk = Buffer.from('ann@example.t');
    assert.equal(stream.push(chunk, undefined, {}).toString(), 'ann@example.t');
    assert.equal(stream.holds, false);
  });

  test('hides values by words of another length, and keeps what steers', () => {
    const renaming: Mask = {
      suspects: () => true,
      apply: (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('secret', '[hidden value]'), 'latin1'),
    };
    const { out } = masked([Buffer.from('a sec\x1b[1mret b ')], renaming);
    assert.equal(out.includes('secret'), false);
    assert.match(out, /\[hidden value\]/);
    assert.equal(out.includes('\x1b[1m'), true);
  });

  test('under words of another length hides the rest of a value whose beginning was shown, and what only its context shows to be one', () => {
    for (const length of [3, 40]) {
      const stream = new MaskStream();
      assert.equal(stream.push(Buffer.from('see ann@'), hiding(length), {}).toString(), 'see ');
      assert.equal(stream.flush(hiding(length), {}).toString(), 'ann@');
      assert.equal(
        stream.push(Buffer.from('example.test and bob@example.test '), hiding(length), {}).toString(),
        `############ and ${'#'.repeat(length)} `,
      );
    }
    const named: Mask = {
      suspects: () => true,
      apply: (bytes) => Buffer.from(bytes.toString('latin1').replace(/(?<=pin )\d{4}/g, '[hidden]'), 'latin1'),
      keepsLength: false,
    };
    const stream = new MaskStream();
    const pieces = [stream.push(Buffer.from('pin '), named, {}), stream.push(Buffer.from('1234 '), named, {}), stream.flush(named, {})];
    assert.equal(pieces.join(''), 'pin [hidden] ');
  });

  test('does not take two changes of length that add up to nothing for none', () => {
    const swapping: Mask = {
      suspects: () => true,
      apply: (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('secret', 'x').replaceAll('pin', '[hidden]'), 'latin1'),
      keepsLength: false,
    };
    const { out } = masked([Buffer.from('a pin secret '), Buffer.from('b\n')], swapping);
    assert.equal(out, 'a [hidden] x b\n');
  });
});
